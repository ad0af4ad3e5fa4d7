"""The same endpoint as `endpoint.c`, for machines without a C compiler: `python endpoint.py ANSWER_FILE LATENCY_MS`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import monotonic

_JSON = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_MODELS = b'{"object": "list", "data": [{"id": "canned", "object": "model"}]}'


class Endpoint:
    """The answer, and what was counted since it was last asked to forget."""

    def __init__(self, answer: bytes, latency_s: float) -> None:
        self.answer = _JSON % (b"200 OK", len(answer), answer)
        self.latency_s = latency_s
        self.forget()

    def forget(self) -> None:
        self.answered: list[float] = []
        self.connections = self.waiting = self.most_waiting = 0
        self.first_request_s = 0.0

    def counts(self) -> bytes:
        last = len(self.answered) - 1
        return json.dumps(
            {
                "answers": len(self.answered),
                "connections": self.connections,
                "most_waiting": self.most_waiting,
                "first_request_s": self.first_request_s,
                "deciles_s": [self.answered[last * tenth // 10] for tenth in range(11)] if self.answered else [],
            }
        ).encode()


class Connection(asyncio.Protocol):
    """One client: requests with a Content-Length, each waiting for its answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.endpoint.connections += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = head.find(b"\r\ncontent-length:")
            whole = end + 4 + (int(head[length + 17 :].split(b"\r\n", 1)[0]) if length >= 0 else 0)
            if len(self.received) < whole:
                return
            self.received = self.received[whole:]
            self.take(head.split(b" ", 2)[1])

    def take(self, path: bytes) -> None:
        endpoint = self.endpoint
        if path == b"/v1/chat/completions":
            endpoint.first_request_s = endpoint.first_request_s or monotonic()
            if not endpoint.latency_s:
                return self.answer()
            endpoint.waiting += 1
            endpoint.most_waiting = max(endpoint.most_waiting, endpoint.waiting)
            asyncio.get_running_loop().call_later(endpoint.latency_s, self.answer_late)
        elif path == b"/v1/models":
            self.transport.write(_JSON % (b"200 OK", len(_MODELS), _MODELS))
        elif path == b"/counts":
            counts = endpoint.counts()
            self.transport.write(_JSON % (b"200 OK", len(counts), counts))
        elif path == b"/reset":
            endpoint.forget()
            self.transport.write(_JSON % (b"200 OK", 2, b"{}"))
        else:
            self.transport.write(_JSON % (b"404 Not Found", 2, b"{}"))
        return None

    def answer_late(self) -> None:
        self.endpoint.waiting -= 1
        self.answer()

    def answer(self) -> None:
        self.endpoint.answered.append(monotonic())
        self.transport.write(self.endpoint.answer)


async def main(endpoint: Endpoint) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(endpoint), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    run(main(Endpoint(Path(sys.argv[1]).read_bytes(), float(sys.argv[2]) / 1000)))
