"""curator's `LLM` subclass over a dataset, rate limits out of the way."""

import os
from importlib.util import find_spec
from pathlib import Path

from job import Job

# curator counts tokens with a vocabulary that tiktoken fetches from the network; litellm, which it needs anyway, brings the same file.
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(find_spec("litellm").origin).parent / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator


class Asker(curator.LLM):
    def prompt(self, row: dict) -> list:
        return row["messages"]

    def parse(self, row: dict, response: str) -> dict:
        return {"answer": response}


def main(job: Job) -> int:
    asker = Asker(
        model_name="canned",
        backend="openai",
        generation_params={"temperature": 0.7, "max_tokens": 1024},
        backend_params={
            "base_url": job.url,
            "max_concurrent_requests": job.concurrency,
            "max_requests_per_minute": 10**9,
            "max_tokens_per_minute": 10**12,
        },
    )
    answered = asker([{"messages": job.question(number)} for number in range(job.calls)], working_dir=job.folder)
    return sum(answer == job.answer for answer in answered.dataset["answer"])


if __name__ == "__main__":
    job = Job.given()
    job.finish(main(job))
