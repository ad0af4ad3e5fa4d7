"""The server itself: HTTP/1.1 on an `asyncio.Protocol`, one task per request."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from tests.endpoint.books import Books, Entry
from tests.endpoint.dials import AT_THE_DOOR, CARDS, SPOILED, Deal, Deck, Dials, Gate
from tests.endpoint.shapes import as_response, is_completion
from tests.endpoint.voices import NOTHING, Answer, Script, Seen, Voice

WELL = Dials()
STORM_DECK = 10


class Endpoint:
    """`async with Endpoint([...]) as server`. A script is a list of answers; the last one repeats."""

    def __init__(
        self, voice: Voice | Iterable[Answer] = (), *, dials: Dials = WELL, models: Iterable[str] = ("tiny-1",), log: Path | None = None
    ) -> None:
        self.dials = dials
        self.models = list(models)
        self.seen: list[Seen] = []
        self.remembers = True
        """Whether `seen` is kept; off where it would fill the memory."""
        self.books = Books(log=log.open("a") if log else None)
        self.url = ""
        self._voice: Voice = voice if callable(voice) else Script(voice)
        self._gate, self._turns = Gate(), Counter[str]()
        self._name = uuid4().hex[:8]
        self._first: float | None = None
        self._connections: set[_Connection] = set()

    @property
    def dials(self) -> Dials:
        """They may be set at any time, from any thread; the next request finds them so."""
        return self._hand[0]

    @dials.setter
    def dials(self, dials: Dials) -> None:
        storm = Dials(throttle=dials.storm, deck=STORM_DECK, seed=dials.seed)
        self._hand = dials, Deck(dials), Deck(storm)

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.close()
        await asyncio.gather(*(connection.end() for connection in tuple(self._connections)))
        if self.books.log:
            self.books.log.close()

    async def start(self, port: int = 0) -> None:
        """Listen. Port 0: any that is free."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", port, backlog=4096)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def answer(self, seen: Seen, connection: _Connection) -> bool:
        """Answer one request; gives whether the connection stays open."""
        if self.remembers:
            self.seen.append(seen)
        if seen.path.endswith("/models"):
            entries = [{"id": name, "object": "model", "owned_by": self.dials.owned_by} for name in self.models]
            return await connection.send(Answer(body={"object": "list", "data": entries}))
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        entry = Entry(id=f"{self._name}-{len(self.books.entries)}", calls=seen.calls, at=now)
        self.books.entries.append(entry)
        self.books.write(entry)
        answer = await self._settled(seen, entry)
        entry.status, entry.sent_at = answer.status, time.monotonic() if answer.fault == "none" else None
        self.books.write(entry)  # before the answer: whatever a client has received is in the books
        return await connection.send(answer)

    async def _settled(self, seen: Seen, entry: Entry) -> Answer:
        """What this request gets, at once or after the latency."""
        dials, deck, storm = self._hand
        stormy = 0 <= entry.at - (self._first or 0.0) - dials.storm_from_s < dials.storm_s
        wanted = seen.prompt_tokens + (seen.most_tokens or 0) * len(seen.calls) if dials.tokens_per_window else 0
        wait_s = self._gate.turns_away(dials, tokens=wanted, now=entry.at)
        if wait_s is not None:
            entry.card, dials = "throttle", replace(dials, retry_after_s=wait_s)
        else:
            entry.card = "throttle" if stormy and storm.deal() else deck.deal()
        if entry.card in AT_THE_DOOR:
            return self._frame(self._played(seen, entry, dials), seen)
        self._gate.enter()
        self.books.peak_in_flight = self._gate.peak
        try:
            answer = await self._generated(seen, entry) if entry.card is None or entry.card in SPOILED else NOTHING
            await asyncio.sleep(dials.latency_s)
            return self._frame(self._played(seen, entry, dials, answer), seen)
        finally:
            self._gate.leave()

    async def _generated(self, seen: Seen, entry: Entry) -> Answer:
        """What the voice says. Whatever becomes of it, it is billed from here on."""
        answer = await self._voice(seen)
        body = answer.body
        if answer.status != 200 or not isinstance(body, dict) or not is_completion(body):
            return answer
        usage = body.get("usage") or {}
        entry.prompt_tokens, entry.completion_tokens = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        self.books.write(entry)
        return Answer(body={"id": entry.id, **body}, headers=answer.headers, fault=answer.fault)

    def _played(self, seen: Seen, entry: Entry, dials: Dials, good: Answer = NOTHING) -> Answer:
        card = entry.card
        if card is None:
            return good
        key = seen.headers.get("authorization", "").removeprefix("Bearer ") if dials.quotes_key else ""
        deal = Deal(dials=dials, turn=self._turns[card], words=f"{card}, by order{f': {key}' if key else ''}", good=good)
        self._turns[card] += 1
        return CARDS[card](deal)

    def _frame(self, answer: Answer, seen: Seen) -> Answer:
        """The answer in the protocol and with the headers of this request."""
        headers = dict(answer.headers)
        if self.dials.shows_limits:
            headers |= self._gate.headers(self.dials, now=time.monotonic())
        if self.dials.quotes_key:
            headers["x-your-key"] = seen.headers.get("authorization", "")
        body = answer.body
        if seen.path.endswith("/responses") and isinstance(body, dict) and is_completion(body):
            body = as_response(body)
        return Answer(status=answer.status, body=body, headers=headers, fault=answer.fault)


