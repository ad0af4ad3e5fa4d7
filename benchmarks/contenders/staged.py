"""eagdata's stages over a Parquet file, as `eagdata.pipeline` runs them: documents in shards on disk, then one stage after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cleaning import Job

from eagdata.contracts import Stage
from eagdata.curate.corpus import ShardedCorpus, write_table
from eagdata.executors.local import LocalExecutor
from eagdata.importers.sources import open_sources


def ids_by_fate(job: Job, stages: Sequence[Stage]) -> tuple[list[str], list[str]]:
    """Ids of the documents that stay, and of those that a stage drops."""
    folder = Path(job.folder)
    shards: list[Path] = []
    parts: list[pa.ChunkedArray] = []
    for batch in open_sources([job.documents], fields=()).batches():
        shards.append(folder / "documents" / f"{len(shards):05d}.arrow")
        write_table(shards[-1], batch.documents)
        parts.append(batch.documents["id"])
    ids = pa.chunked_array([chunk for part in parts for chunk in part.chunks])
    alive: npt.NDArray[np.bool_] = np.ones(len(ids), dtype=np.bool_)
    for place, stage in enumerate(stages):
        corpus = ShardedCorpus(shards, alive, folder=folder / f"{place:02d}", executor=LocalExecutor(), seed=0)
        gone = stage.decide(corpus).drops["row"].to_numpy()
        alive = alive.copy()
        alive[gone] = False
    return ids.filter(pa.array(alive)).to_pylist(), ids.filter(pa.array(~alive)).to_pylist()
