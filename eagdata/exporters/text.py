"""Chats as one text each, written by a chat template.

    {"text": "<|im_start|>user\\n2+3?<|im_end|>\\n<|im_start|>assistant\\n5<|im_end|>\\n"}

Source: TRL, docs/source/dataset_formats.md (standard language modelling).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import UNPROVEN, chats
from eagdata.exporters.templates import ChatTemplate
from eagdata.records import Json


class TextExporter:
    """One text per trajectory, in the words of a chat template."""

    @settings
    class Config:
        template: str = "chatml"
        """`chatml`, `qwen2.5` or `llama3`; or a file: a Jinja template, a `tokenizer_config.json`, or a tokenizer's folder."""

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        UNPROVEN,
        "what may be trained on: a trainer learns the question and the observations too",
        "the difference between a mark of the template and the same characters in a message",
    )
    schema: ClassVar[pa.Schema] = pa.schema([("text", pa.string())])

    def __init__(self, config: Config) -> None:
        self._template = ChatTemplate(config.template)

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per trajectory. Raises: RecipeError for a row that is none, or that the template refuses."""
        for _, chat in chats(source):
            yield {"text": self._template.render(chat, chat.messages)}
