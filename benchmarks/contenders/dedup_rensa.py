"""rensa's RMinHashDeduplicator over word shingles; the variant `bands` looks in 32 bands of 256 values, which finds more."""

from collections.abc import Iterator

import pyarrow.parquet as pq
from cleaning import SHINGLE, THRESHOLD, Job
from rensa import RMinHashDeduplicator


def shingles(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]


def kept(job: Job) -> Iterator[str]:
    bands = {"num_perm": 256, "num_bands": 32} if job.variant == "bands" else {"num_perm": 128}
    index = RMinHashDeduplicator(threshold=THRESHOLD, use_lsh=True, **bands)
    for batch in pq.ParquetFile(job.documents).iter_batches(batch_size=1000, columns=["id", "text"]):
        names = batch["id"].to_pylist()
        stays = index.add_pairs(zip(names, map(shingles, batch["text"].to_pylist()), strict=True))
        yield from (name for name, stay in zip(names, stays, strict=True) if stay)


if __name__ == "__main__":
    job = Job.given()
    job.finish(kept(job))
