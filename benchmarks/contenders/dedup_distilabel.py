"""distilabel's `MinHashDedup` step in a pipeline, on runs of five characters: its own words need a download from NLTK."""

import logging
from collections.abc import Iterable

import pyarrow.parquet as pq
from cleaning import SHINGLE, THRESHOLD, Job
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, MinHashDedup


def kept(job: Job) -> Iterable[str]:
    documents = pq.read_table(job.documents, columns=["id", "text"]).to_pylist()
    with Pipeline(name="benchmark", cache_dir=job.folder) as pipeline:
        load = LoadDataFromDicts(data=documents, batch_size=500)
        deduplicate = MinHashDedup(tokenizer="ngrams", n=SHINGLE, threshold=THRESHOLD, input_batch_size=500)
        load >> deduplicate
    rows = pipeline.run(use_cache=False)["default"]["train"]
    return [name for name, stays in zip(rows["id"], rows["keep_row_after_minhash_filtering"], strict=True) if stays]


if __name__ == "__main__":
    job = Job.given()
    logging.disable(logging.WARNING)
    job.finish(kept(job))
