"""Many short documents through `exact` and `near`, with time and memory:

    python -m tests.executors.million 1000000 --near --executor ray

About 300 bytes each. One in twenty is a copy of one of the first 10,000, one in twenty such a copy with another last word. The hash is that
of the kept row numbers: two executors that came to the same print the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from eagdata.contracts import Executor, Stage
from eagdata.curate.corpus import ShardedCorpus, write_table
from eagdata.executors import executor
from eagdata.importers.sources import open_sources
from eagdata.pipeline.building import configured

BATCH, WORDS, VOCABULARY, PROBLEM = 10_000, 45, 30_000, 15
SEED = 0
LOOK_EVERY_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--near", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with watched("generate"):
            generate(folder / "rows.parquet", asked.rows)
        say(f"{asked.rows:,} rows, {(folder / 'rows.parquet').stat().st_size / 1e6:.1f} MB of Parquet")
        with watched("documents"):
            shards = documents(folder)
        with watched(f"start {asked.executor}"):
            where = executor(asked.executor)
        alive = np.ones(asked.rows, dtype=np.bool_)
        for kind in ("exact", "near") if asked.near else ("exact",):
            with watched(kind):
                alive = through(kind, alive, shards, folder / kind, where)
            say(f"  {int(alive.sum()):,} kept, {int((~alive).sum()):,} dropped in all")
        say(f"kept rows sha256 {hashlib.sha256(np.flatnonzero(alive).astype('<i8').tobytes()).hexdigest()}")


def generate(path: Path, rows: int) -> None:
    draw = np.random.default_rng(SEED)
    words = np.array(["".join(map(chr, letters)) for letters in draw.integers(97, 123, (VOCABULARY, 6))], dtype=object)
    schema = pa.schema([("id", pa.string()), ("problem", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        first: npt.NDArray[np.int64] | None = None
        for start in range(0, rows, BATCH):
            size = min(BATCH, rows - start)
            drawn = draw.integers(0, VOCABULARY, (size, WORDS))
            if first is None:
                first = drawn
            else:
                kind, of = draw.integers(0, 20, size), draw.integers(0, len(first), size)
                drawn[kind < 2] = first[of[kind < 2]]
                drawn[kind == 1, -1] = draw.integers(0, VOCABULARY, int((kind == 1).sum()))
            said = words[drawn].tolist()
            problems, texts = ([" ".join(row[part]) for row in said] for part in (slice(PROBLEM), slice(PROBLEM, None)))
            # Without ids of their own, rows are called by the path of their file, which is another one in every run.
            columns = [[f"r{row}" for row in range(start, start + size)], problems, texts]
            writer.write_table(pa.table(columns, schema=schema))


def documents(folder: Path) -> list[Path]:
    shards = []
    for place, batch in enumerate(open_sources([str(folder / "rows.parquet")]).batches()):
        shards.append(folder / "documents" / f"{place:05d}.arrow")
        write_table(shards[-1], batch.documents)
    return shards


def through(kind: str, alive: npt.NDArray[np.bool_], shards: list[Path], folder: Path, where: Executor) -> npt.NDArray[np.bool_]:
    stage = cast("Stage", configured("curation", kind, {}))
    found = stage.decide(ShardedCorpus(shards, alive, folder=folder, executor=where, seed=SEED))
    left = alive.copy()
    left[found.drops["row"].to_numpy()] = False
    return left


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Say how long it took, and the most memory that this process and all below it held at once. Pages that they share count for each."""
    peak, done = [resident()], threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_EVERY_S):
            peak.append(max(peak.pop(), resident()))

    watching, start = threading.Thread(target=watch), time.monotonic()
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        say(f"{what}: {time.monotonic() - start:.1f} s, at most {peak[0] / 2**20:,.0f} MB resident")


def resident() -> int:
    """Bytes of this process and of all below it."""
    below, pages = defaultdict(list), {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        below[int(fields[1])].append(int(stat.parent.name))
        pages[int(stat.parent.name)] = int(fields[21])
    total, asked = 0, [os.getpid()]
    while asked:
        pid = asked.pop()
        total += pages.get(pid, 0)
        asked += below[pid]
    return total * os.sysconf("SC_PAGE_SIZE")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
