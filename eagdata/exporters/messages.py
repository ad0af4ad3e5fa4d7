"""Chats as TRL and the OpenAI API write them.

    {"messages": [{"role": "user", "content": "2+3?"}, {"role": "assistant", "content": "5"}], "tools": null}

Source: TRL, docs/source/dataset_formats.md (conversational language modelling, tool calling).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import MESSAGES, UNPROVEN, chats
from eagdata.records import Json


class MessagesExporter:
    """Chats for TRL's SFTTrainer, LLaMA-Factory and Axolotl: `messages` and `tools`."""

    @settings
    class Config:
        loss: bool = False
        """Mark in each message, under `loss`, whether it may be trained on (Axolotl: `message_field_training: loss`)."""

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (UNPROVEN,)
    schema: ClassVar[pa.Schema] = pa.schema([("messages", MESSAGES), ("tools", MESSAGES)])

    def __init__(self, config: Config) -> None:
        self._config = config

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per trajectory. Raises: RecipeError for a row that is none."""
        for _, chat in chats(source):
            messages: list[Json] = list(chat.messages)
            if self._config.loss:
                messages = [{**message, "loss": one} for message, one in zip(chat.messages, chat.loss, strict=True)]
            yield {"messages": messages, "tools": chat.tools or None}
