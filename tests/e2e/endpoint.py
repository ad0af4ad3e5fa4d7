"""A real HTTP server on loopback that answers chat completions with the procedural teacher, and writes down every request.

`python -m tests.e2e.endpoint LOG` prints its port. One line of LOG per request: the SHA-256 of its messages and seed, written
before the answer is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from eagdata.contracts import Request
from eagdata.records import Message
from eagdata.teachers.procedural import ProceduralTeacher

LATENCY_S = 0.004


def request_id(messages: list[dict[str, object]], seed: int | None) -> str:
    """What tells two requests apart."""
    told = [[message["role"], message["content"]] for message in messages]
    return hashlib.sha256(json.dumps([told, seed]).encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.record(request_id(body["messages"], body.get("seed")))
        messages = tuple(Message(role=m["role"], content=m["content"]) for m in body["messages"])
        request = Request(messages=messages, seed=body.get("seed") or 0)
        reply = asyncio.run(ProceduralTeacher(ProceduralTeacher.Config()).propose(request))
        time.sleep(LATENCY_S)
        message = {"role": "assistant", "content": reply.content}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        answer = {"id": "x", "object": "chat.completion", "created": 0, "model": "program", "usage": usage}
        answer["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silence: the log is ours."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, log: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log = log.open("a")
        self._lock = threading.Lock()

    def record(self, line: str) -> None:
        with self._lock:
            self.log.write(line + "\n")
            self.log.flush()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error here."""


@contextmanager
def endpoint(log: Path) -> Iterator[str]:
    """Base URL of a server that runs while the block does."""
    server = _Server(log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        server.log.close()


if __name__ == "__main__":
    served = _Server(Path(sys.argv[1]))
    sys.stdout.write(f"{served.server_address[1]}\n")
    sys.stdout.flush()
    served.serve_forever()
