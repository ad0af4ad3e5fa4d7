"""Runs actions in one lasting `__main__`, as a notebook does: output to the file on descriptor 1, the last value echoed.

Nothing here resists the code it runs: a program owns its process and can only spoil its own answers. The walls are elsewhere.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes an enum of each answer: 60 us a step
import _thread
import ast
import builtins
import fcntl
import io
import linecache
import os
import resource
import signal
import sys
import traceback
import types
from typing import Protocol

from .frames import Frame

CONTROL_FD, OUTPUT_FD = 253, 254
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SHARED_WRITABLE = (" rw-s ", " -w-s ", " rwxs ", " -wxs ")
_SIGNALS = tuple(sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))


class Host(Protocol):
    """What runs the actions of an environment whose language is not Python."""

    def execute(self, kind: str, text: str) -> str | None:
        """Run one action: print what it shows, give its value. What it raises is what the action failed with."""
        ...


class BoxFault(Exception):
    """The box failed under an action: nothing that the action did."""


class Interpreter:
    """The state of one program between its actions."""

    def __init__(self) -> None:
        self.host: Host | None = None
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self.module
        self._libraries = tuple(path + "/" for path in sys.path)
        sys.path.insert(0, "")
        self._builtins = dict(vars(builtins))
        self._handlers = {number: _signal.getsignal(number) for number in _SIGNALS}
        self._memory = resource.getrlimit(resource.RLIMIT_AS)
        self._open_streams()

    def run(self, kind: str, source: str, *, number: int, value_chars: int) -> Frame:
        """Run one action; the answer says how it ended. The text it wrote lies in the output file."""
        self._ready()
        try:
            value = self.host.execute(kind, source) if self.host else self._execute(source, f"<action {number}>")
            self._flush()
            answer: Frame = {"status": "ok", "kind": None, "value": shorten(value, value_chars)}
        except BaseException as error:
            answer = self._report(error)
        self._tidy()
        return answer

    def _execute(self, source: str, name: str) -> str | None:
        """repr of the last expression, already echoed; None if there is none."""
        space = self.module.__dict__
        tree = ast.parse(source, name)
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec", dont_inherit=True), space)
        if not isinstance(last, ast.Expr):
            return None
        value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), space)
        if value is None:
            return None
        text = str(repr(value))
        self._flush()
        _write(text + "\n")
        return text

    def _report(self, error: BaseException) -> Frame:
        if isinstance(error, MemoryError):
            resource.setrlimit(resource.RLIMIT_AS, (self._memory[1], self._memory[1]))
            return {"status": "limit", "kind": "memory", "value": None}
        if isinstance(error, BoxFault):
            return {"status": "fault", "kind": None, "value": str(error)}
        kind = type(error).__name__
        try:
            self._flush()
            _write(_describe(error, self._libraries) if self.host is None else _sentence(error))
        except BaseException:
            self._open_streams()
        return {"status": "error", "kind": kind, "value": None}

    def _ready(self) -> None:
        """What an earlier action may have closed is open again."""
        fcntl.fcntl(OUTPUT_FD, fcntl.F_SETFL, os.O_APPEND)
        os.dup2(OUTPUT_FD, 1)
        os.dup2(OUTPUT_FD, 2)
        if self._buffer.closed or self._out.closed or self._err.closed:
            self._open_streams()

    def _open_streams(self) -> None:
        """stdout and stderr over one buffer, so that their texts lie in the order in which they were written."""
        self._buffer = io.BufferedWriter(io.FileIO(1, "w", closefd=False), 1 << 16)
        self._out, self._err = (
            io.TextIOWrapper(self._buffer, encoding="utf-8", errors="backslashreplace", write_through=True) for _ in range(2)
        )
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]

    def _flush(self) -> None:
        try:
            self._buffer.flush()
        except ValueError:  # the program closed its output
            self._open_streams()

    def _tidy(self) -> None:
        """Nothing of the program runs between its actions, and no builtin stays replaced."""
        sys.settrace(None)
        sys.setprofile(None)
        for timer in _TIMERS:
            _signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            if _signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        _signal.pthread_sigmask(signal.SIG_SETMASK, ())
        names = vars(builtins)
        if names != self._builtins:
            names.clear()  # from here to the next line there are no builtins, `vars` neither
            names.update(self._builtins)
        if sys.getrecursionlimit() < 1000:
            sys.setrecursionlimit(1000)


def shorten(text: str | None, limit: int) -> str | None:
    """Head and tail of `text`, with a mark that says how many characters are missing between them."""
    if text is None or len(text) <= limit:
        return text
    head, tail = (limit + 1) // 2, limit // 2
    return f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[len(text) - tail :]}"


def obstacle() -> str | None:
    """Why a live copy of this process would not be a true one; None if it would be."""
    if _thread._count() or len(os.listdir("/proc/self/task")) > 1:
        return "threads are alive"
    if "mmap" not in sys.modules:  # the kernel takes 0.7 ms to write its list
        return None
    try:
        with open("/proc/self/maps") as maps:
            text = maps.read()
    except OSError:  # behind Landlock
        return "memory may be mapped as shared"
    return "memory is mapped as shared" if any(kind in text for kind in _SHARED_WRITABLE) else None


def _describe(error: BaseException, libraries: tuple[str, ...]) -> str:
    """The traceback as Python prints it, with the program's own frames alone: those of libraries differ between machines."""
    found = traceback.TracebackException(type(error), error, error.__traceback__)
    _keep_own_frames(found, libraries)
    return "".join(found.format() if found.stack else found.format_exception_only())


def _sentence(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}\n" if text else f"{type(error).__name__}\n"


def _keep_own_frames(found: traceback.TracebackException, libraries: tuple[str, ...]) -> None:
    foreign = (__file__, "<frozen ", "<__array_function__", *libraries)
    found.stack = traceback.StackSummary.from_list([frame for frame in found.stack if not frame.filename.startswith(foreign)])
    for other in (found.__cause__, found.__context__, *(getattr(found, "exceptions", None) or ())):
        if other is not None:
            _keep_own_frames(other, libraries)


def _write(text: str) -> None:
    """Write past the program's own streams, which it may have replaced."""
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(OUTPUT_FD, data) :]
