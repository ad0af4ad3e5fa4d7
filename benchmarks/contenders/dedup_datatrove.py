"""datatrove's four MinHash stages as they come; the variant `words` shingles the words as they stand, without its normalisation."""

from collections.abc import Iterator
from pathlib import Path

from cleaning import Job
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.utils.text import TextNormConfig

PLAIN = TextNormConfig(lowercase=False, norm_whitespace=True, remove_punctuation=False, norm_unicode_diacritics=False, norm_numbers=False)


def kept(job: Job) -> list[str]:
    ids: list[str] = []

    def note(data: Iterator, rank: int = 0, world_size: int = 1) -> Iterator:
        for document in data:
            ids.append(document.id)
            yield document

    config = MinhashConfig(norm_config=PLAIN) if job.variant == "words" else MinhashConfig()
    documents, work = Path(job.documents), Path(job.folder)
    read = ParquetReader(str(documents.parent), glob_pattern=documents.name)
    signatures, buckets, removed = (str(work / name) for name in ("signatures", "buckets", "removed"))
    for name, tasks, pipeline in (
        ("sign", 1, [read, MinhashDedupSignature(signatures, config=config)]),
        ("match", config.num_buckets, [MinhashDedupBuckets(signatures, buckets, config=config)]),
        ("cluster", 1, [MinhashDedupCluster(buckets, removed, config=config)]),
        ("filter", 1, [read, MinhashDedupFilter(removed), note]),
    ):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(work / "logs" / name)).run()
    return ids


if __name__ == "__main__":
    job = Job.given()
    job.finish(kept(job))
