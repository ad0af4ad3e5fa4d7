"""What the endpoint says when nothing goes wrong: a script, or the procedural teacher's reply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Literal

from eagdata.contracts import Request
from eagdata.errors import TeacherError
from eagdata.records import Message
from eagdata.teachers.procedural import ProceduralTeacher
from tests.endpoint.shapes import Body, chat_messages, completion, tokens


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: a status with a body (JSON, or raw text), or a fault of the connection."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: Literal["none", "reset", "cut", "stall", "silence"] = "none"
    """`reset`: the connection is reset unanswered; `cut`: closed in the middle of the body; `stall`: keep-alive blanks for
    ever; `silence`: nothing for ever."""


NOTHING = Answer()


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: Body

    @cached_property
    def messages(self) -> list[Body]:
        """The conversation, whichever protocol it came in."""
        return chat_messages(self.body)

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """What tells the generations asked for from all others: SHA-256 of messages and seed, and which sample of them."""
        told = json.dumps([self.messages, self.body.get("seed")], sort_keys=True)
        digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
        return tuple(f"{digest}/{sample}" for sample in range(self.body.get("n") or 1))

    @property
    def prompt_tokens(self) -> int:
        """Of the conversation, with four for the frame of each message."""
        return sum(tokens(str(message.get("content") or "")) + 4 for message in self.messages)

    @property
    def most_tokens(self) -> int | None:
        """The longest completion that is wanted; None if nothing was said."""
        found = (self.body.get(key) for key in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
        return next((most for most in found if most is not None), None)


Voice = Callable[[Seen], Awaitable[Answer]]


class Script:
    """Each request takes the next answer; the last one repeats."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._left = list(answers) or [Answer(body=completion())]

    async def __call__(self, seen: Seen) -> Answer:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


class Procedural:
    """The procedural teacher's reply: the same words for the same messages, seed and sample, cut at `max_tokens`.

    `hidden_tokens`: each completion is billed a random number of tokens more than its text, up to `max_tokens` in all, as
    models that think do; random, and the same for the same call.
    """

    def __init__(self, *, hidden_tokens: bool = False) -> None:
        self._teacher = ProceduralTeacher(ProceduralTeacher.Config())
        self._hidden_tokens = hidden_tokens

    async def __call__(self, seen: Seen) -> Answer:
        try:
            said = [await self._choice(seen, sample) for sample in range(len(seen.calls))]
        except TeacherError as error:
            return Answer(status=400, body={"error": {"message": error.what}})
        billed = sum(count for _, count in said)
        usage = {"prompt_tokens": seen.prompt_tokens, "completion_tokens": billed, "total_tokens": seen.prompt_tokens + billed}
        choices = [choice for choice, _ in said]
        return Answer(body={"object": "chat.completion", "created": 0, "model": "program", "choices": choices, "usage": usage})

    async def _choice(self, seen: Seen, sample: int) -> tuple[Body, int]:
        """One choice, and the completion tokens that it costs."""
        messages = tuple(Message(role=message["role"], content=message["content"]) for message in seen.messages)
        request = Request(messages=messages, seed=seen.body.get("seed") or 0, sample=sample)
        text = (await self._teacher.propose(request)).content
        count, most, finish = tokens(text), seen.most_tokens, "stop"
        if most is not None and count > most:
            text, count, finish = text.encode()[: 4 * most].decode("utf-8", "ignore"), most, "length"
        if self._hidden_tokens:
            count = Random(seen.calls[sample]).randint(count, max(count, most or 4 * count))
        return {"index": sample, "finish_reason": finish, "message": {"role": "assistant", "content": text}}, count
