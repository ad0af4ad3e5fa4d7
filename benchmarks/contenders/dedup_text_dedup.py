"""text-dedup's MinHash command as it comes (SHA-1, as many processes as cores); the variant `xxh3` is its faster setting."""

import sys

from cleaning import SHINGLE, THRESHOLD, Job
from datasets import load_from_disk
from text_dedup.minhash import main

if __name__ == "__main__":
    job = Job.given()
    out = f"{job.folder}/out"
    options = ["--path", "parquet", "--data_files", job.documents, "--split", "train", "--cache_dir", f"{job.folder}/cache"]
    options += ["--output", out, "--column", "text", "--ngram", str(SHINGLE), "--threshold", str(THRESHOLD)]
    if job.variant == "xxh3":
        options += ["--hash_func", "xxh3", "--hash_bits", "32"]
    sys.argv[1:] = []
    main.main(options, standalone_mode=False)
    job.finish(load_from_disk(out)["id"])
