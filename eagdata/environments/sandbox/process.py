"""The supervisor's side of one process of a box: one request at a time, its output, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import struct
from array import array
from collections import deque
from dataclasses import dataclass
from typing import Literal

from .frames import BadFrame, Frame, pack, send_with, unpack
from .interpreter import shorten

_CREDENTIALS = struct.Struct("iII")
_WHOLE_BYTES = 1 << 18
Ending = Literal["died", "exit", "timeout", "violation"]


class Ended(Exception):
    """The process is gone, and how: by itself, by `os._exit`, by our clock, or for breaking the protocol."""

    def __init__(self, how: Ending) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True)
class Greeting:
    """A frame sent before a process runs any program, with the pid that the kernel vouches for and the files sent along."""

    frame: Frame
    pid: int
    fds: list[int]


class Process:
    """A process that answers on `control`. What it says is checked: a wrong frame ends it."""

    def __init__(self, control: socket.socket, output: int = -1) -> None:
        self._loop = asyncio.get_running_loop()
        self._control = control
        self._output = output
        self._pidfd = -1
        self._buffer = bytearray()
        self._greetings: deque[Greeting] | None = deque()
        self._files: list[int] = []
        """Received with a greeting that is not whole yet."""
        self._waiter: asyncio.Future[Frame | None] | None = None
        self._expected = ""
        self.pid = 0
        self.ending: Ending | None = None
        control.setblocking(False)
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(control, self._on_readable)

    @property
    def busy(self) -> bool:
        return self._waiter is not None

    async def greeting(self, timeout_s: float) -> Greeting:
        """The next word of a process that is being made. Raises: Ended."""
        if not self._greetings:
            await self._wait(timeout_s)
        if not self._greetings:
            raise Ended(self.ending or "died")
        return self._greetings.popleft()

    def begin(self, greeting: Greeting) -> None:
        """From now on a program may run in it: greetings are over. Raises: Ended if it is gone already."""
        self._close_files()
        self._greetings = None
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        self.pid = greeting.pid
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            self._end("died")
            raise Ended("died") from error
        self._loop.add_reader(self._pidfd, self._on_exit)

    async def request(self, frame: Frame, *, timeout_s: float) -> Frame:
        """Its answer. Past `timeout_s` it is killed. Raises: Ended."""
        if self.ending:
            raise Ended(self.ending)
        self._expected = secrets.token_hex(8)
        data = pack(frame | {"id": self._expected})
        try:
            sent = self._control.send(data)
        except OSError:
            sent = 0
        if sent < len(data):  # longer than the socket's buffer, 200 kB
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._loop.sock_sendall(self._control, data[sent:]), timeout_s)
        return await self._wait(timeout_s)

    def send(self, frame: Frame, fds: list[int]) -> None:
        """Say something that needs no answer. Raises: OSError."""
        send_with(self._control, frame, fds)

    def expect(self) -> str:
        """The id that the answer to the next `send` must bear."""
        self._expected = secrets.token_hex(8)
        return self._expected

    async def hand_over(self, frame: Frame, fds: list[int], *, timeout_s: float) -> Frame:
        """The answer to a request that open files go along with; they stay open here. Raises: Ended; OSError."""
        self.send(frame | {"id": self.expect()}, fds)
        return await self.answer(timeout_s)

    async def answer(self, timeout_s: float) -> Frame:
        """The answer to what was sent with the id of `expect`. Raises: Ended."""
        return await self._wait(timeout_s)

    def take_output(self, limit: int) -> str:
        """What it wrote since the last time, or head and tail of it; its file is empty again. Raises: Ended.

        However much a program writes, only a little is read: decoding 60 MB would hold up every other episode for seconds.
        """
        if self.ending:
            raise Ended(self.ending)
        size = os.fstat(self._output).st_size
        if not size:
            return ""
        if size <= max(_WHOLE_BYTES, 4 * limit):
            text = shorten(_decode(os.pread(self._output, size, 0)), limit) or ""
        else:
            part = limit * 2  # a character takes four bytes at most
            head, tail = os.pread(self._output, part, 0), os.pread(self._output, part, size - part)
            head, tail = _decode(head)[: limit // 2].encode(), _decode(tail)[-(limit // 2) :].encode()
            text = f"{head.decode()}\n… {size - len(head) - len(tail)} bytes left out …\n{tail.decode()}"
        os.ftruncate(self._output, 0)
        return text

    def kill(self) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self, *, kill: bool = True) -> None:
        """Let go of it, and kill it or let it end by itself when it notices. Twice is fine."""
        self._end("died", kill=kill)

    async def _wait(self, timeout_s: float) -> Frame:
        if self.ending:
            raise Ended(self.ending)
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout_s, self._expire)
        try:
            frame = await self._waiter
        except asyncio.CancelledError:
            self._end("died")  # its answer would be taken for that of the next request
            raise
        finally:
            timer.cancel()
            self._waiter = None
        if frame is None:
            raise Ended(self.ending or "died")
        return frame

    def _on_readable(self) -> None:
        try:
            if self._greetings is None:
                self._buffer += (data := self._control.recv(1 << 18))
            else:
                data = self._receive_greeting()
            while self.ending is None and (frame := unpack(self._buffer)) is not None:
                self._on_frame(frame)
        except BlockingIOError:
            return
        except BadFrame:
            self._end("violation")
            return
        except OSError:
            data = b""
        if not data:
            self._end("died")

    def _receive_greeting(self) -> bytes:
        data, extra, _, _ = self._control.recvmsg(1 << 16, 256)
        pid = 0
        for _, kind, payload in extra:
            if kind == socket.SCM_RIGHTS:
                self._files += array("i", payload)
            elif kind == socket.SCM_CREDENTIALS:
                pid = _CREDENTIALS.unpack(payload)[0]
        self._buffer += data
        while self._greetings is not None and (frame := unpack(self._buffer)) is not None:
            self._greetings.append(Greeting(frame, pid, self._files))
            self._files = []
            self._settle({})
        return data

    def _on_frame(self, frame: Frame) -> None:
        if frame == {"exit": True}:
            self._end("exit")
        elif self._waiter is not None and frame.get("id") == self._expected:
            self._expected = ""
            self._settle(frame)
        else:
            self._end("violation")

    def _on_exit(self) -> None:
        """It is dead: what it said before still counts, then its end does. Other processes may hold its socket open."""
        self._on_readable()
        self._end("died")

    def _expire(self) -> None:
        """An answer that came in time counts, even where a busy event loop sees it together with the clock."""
        if self._waiter is not None and not self._waiter.done():
            self._end("timeout")

    def _close_files(self) -> None:
        """Files that came with greetings which nobody asked for."""
        for fd in (*self._files, *(fd for greeting in self._greetings or () for fd in greeting.fds)):
            os.close(fd)
        self._files = []
        if self._greetings:
            self._greetings.clear()

    def _settle(self, frame: Frame | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(frame)

    def _end(self, how: Ending, *, kill: bool = True) -> None:
        if self.ending is not None:
            return
        self.ending = how
        if kill:
            self.kill()
        self._close_files()
        self._loop.remove_reader(self._control)
        self._control.close()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        self._settle(None)


def _decode(data: bytes) -> str:
    """Python decodes with `replace` at full speed; with `backslashreplace` 60 MB of wrong bytes took 25 s."""
    return data.decode("utf-8", "replace")
