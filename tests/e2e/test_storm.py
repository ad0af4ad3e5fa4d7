"""A storm of 429 loses no task and spends no attempt, the progress line says what is waited for, and the speed comes back.

`python -m benchmarks.faults storm` makes the whole of it: a storm of 60 s.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.running import last_json
from tests.endpoint import Books, Dials, Endpoint, Procedural, serving

WAITS = re.compile(r"\d+ calls wait: 429 from http://127\.0\.0\.1:\d+/v1, next try in \d+ s")
WINDOW_S, STEP_S = 2.0, 0.25


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How much of it: calm, storm, and calm again."""

    storm_s: float
    calm_s: float = 4.0
    patience_s: float = 30.0
    """How long to wait for the speed to come back."""
    concurrency: int = 32
    latency_s: float = 0.4

    @property
    def tasks(self) -> int:
        """Enough for all of it at the ideal speed. A task takes about 1.6 calls: a wrong answer is asked for again."""
        return int(self.concurrency / self.latency_s * (2 * self.calm_s + 0.3 * self.storm_s + self.patience_s) / 1.5)


@dataclass(kw_only=True)
class Weathered:
    """What came of it. Speeds are answers a second."""

    counts: dict[str, int] = field(default_factory=dict)
    before_per_s: float = 0.0
    during_per_s: float = 0.0
    after_per_s: float = 0.0
    recovered_s: float | None = None
    """Seconds from the end of the storm to the end of the first window at 90 % of the speed before; None: not in time."""
    storm_requests: int = 0
    """How many requests were sent into the storm."""
    said_before: str = ""
    """The progress line, as it was written again and again."""
    said_during: str = ""
    said_after: str = ""


def weather(where: Path, storm: Storm) -> Weathered:
    """One run, on a terminal. A call has a single attempt: a 429 that spent it would fail its task."""
    found, calm = Weathered(), Dials(latency_s=storm.latency_s)
    with serving(Procedural(), dials=calm) as server, _Terminal() as screen:
        books = server.books
        with _run(server, storm, where, screen) as process:
            screen.gone_on(until=lambda: len(books.answers) > 2 * storm.concurrency, process=process)
            found.said_before = screen.wait(storm.calm_s)
            found.before_per_s = _speed(books, time.monotonic() - storm.calm_s, storm.calm_s)
            server.dials, began, sent = Dials(latency_s=storm.latency_s, throttle=0.9, deck=10), time.monotonic(), len(books.entries)
            found.said_during = screen.wait(storm.storm_s)
            server.dials, ended = calm, time.monotonic()
            found.during_per_s, found.storm_requests = _speed(books, began, storm.storm_s), len(books.entries) - sent
            screen.gone_on(until=lambda: _recovered(found, books, ended, storm), process=process)
            found.said_after = screen.wait(storm.calm_s)
            found.after_per_s = _speed(books, time.monotonic() - storm.calm_s, storm.calm_s)
            server.dials = Dials()  # what is left to do need not take long
            out, _ = process.communicate(timeout=600)
    found.counts = last_json(subprocess.CompletedProcess([], process.returncode, out))["counts"]
    return found


def _run(server: Endpoint, storm: Storm, where: Path, screen: _Terminal) -> subprocess.Popen[str]:
    """Tasks without an environment, so that the teacher alone decides the speed."""
    command = ["generate", "quickstart", "--n", storm.tasks, "--out", "run", "--concurrency", storm.concurrency, "--json"]
    command += ["--teacher", "openai_chat", "--model", "program", "--base-url", server.url, "--set", "teacher.attempts=1"]
    command += ["--set", "rows.subsets={raw: 1.0}", "--set", "thresholds.min_kept=0"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "240"}
    return subprocess.Popen(
        [sys.executable, "-m", "eagdata.cli", *map(str, command)],
        cwd=where, env=env, stdout=subprocess.PIPE, stderr=screen.end, text=True,
    )  # fmt: skip


def _speed(books: Books, start: float, seconds: float) -> float:
    return sum(start <= (entry.sent_at or 0.0) < start + seconds for entry in books.answers) / seconds


def _recovered(found: Weathered, books: Books, ended: float, storm: Storm) -> bool:
    """Whether there is nothing more to wait for: the speed is back, or was awaited for too long."""
    start, now = ended, time.monotonic()
    while start + WINDOW_S <= now and found.recovered_s is None:
        if _speed(books, start, WINDOW_S) >= 0.9 * found.before_per_s:
            found.recovered_s = start + WINDOW_S - ended
        start += STEP_S
    return found.recovered_s is not None or now > ended + storm.patience_s


class _Terminal:
    """A terminal for a program to write to."""

    def __enter__(self) -> _Terminal:
        self._master, self.end = pty.openpty()
        self._text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.end)
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._text += data.decode("utf-8", "replace")
        except OSError:  # what Linux says when nobody holds the other end any more
            pass

    def wait(self, seconds: float) -> str:
        """What is written in that time."""
        start = len(self._text)
        time.sleep(seconds)
        return self._text[start:]

    def gone_on(self, *, until: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait. Fails if the process ends before."""
        while not until():
            assert process.poll() is None, self._text[-3000:]
            time.sleep(0.05)


def test_a_storm_of_429_loses_no_task_and_the_speed_comes_back(tmp_path: Path) -> None:
    storm = Storm(storm_s=8.0, patience_s=20.0)
    found = weather(tmp_path, storm)
    assert found.counts["kept"] + found.counts["rejected"] == found.counts["planned"] == storm.tasks
    assert found.during_per_s < 0.5 * found.before_per_s, "there was no storm"
    assert found.recovered_s is not None
    assert not WAITS.search(found.said_before)
    assert WAITS.search(found.said_during)
    assert not WAITS.search(found.said_after[len(found.said_after) // 2 :])
    assert found.storm_requests < 5 * storm.concurrency * storm.storm_s, "it hammers at the door"
