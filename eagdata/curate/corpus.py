"""The documents on disk, shard by shard, and what the looks of a stage found there.

    STATE/documents/00000.arrow ...        made once from the input
    STATE/00-exact/alive.arrow             rows that reached the stage
    STATE/00-exact/keys/given.arrow        what the stage gave to all looks
    STATE/00-exact/keys/00000.arrow ...    what the look `keys` found in each shard

A file is whole or absent, so a job whose file is there is done: after a loss, only the shards that are missing are looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eagdata.contracts import Executor, Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One look at one shard. Picklable; it can run wherever the state folder is."""

    look: Look
    shard: Path
    columns: tuple[str, ...]
    alive: Path
    given: Path | None
    out: Path

    def __str__(self) -> str:
        return f"look {self.out.parent.name!r} at {self.shard}"

    def __call__(self) -> None:
        """Write what the look found."""
        shard = read_table(self.shard).select(["row", *self.columns])
        alive = read_table(self.alive)["alive"].to_numpy().view(np.bool_)[shard["row"].to_numpy()]
        documents = shard if alive.all() else shard.filter(pa.array(alive))
        write_table(self.out, self.look(documents, read_table(self.given) if self.given else None))


class InPlace:
    """An `Executor` that runs one job after the other, in this process."""

    name = "in place"

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """See `eagdata.contracts.Executor`."""
        for job in jobs:
            job()


class ShardedCorpus:
    """A `Corpus` over the shards of one stage."""

    def __init__(self, shards: Sequence[Path], alive: npt.NDArray[np.bool_], *, folder: Path, executor: Executor, seed: int) -> None:
        self.rows, self.seed = int(alive.sum()), seed
        self._shards, self._folder, self._executor = tuple(shards), folder, executor
        self._alive = folder / "alive.arrow"
        write_table(self._alive, pa.table({"alive": alive.view(np.uint8)}))

    def each(self, name: str, look: Look, *, columns: Sequence[str], given: pa.Table | None = None) -> Iterator[pa.Table]:
        """See `eagdata.contracts.Corpus`."""
        folder = self._folder / name
        if given is not None:
            write_table(folder / "given.arrow", given)
        jobs = [
            Job(
                look=look,
                shard=shard,
                columns=tuple(column for column in columns if column != "row"),
                alive=self._alive,
                given=folder / "given.arrow" if given is not None else None,
                out=folder / shard.name,
            )
            for shard in self._shards
        ]
        self._executor.run([job for job in jobs if not job.out.exists()])
        return (read_table(job.out) for job in jobs)


def read_table(path: Path) -> pa.Table:
    """A table from an Arrow file, mapped: what is not touched is not read."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow file, whole or not at all, whoever else writes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.uname().nodename}.{os.getpid()}")
    with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    part.replace(path)
