"""One trivial action on what people use instead: a process, bubblewrap, smolagents' executor. Figures in seconds for each action."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

TRIVIAL = "x = 1"
_BUBBLEWRAP = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
_BUBBLEWRAP += ["--ro-bind", sys.prefix, sys.prefix, "--unshare-all", "--die-with-parent"]  # this interpreter, also from below /tmp
_SMOLAGENTS = """
import json, sys, time
from smolagents import LocalPythonExecutor
executor = LocalPythonExecutor([])
executor.send_tools({})
text, n = sys.argv[1], int(sys.argv[2])
times = []
for _ in range(n):
    began = time.perf_counter()
    executor(text)
    times.append(time.perf_counter() - began)
json.dump(times, sys.stdout)
"""


def fresh_process(n: int) -> float:
    """A `python -c` for each action."""
    return _median(n, lambda: _run([sys.executable, "-c", TRIVIAL]))


def bubblewrap(n: int) -> float | None:
    """A `python -c` in a fresh bubblewrap for each action; None where that is not installed or may not be used."""
    command = [*_BUBBLEWRAP, sys.executable, "-c", TRIVIAL]
    if shutil.which("bwrap") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        return None
    return _median(n, lambda: _run(command))


def smolagents(interpreter: str, n: int) -> float | None:
    """LocalPythonExecutor, an interpreter of syntax trees in the caller's process and no sandbox; None where it is not installed."""
    done = subprocess.run([interpreter, "-c", _SMOLAGENTS, TRIVIAL, str(n)], capture_output=True, text=True, check=False)
    return statistics.median(json.loads(done.stdout)) if done.returncode == 0 else None


def _median(n: int, action: Callable[[], None]) -> float:
    times = []
    for _ in range(n):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
