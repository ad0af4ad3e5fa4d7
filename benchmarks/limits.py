"""What this machine can do with the text of a Parquet file at best, in MB of text for each CPU-second of one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import xxhash

_REPEATS = 3


def decode(documents: Path) -> float:
    """Read the column from zstd."""
    size = _bytes(documents).nbytes
    return _speed(size, lambda: pq.read_table(documents, columns=["text"], use_threads=False))


def hashing(documents: Path) -> float:
    """xxh3 with 128 bits of each document, from its place in the Arrow buffer."""
    chunks = pq.read_table(documents, columns=["text"])["text"].chunks
    views = [(memoryview(chunk.buffers()[2]), np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset :].tolist()) for chunk in chunks]
    spans = [(view, start, end) for view, ends in views for start, end in pairwise(ends)]
    size = sum(end - start for _, start, end in spans)
    return _speed(size, lambda: [xxhash.xxh3_128_digest(view[start:end]) for view, start, end in spans])


def copying(documents: Path) -> float:
    """numpy's copy of all bytes."""
    text = _bytes(documents)
    target = np.empty_like(text)
    return _speed(text.nbytes, lambda: np.copyto(target, text))


def _bytes(documents: Path) -> npt.NDArray[np.uint8]:
    column = pq.read_table(documents, columns=["text"])["text"].combine_chunks()
    return np.frombuffer(column.buffers()[2], np.uint8)


def _speed(size: int, work: Callable[[], object]) -> float:
    """The best of some repeats."""
    times = []
    for _ in range(_REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return size / 1e6 / min(times)


LIMITS: dict[str, Callable[[Path], float]] = {"Parquet, zstd, decoded": decode, "xxh3 of each document": hashing, "memory copied": copying}
"""By the names that the table uses."""
