"""Runs of eight lower-case words, joined and looked up in a dictionary: how the scripts of s1 and open-r1 go about it, written anew.

Source: https://github.com/huggingface/open-r1 (`scripts/decontaminate.py`) and https://github.com/simplescaling/s1, for what they do.
"""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow.parquet as pq
from cleaning import Job

SIZE = 8


def runs(text: str) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + SIZE]) for i in range(len(words) - SIZE + 1)}


def flagged(job: Job) -> Iterator[str]:
    holders: defaultdict[str, set[int]] = defaultdict(set)
    for number, question in enumerate(job.asked()):
        for run in runs(question):
            holders[run].add(number)
    for batch in pq.ParquetFile(job.documents).iter_batches(batch_size=1000, columns=["id", "text"]):
        for name, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
            if any(run in holders for run in runs(text)):
                yield name


if __name__ == "__main__":
    job = Job.given()
    job.finish(flagged(job))
