"""datasketch's MinHash and MinHashLSH over word shingles; the variant `xxhash` hashes them with xxh3 in place of SHA-1."""

from collections.abc import Iterator

import pyarrow.parquet as pq
import xxhash
from cleaning import SHINGLE, THRESHOLD, Job
from datasketch import MinHash, MinHashLSH


def shingles(text: str) -> set[bytes]:
    words = text.split()
    return {" ".join(words[i : i + SHINGLE]).encode() for i in range(max(1, len(words) - SHINGLE + 1))}


def short_hash(data: bytes) -> int:
    return xxhash.xxh3_64_intdigest(data) & 0xFFFFFFFF


def kept(job: Job) -> Iterator[str]:
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    hashing = {"hashfunc": short_hash} if job.variant == "xxhash" else {}
    for batch in pq.ParquetFile(job.documents).iter_batches(batch_size=1000, columns=["id", "text"]):
        for name, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
            sketch = MinHash(num_perm=128, **hashing)
            sketch.update_batch(shingles(text))
            if not index.query(sketch):
                index.insert(name, sketch)
                yield name


if __name__ == "__main__":
    job = Job.given()
    job.finish(kept(job))
