"""Jobs and looks for the tests of executors, small shards, and who is left of a session of processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eagdata.contracts import Executor
from eagdata.curate.corpus import ShardedCorpus, write_table

SHARD_ROWS = 5


@dataclass(frozen=True)
class Write:
    """Leaves the number of its process."""

    path: Path

    def __call__(self) -> None:
        self.path.write_text(str(os.getpid()))


@dataclass(frozen=True)
class Raise:
    error: Exception

    def __call__(self) -> None:
        raise self.error


@dataclass(frozen=True)
class Sleep:
    """Says in a file that it has begun."""

    path: Path
    seconds: float

    def __call__(self) -> None:
        self.path.write_text(str(os.getpid()))
        time.sleep(self.seconds)


class OddError(Exception):
    """Pickles, and fails on the way back."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def raise_odd() -> None:
    raise OddError("a", "b")


@dataclass(frozen=True)
class Words:
    """A look that counts words, and notes each call in a log: first row and node."""

    log: Path
    killed_at: int | None = None
    """First row of the shard whose look kills its own process,"""
    times: int = 0
    """so often."""
    hangs_on: str | None = None
    """Name of the node where the third look begins and never ends. The other nodes leave it the time to come there."""

    def look(self, shard: pa.Table, given: pa.Table | None) -> pa.Table:
        first, node = shard["row"][0].as_py(), os.environ.get("TEST_NODE", "")
        note(self.log, f"{first} {node}")
        lines = looked(self.log)
        if first == self.killed_at and [line.split()[0] for line in lines].count(str(first)) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        hangs = self.log.with_suffix(".hangs")
        if node == self.hangs_on and [line.split()[-1] for line in lines].count(node) == 3:
            note(hangs, str(first))
            time.sleep(600)
        if self.hangs_on and node != self.hangs_on:
            wait_until(hangs)
        return pa.table({"row": shard["row"], "words": pc.list_value_length(pc.utf8_split_whitespace(shard["text"]))})


def note(path: Path, line: str) -> None:
    with path.open("a") as log:
        log.write(f"{line}\n")


def looked(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def corpus(folder: Path, executor: Executor, *, shards: int = 6, dead: Sequence[int] = ()) -> ShardedCorpus:
    """Documents of 1, 2, 3 ... words in shards of `SHARD_ROWS`."""
    rows = np.arange(shards * SHARD_ROWS)
    table = pa.table({"row": rows, "text": pa.array([" ".join(["word"] * (row + 1)) for row in rows], pa.large_string())})
    paths = [folder / "documents" / f"{i:05d}.arrow" for i in range(shards)]
    for i, path in enumerate(paths):
        write_table(path, table.slice(i * SHARD_ROWS, SHARD_ROWS))
    alive = np.ones(len(rows), dtype=np.bool_)
    alive[list(dead)] = False
    return ShardedCorpus(paths, alive, folder=folder / "stage", executor=executor, seed=0)


def findings(corpus: ShardedCorpus, look: Words) -> list[pa.Table]:
    return list(corpus.each("words", look.look, columns=["text"]))


def session(leader: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(*paths: Path, timeout_s: float = 60.0) -> None:
    """Until all files have something in them."""
    end = time.monotonic() + timeout_s
    while not all(path.exists() and path.stat().st_size for path in paths):
        assert time.monotonic() < end, paths
        time.sleep(0.05)


def left_of(leader: int, *, timeout_s: float = 30.0) -> list[int]:
    """Who is still there of a session, after time to go."""
    end = time.monotonic() + timeout_s
    while (left := session(leader)) and time.monotonic() < end:
        time.sleep(0.1)
    return left