class _Connection(asyncio.Protocol):
    """Bytes in, bytes out; one request at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._buffer = bytearray()
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._endpoint._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._endpoint._connections.discard(self)
        if self._answering:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    async def end(self) -> None:
        """Close without a word to the other side."""
        self._transport.abort()
        if self._answering:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)

    def _go_on(self) -> None:
        if self._answering is None and (seen := self._taken()):
            self._answering = asyncio.get_running_loop().create_task(self._answer(seen))

    async def _answer(self, seen: Seen) -> None:
        stays = False
        try:
            stays = await self._endpoint.answer(seen, self)
        finally:
            self._answering = None
            if not stays:
                self._transport.close()
        self._go_on()

    def _taken(self) -> Seen | None:
        """The next whole request out of the buffer; None if it is not there yet."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        whole = end + 4 + int(headers.get("content-length", "0"))
        if len(self._buffer) < whole:
            return None
        body: Any = json.loads(self._buffer[end + 4 : whole]) if whole > end + 4 else {}
        del self._buffer[:whole]
        return Seen(first.split()[1], headers, body)

    async def send(self, answer: Answer) -> bool:
        """Whether the answer went out in full."""
        if answer.fault == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a close then sends RST, not FIN
            self._transport.abort()
            return False
        if answer.fault == "silence":
            await asyncio.Event().wait()
        raw = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode("utf-8", "replace")
        headers = {"content-type": "application/json", "content-length": str(len(raw)), **answer.headers}
        if answer.fault == "stall":
            del headers["content-length"]
        head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        self._transport.write(f"HTTP/1.1 {answer.status} -\r\n{head}\r\n".encode())
        while answer.fault == "stall":
            self._transport.write(b"\n")
            await asyncio.sleep(0.02)
        self._transport.write(raw[: len(raw) // 2] if answer.fault == "cut" else raw)
        return answer.fault == "none"


@contextmanager
def serving(voice: Voice | Iterable[Answer] = (), *, dials: Dials = WELL, log: Path | None = None) -> Iterator[Endpoint]:
    """An endpoint in a thread of its own, for tests that wait for a subprocess. `dials` may be set while it runs."""
    endpoint, ready, ended = Endpoint(voice, dials=dials, log=log), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        try:
            async with endpoint:
                ready.set()
                await ended.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
