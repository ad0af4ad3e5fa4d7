"""Prompts with their completions, as messages or as text.

    {"prompt": [{"role": "user", "content": "2+3?"}], "completion": [{"role": "assistant", "content": "5"}], "tools": null}
    {"prompt": "<|im_start|>user\\n2+3?<|im_end|>\\n<|im_start|>assistant\\n", "completion": "5<|im_end|>\\n"}

Source: TRL, docs/source/dataset_formats.md (prompt-completion).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.exporters.chats import MESSAGES, UNPROVEN, Chat, chats
from eagdata.exporters.templates import ChatTemplate
from eagdata.records import Json


class PromptCompletionExporter:
    """Prompt and completion for TRL's SFTTrainer, which learns the completion alone."""

    @settings
    class Config:
        template: str | None = None
        """Write both as text, by this chat template (see `text`); none: as messages."""
        each: Literal["trajectory", "turn"] = "trajectory"
        """A row per `trajectory`, whose completion holds the observations too; or one per `turn` of the teacher, with all that came before
        it as its prompt: then nothing but the teacher's words is learned, and the first turn of n is written n times."""

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (UNPROVEN, "what in a completion may be trained on: observations are learned too, unless each=turn")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._template = ChatTemplate(config.template) if config.template else None
        kind = pa.string() if config.template else MESSAGES
        self.schema = pa.schema([("prompt", kind), ("completion", kind), *([] if config.template else [("tools", MESSAGES)])])

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per trajectory or per turn that may be trained on. Raises: RecipeError for a row that is none."""
        for _, chat in chats(source):
            if self._config.each == "trajectory":
                yield self._row(chat, chat.replied_at, len(chat.messages))
            else:
                yield from (self._row(chat, place, place + 1) for place, one in enumerate(chat.loss) if one)

    def _row(self, chat: Chat, start: int, end: int) -> dict[str, Json]:
        if self._template is None:
            return {"prompt": list(chat.messages[:start]), "completion": list(chat.messages[start:end]), "tools": chat.tools or None}
        prompt = self._template.render(chat, chat.messages[:start], reply_follows=True)
        whole = self._template.render(chat, chat.messages[:end])
        if not whole.startswith(prompt):
            raise RecipeError(
                f"the template {self._config.template!r} writes the prompt of row {chat.id!r} in two ways",
                why="with the completion behind it, it does not begin as it does alone",
                mend="choose another template, or leave it out: then the rows are messages",
            )
        return {"prompt": prompt, "completion": whole[len(prompt) :]}
