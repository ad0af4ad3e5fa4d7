"""One call to the servers of a model, with all its tries: the one retry layer. `faults` says what is tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import aiohttp
import orjson

from eagdata.contracts import Meter, Request, Waiting
from eagdata.errors import EagdataError
from eagdata.records import Json, Usage
from eagdata.teachers.faults import Again, Endpoint, Patience
from eagdata.teachers.fleet import Fleet, Server
from eagdata.teachers.openai_settings import OpenAISettings
from eagdata.teachers.transport import TooLong
from eagdata.teachers.wire import WrongShape

T = TypeVar("T")
_BYTES_A_TOKEN = 4
"""A guess, for rate limits alone; it is corrected by what the server counts."""


@dataclass(slots=True, kw_only=True)
class Call(Generic[T]):
    """What is asked, and how the answer is read."""

    path: str
    body: bytes | None
    """JSON; None: a GET."""
    read: Callable[[Json], T]
    """The answer's meaning. Raises: WrongShape if it has none."""
    tokens: Callable[[T], int | None]
    """How many tokens the answer says were used; None: it does not say."""
    most: Usage
    """The most that one try can use."""
    request: Request
    """On whose behalf: decides the server and the place in its queue."""


class Client:
    """Sends calls to a fleet of servers, each with its own pace, and tries again what a second try may cure."""

    def __init__(self, fleet: Fleet, config: OpenAISettings) -> None:
        self._fleet, self._config = fleet, config

    def waiting(self) -> Waiting | None:
        """What the calls wait for just now."""
        return self._fleet.waiting()

    async def open(self) -> None:
        """Connects to nothing yet."""
        for server in self._fleet.servers:
            await server.transport.open()

    async def close(self) -> None:
        """Hang up. Twice is fine."""
        for server in self._fleet.servers:
            await server.transport.close()

    async def make(self, call: Call[T], meter: Meter) -> T:
        """The answer. A throttled or failed try sleeps in its place, unless another server has room.

        Raises: TeacherError, PrerequisiteError, BudgetSpent.
        """
        config = self._config
        patience = Patience(attempts=config.attempts, deadline_s=config.deadline_s, wait_s=config.wait_s)
        tried: set[Server] = set()
        while True:
            server = self._fleet.choose(call.request.group, tried=tried)
            await server.pace.enter(call.request)
            try:
                while True:
                    try:
                        return await self._try(server, call, meter, left_s=patience.left_s)
                    except Again as again:
                        wait_s = patience.before_next(again)
                        tried.add(server)
                        if self._fleet.elsewhere(tried):
                            break
                        tried.clear()
                        await server.pace.sleep(wait_s, again.error.what.removeprefix("teacher 'openai_chat' got "))
            finally:
                server.pace.leave()

    async def _try(self, server: Server, call: Call[T], meter: Meter, *, left_s: float) -> T:
        """One try, and what it teaches of the server. Raises: Again; what is not tried again, as the error that it is."""
        guess = len(call.body or b"") // _BYTES_A_TOKEN + (call.most.completion_tokens or 0)
        await server.pace.limit(guess)
        await meter.reserve(call.most)
        try:
            found = await self._exchange(server, call, left_s=left_s)
        except Again as again:
            server.pace.answered(throttled=again.throttled)
            if not again.throttled:
                server.failed()
            meter.lost(str(again.error)) if again.lost else meter.refused()
            raise
        except EagdataError:
            meter.refused()
            raise
        server.worked()
        server.pace.answered(throttled=False)
        if (used := call.tokens(found)) is not None:
            server.pace.correct(used - guess)
        return found

    async def _exchange(self, server: Server, call: Call[T], *, left_s: float) -> T:
        """Send, receive, read."""
        endpoint = server.endpoint
        try:
            answer = await server.transport.exchange(call.path, call.body, timeout_s=left_s)
            server.pace.heed(answer.headers)
            body = _decoded(answer.body, strict=answer.status < 400)
            if answer.status >= 400:
                raise endpoint.refused(answer.status, body=body, headers=answer.headers)
            return call.read(_without_error(body, endpoint))
        except aiohttp.ClientConnectorError as error:
            raise endpoint.unreached(error) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise endpoint.silent(error) from error
        except TooLong as error:
            raise endpoint.overlong(str(error)) from error
        except WrongShape as error:
            raise endpoint.garbled(str(error)) from error


def _decoded(raw: bytes, *, strict: bool) -> Json:
    """The body as JSON, whatever content type it came with; of an error, else as text."""
    found: Json
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            found = json.loads(raw)  # takes NaN and lone surrogates too, which some servers send in answers that are paid for
        except ValueError as error:
            if strict:
                raise WrongShape(f"malformed JSON: {error}") from error
            return raw[:1000].decode(errors="replace")
    return found


def _without_error(body: Json, endpoint: Endpoint) -> Json:
    """The body, if it holds no error instead of an answer: some servers send one inside a 200. Beside choices it is theirs to say."""
    error = body.get("error") if isinstance(body, dict) else None
    if not error or (isinstance(body, dict) and (body.get("choices") or body.get("output"))):
        return body
    code = error.get("code") if isinstance(error, dict) else None
    code = 429 if code == "rate_limit_exceeded" else code
    raise endpoint.refused(code if isinstance(code, int) and 400 <= code < 600 else 502, body=body, headers={})
