"""A computer algebra system behind a wall: math-verify in a process of its own, killed when it takes too long, shared by all.

math-verify limits its own time by SIGALRM, which works in a main thread alone and overwrites other alarms; and expressions
can make SymPy take any amount of time and memory. So it is another process, and it dies instead.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE

from eagdata.errors import VerifierError

INSTALL = "pip install 'eagdata[math]'"
_WORKER = Path(__file__).with_name("symbolic_worker.py")
_START_S = 120.0
_REPLY_S = 60.0
"""The worker's own limit is 5 s of processor time; this is for a machine that gives it none."""
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG")
"""Variables that the worker sees; a key of the user is none of them."""


class TimedOut(Exception):
    """The comparison took more time or memory than it may."""


class NoVerdict(Exception):
    """It cannot be compared; says why."""


class Symbolic:
    """Asks one worker process, started when first needed and after each that died. Safe to call from any thread, and after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def same(self, reference: str, answer: str) -> bool:
        """Whether two LaTeX texts are equal as mathematics. Blocks; one at a time.

        Raises: NoVerdict where math-verify is not installed or cannot read the reference; TimedOut; VerifierError if it does not start."""
        if importlib.util.find_spec("math_verify") is None:
            raise NoVerdict(f"it takes a computer algebra system to compare them: {INSTALL}")
        with self._lock:
            worker = self._running()
            reply = _ask(worker, json.dumps([reference, answer]), wait_s=_REPLY_S)
            if reply is None:
                self._end()
                raise TimedOut("the comparison took too much time or memory")
        if isinstance(reply, str):
            raise NoVerdict(reply)
        return reply is True

    def close(self) -> None:
        """End the worker, if there is one, and wait until it is gone. Another question starts another."""
        with self._lock:
            self._end()

    def disown(self) -> None:
        """Let go of everything in a forked child: the worker, and the thread that may hold the lock, are its parent's."""
        self._lock = threading.Lock()
        if self._worker is not None:
            self._worker.returncode = 0  # or its end would be warned of
        self._worker = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._worker is not None and self._worker.poll() is None:
            return self._worker
        self._end()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONHASHSEED": "0"}
        # A session of its own: Ctrl-C lets what is in flight be finished.
        # -P: the folder of the script holds modules of its own, which would hide those of Python.
        worker = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            bufsize=0,
            start_new_session=True,
        )
        self._worker = worker
        if _ask(worker, "", wait_s=_START_S) != "ready":
            self._end()
            raise VerifierError(
                "math-verify does not start", why=f"its process ended with {worker.returncode}", mend=INSTALL, retryable=False
            )
        return worker

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe:
                pipe.close()


def _ask(worker: subprocess.Popen[bytes], question: str, *, wait_s: float) -> object:
    """The reply to one line (no line for an empty question); None if there is none in time or the worker is gone."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    received, until, poll = b"", time.monotonic() + wait_s, select.poll()
    poll.register(worker.stdout, select.POLLIN)
    try:
        if question:
            worker.stdin.write(question.encode() + b"\n")
        while not received.endswith(b"\n"):
            ready = poll.poll(max(0.0, until - time.monotonic()) * 1000)
            chunk = os.read(worker.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                return None
            received += chunk
    except OSError:
        return None
    return json.loads(received)


SYMBOLIC = Symbolic()
"""The one of this process."""
atexit.register(SYMBOLIC.close)
os.register_at_fork(after_in_child=SYMBOLIC.disown)
