"""A teacher that says what it is told to: an ordinary implementation of the contract, for tests of anything around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from eagdata.contracts import UNMETERED, Meter, Reply, Request
from eagdata.errors import TeacherError
from eagdata.records import Json, Usage

Script = Callable[[Request], str | TeacherError]


class ScriptedTeacher:
    """Replies by a function of the request, or from a mapping of (turn, sample) to text. Keeps the requests that it got.

    The turn is the number of the teacher's own messages in the request. A mapping falls back to (turn, 0).
    """

    name = "scripted"
    price = None

    def __init__(self, script: Script | Mapping[tuple[int, int], str]) -> None:
        self._script = script
        self.requests: list[Request] = []

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        """The scripted reply. Raises: TeacherError if the script says so, or has nothing to say."""
        self.requests.append(request)
        said = self._script(request) if callable(self._script) else self._line(self._script, request)
        if isinstance(said, TeacherError):
            raise said
        return Reply(content=said, finish_reason="stop", usage=Usage(calls=1, prompt_tokens=1, completion_tokens=1))

    def most(self, request: Request) -> Usage:
        """One token each way."""
        return Usage(calls=1, prompt_tokens=1, completion_tokens=1)

    def waiting(self) -> None:
        """Never."""

    def sampling(self) -> dict[str, Json]:
        return {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing is open."""

    @staticmethod
    def _line(script: Mapping[tuple[int, int], str], request: Request) -> str | TeacherError:
        turn = sum(message.role == "assistant" for message in request.messages)
        found = script.get((turn, request.sample), script.get((turn, 0)))
        return found if found is not None else TeacherError(f"the script has no turn {turn}", retryable=False)
