"""A run that is killed at any moment loses nothing that was paid for and ends in the same bytes.

`python -m benchmarks.faults kill` makes the whole of it: 100 kills of a branched run of 200 tasks.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from eagdata.errors import StoreError
from eagdata.store import read_traces
from tests.e2e.running import digests, eagdata
from tests.endpoint import Dials, Endpoint, Procedural, serving


@dataclass(frozen=True, kw_only=True)
class Killing:
    """How much of it."""

    kills: int
    tasks: int
    concurrency: int = 4
    latency_s: float = 0.1
    seed: int = 20


@dataclass(kw_only=True)
class Killed:
    """What came of it. A call is completed once its reply is in the journal."""

    kills: int = 0
    tasks: int = 0
    calls: int = 0
    """Different calls that the run is made of."""
    requests: int = 0
    completed: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    """Calls that were asked again after they were completed."""
    lost: list[int] = field(default_factory=list)
    """For each kill: calls that were asked and are not in the journal. These alone have to be asked again."""
    verified: set[str] = field(default_factory=set)
    """Paths that were verified in the journal at some kill."""
    verified_lost: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    """Ids of journaled replies that the server knows nothing of."""
    differing: list[str] = field(default_factory=list)
    """Files that are not those of the uninterrupted run."""


def arguments(folder: Path, url: str, size: Killing) -> list[str]:
    command = ["generate", "quickstart", "--n", size.tasks, "--out", folder, "--concurrency", size.concurrency]
    command += ["--teacher", "openai_chat", "--model", "program", "--base-url", url]
    command += ["--set", "thresholds.min_kept=0.5", "--set", "rows.per_task=9"]
    return [str(argument) for argument in command]


def kill_often(where: Path, size: Killing) -> Killed:
    """Run once in peace, then again with so many kills, spread at random over start, calls and end of the run."""
    rng, calm, folder = Random(size.seed), where / "calm", where / "run"
    dials = Dials(latency_s=size.latency_s)
    with serving(Procedural(), dials=dials) as server:
        began = time.monotonic()
        eagdata(*arguments(calm, server.url, size), cwd=where)
        calls, entries = len(server.books.answers), server.books.entries
        start_s = entries[0].at - began
        end_s = time.monotonic() - max(entry.sent_at or 0.0 for entry in entries)
    found = Killed(tasks=size.tasks, calls=calls)
    with serving(Procedural(), dials=dials) as server:
        for goal in sorted(rng.uniform(0, 1.1) * calls for _ in range(size.kills)):
            while not _killed(arguments(folder, server.url, size), where, _Moment(server, goal, calls, start_s, end_s, rng)):
                end_s /= 2  # it came to its end before it was killed
            _take_stock(found, server, folder)
        eagdata(*arguments(folder, server.url, size), cwd=where)
        _take_stock(found, server, folder)
    found.kills, found.requests = size.kills, len(server.books.entries)
    found.lost.pop()  # the last one was no kill
    found.verified_lost = found.verified - _published(folder)
    there, here = digests(calm), digests(folder)
    found.differing = sorted(path for path in there.keys() | here.keys() if there.get(path) != here.get(path))
    return found


@dataclass
class _Moment:
    """When one life of the run ends: at so many different calls answered; else somewhere in its start, or in its end."""

    server: Endpoint
    goal: float
    calls: int
    start_s: float
    end_s: float
    rng: Random

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        if self.goal > self.calls:
            self._sleep(process, self.rng.uniform(0, self.start_s + self.end_s))
        elif self._answered() >= self.goal:
            self._sleep(process, self.rng.uniform(0, self.start_s))
        else:
            while process.poll() is None and self._answered() < self.goal:
                time.sleep(0.005)
            self._sleep(process, self.rng.uniform(0, self.server.dials.latency_s))

    def _answered(self) -> int:
        return len({call for entry in self.server.books.answers for call in entry.calls})

    def _sleep(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        end = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)


def _killed(command: list[str], cwd: Path, moment: _Moment) -> bool:
    """Whether the run was killed, and had not come to its end before."""
    run = [sys.executable, "-m", "eagdata.cli", *command]
    with subprocess.Popen(run, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True) as process:
        moment.wait(process)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said.decode()
    return process.returncode == -signal.SIGKILL


def _take_stock(found: Killed, server: Endpoint, folder: Path) -> None:
    """Compare the journal of a run that has just ended with the books of its server."""
    time.sleep(0.05)
    while server.clients:  # requests of the killed may still lie in its buffers
        time.sleep(0.01)
    books = server.books
    asked = {entry.id: entry.calls[0] for entry in books.entries}
    latest = [entry.calls[0] for entry in books.entries[found.requests :]]
    found.repeated += [call for call in latest if call in found.completed]
    ids = _journaled(folder)
    found.strangers |= ids - asked.keys()
    found.completed = {asked[name] for name in ids & asked.keys()}
    found.lost.append(len([call for call in latest if call not in found.completed]))
    found.requests = len(books.entries)
    found.verified |= _verified(folder)


def _journaled(folder: Path) -> set[str]:
    """Ids of the answers that the journal holds."""
    if not (folder / "run.db").exists():
        return set()
    with closing(sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True)) as db:
        try:
            return {json.loads(body)["extra"]["id"] for (body,) in db.execute("SELECT body FROM replies")}
        except sqlite3.OperationalError:  # killed before the tables were there
            return set()


def _verified(folder: Path) -> set[str]:
    """Paths of the journal's traces that are verified."""
    try:
        return {trace.branch_id(leaf) for trace in read_traces(folder) for leaf in trace.verified_leaves()}
    except StoreError:  # killed before there was a journal
        return set()


def _published(folder: Path) -> set[str]:
    """Rows, and paths that are no rows because they do what another row does."""
    rows = pq.read_table(folder / "data" / "trajectories", columns=["id"]).to_pylist()
    rejected = pq.read_table(folder / "data" / "rejected", columns=["id", "reason"]).to_pylist()
    return {row["id"] for row in rows} | {row["id"] for row in rejected if row["reason"] == "duplicate_actions"}


def holds(found: Killed) -> None:
    """What must be true, however often and wherever it was killed."""
    assert found.repeated == []
    assert found.strangers == set()
    assert found.requests == found.calls + sum(found.lost), "only what was in flight at a kill is asked again, and that once"
    assert len(found.completed) == found.calls
    assert found.verified
    assert found.verified_lost == set()
    assert found.differing == []


def test_a_dozen_kills_repeat_no_completed_call_and_change_no_byte(tmp_path: Path) -> None:
    size = Killing(kills=12, tasks=30)
    found = kill_often(tmp_path, size)
    holds(found)
    assert max(found.lost) <= 3 * size.concurrency
    assert sum(found.lost) > 0, "no kill met a call in flight"
