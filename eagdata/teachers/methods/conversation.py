"""What a conversation shows of the work so far: the teacher has no other memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eagdata.records import Message

_BLOCK = re.compile(r"```python\n(.*?)\n?```", re.DOTALL)
_RAISED = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?((?:[A-Z]\w*)?(?:[Ee]rror|Exception|Interrupt|Iteration|Exit|Warning))(?:: ?(.*))?$", re.MULTILINE
)
_STATUS = {"Output:": "ok", "Error:": "error", "Timeout:": "timeout", "Limit:": "limit"}
_BACK = "(The state is back to what it was before this step.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier reply of the teacher, and what it caused."""

    code: str | None
    """What it ran; None if it answered or said nothing runnable."""
    status: str
    """`ok`, `error`, `timeout`, `limit`; empty where nothing was run."""
    text: str
    undone: bool
    """The state was put back: nothing that this turn defined exists."""

    @property
    def live(self) -> bool:
        """It ran to its end and its names exist."""
        return self.status == "ok" and not self.undone

    @property
    def raised(self) -> tuple[str, str]:
        """Class and message of the exception that ended it, as shown; two empty texts if none is."""
        found = list(_RAISED.finditer(self.text))
        return (found[-1][1], found[-1][2] or "") if found else ("", "")

    def defines(self, name: str) -> bool:
        """Whether the code assigns or defines `name` at the outermost level or in a loop."""
        return self.code is not None and re.search(rf"^\s*(?:def {name}\(|{name}(?:, \w+)* [-+*/]?= )", self.code, re.MULTILINE) is not None


def read(messages: Sequence[Message]) -> tuple[str, list[Turn]]:
    """The question, and the turns after it. Messages between a reply and the next belong to the reply."""
    turns: list[Turn] = []
    started = [i for i, message in enumerate(messages) if message.role == "assistant"]
    first = started[0] if started else len(messages)
    question = "\n".join(message.content for message in messages[:first] if message.role == "user")
    for at, index in enumerate(started):
        end = started[at + 1] if at + 1 < len(started) else len(messages)
        heard = "\n".join(message.content for message in messages[index + 1 : end])
        turns.append(_turn(messages[index], heard))
    return question, turns


def _turn(reply: Message, heard: str) -> Turn:
    block = _BLOCK.search(reply.content)
    head, _, text = heard.partition("\n")
    undone = text.rstrip().endswith(_BACK)
    text = text.rstrip().removesuffix(_BACK).rstrip()
    return Turn(code=block.group(1) if block else None, status=_STATUS.get(head.strip(), ""), text=text, undone=undone)
