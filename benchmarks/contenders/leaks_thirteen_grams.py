"""Runs of thirteen words in a set, a word being letters and digits alone, in lower case: the plain form of the 13-gram rule.

Source: Brown et al. 2020 (GPT-3), appendix C.
"""

import re
from collections.abc import Iterator

import pyarrow.parquet as pq
from cleaning import Job

SIZE = 13
NO_WORD = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")
"""ASCII but letters and digits; all other characters belong to words."""


def runs(text: str) -> set[tuple[str, ...]]:
    words = NO_WORD.sub(" ", text.lower()).split()
    return {tuple(words[i : i + SIZE]) for i in range(len(words) - SIZE + 1)}


def flagged(job: Job) -> Iterator[str]:
    asked = {run for question in job.asked() for run in runs(question)}
    for batch in pq.ParquetFile(job.documents).iter_batches(batch_size=1000, columns=["id", "text"]):
        for name, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
            if not asked.isdisjoint(runs(text)):
                yield name


if __name__ == "__main__":
    job = Job.given()
    job.finish(flagged(job))
