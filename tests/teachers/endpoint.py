"""A real chat completions endpoint on loopback that misbehaves to order: each request takes the next answer of a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: a status with a body (JSON, or raw text), or a fault of the connection."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: Literal["none", "reset", "cut", "stall"] = "none"
    """`reset`: hang up unanswered; `cut`: hang up in the middle of the body; `stall`: send keep-alive blanks for ever."""


def completion(content: str | None = "hello", **message: object) -> dict[str, object]:
    """A usual body."""
    finish = message.pop("finish_reason", "stop")
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return {"object": "chat.completion", "model": "tiny-1", "choices": [choice], "usage": usage}


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, object]


class Endpoint:
    """`async with Endpoint([...]) as server`: the script's last answer repeats. `seen` holds all requests."""

    def __init__(self, script: Iterable[Answer] = (), *, models: Iterable[str] = ("tiny-1",)) -> None:
        self.script = list(script) or [Answer(body=completion())]
        self.models = list(models)
        self.seen: list[Seen] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while seen := await _read(reader):
                self.seen.append(seen)
                if not await self._answer(seen, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        answer = self._next(seen)
        if answer.fault == "reset":
            writer.transport.abort()
            return False
        raw = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        length = "" if answer.fault == "stall" else f"content-length: {len(raw.encode())}\r\n"
        extra = "".join(f"{key}: {value}\r\n" for key, value in answer.headers.items())
        kind = "" if "content-type" in answer.headers else "content-type: application/json\r\n"
        writer.write(f"HTTP/1.1 {answer.status} -\r\n{kind}{length}{extra}\r\n".encode())
        if answer.fault == "stall":
            while True:
                writer.write(b"\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.write(raw.encode()[: len(raw) // 2] if answer.fault == "cut" else raw.encode())
        await writer.drain()
        return answer.fault == "none"

    def _next(self, seen: Seen) -> Answer:
        if seen.path.endswith("/models"):
            return Answer(body={"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().split("\r\n")
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(first.split()[1], headers, json.loads(body) if body else {})
