"""What each contender of `benchmarks/teacher.py` is asked to do, and how it says that it has: standard library only.

A contender is a script of this folder, run by its own interpreter with one argument, a `Job` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HISTORIES = 1024
"""Distinct histories: each is asked with a few last messages, as siblings and turns of one trace share what came before."""
_MESSAGE_BYTES = 500
_TEXT = (
    'Let "x" be the number of crates. Each holds 12 bottles, so 12x + 7 = 151 and\n\n```python\nx = (151 - 7) / 12\nprint(x)\n```\n\n'
    "The output is 12, and \\frac{151 - 7}{12} = 12 confirms it. What if each crate held 15 bottles instead, and 4 of them broke?\n"
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Ask `calls` distinct questions, `concurrency` at once, and check that each answer is `answer`."""

    url: str
    calls: int
    concurrency: int
    messages: int
    """How many messages a question has; the last alone sets it apart from others with its history."""
    answer: str
    folder: str
    """Empty and on a disk: for what the contender writes."""
    result: str
    """File for what `finish` writes."""

    @classmethod
    def given(cls) -> Job:
        """The job of the command line."""
        return cls(**json.loads(sys.argv[1]))

    @cached_property
    def histories(self) -> list[list[dict[str, str]]]:
        """All messages but the last, of about 500 bytes each."""
        count = min(HISTORIES, self.calls) if self.messages > 1 else 1
        roles = ["system", *["user", "assistant"] * self.messages][: self.messages - 1]
        return [[_message(f"{place}.{turn}", role) for turn, role in enumerate(roles)] for place in range(count)]

    def question(self, number: int) -> list[dict[str, str]]:
        """The messages of the call with this number."""
        return [*self.histories[number % len(self.histories)], self.last(number)]

    def last(self, number: int) -> dict[str, str]:
        """The message that no other call has."""
        return _message(str(number), "user")

    async def ask_all(self, ask: Callable[[int], Awaitable[str | None]]) -> int:
        """How many of the questions, by number, `ask` answered rightly; workers that take the next question when they are free."""
        numbers = iter(range(self.calls))

        async def work() -> int:
            return sum([await ask(number) == self.answer for number in numbers])

        return sum(await asyncio.gather(*(work() for _ in range(self.concurrency))))

    def finish(self, right: int) -> None:
        """Say how many answers were right. Call it when all that a user would wait for is done."""
        Path(self.result).write_text(json.dumps({"right": right}))


def _message(label: str, role: str) -> dict[str, str]:
    return {"role": role, "content": f"{label}: {_TEXT * 3}"[:_MESSAGE_BYTES]}
