"""distilabel's pipeline with `TextGeneration` and `OpenAILLM`: a step keeps one batch in flight, so its size is the concurrency."""

import logging

from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration
from job import Job


def main(job: Job) -> int:
    questions = [{"instruction": job.question(number)[-1]["content"]} for number in range(job.calls)]
    with Pipeline(name="benchmark", cache_dir=job.folder) as pipeline:
        load = LoadDataFromDicts(data=questions, batch_size=job.concurrency)
        generate = TextGeneration(
            llm=OpenAILLM(
                model="canned",
                base_url=job.url,
                api_key="none",
                generation_kwargs={"temperature": 0.7, "max_new_tokens": 1024},
            ),
            input_batch_size=job.concurrency,
            add_raw_input=False,
            add_raw_output=False,
        )
        load >> generate
    rows = pipeline.run(use_cache=False)["default"]["train"]
    return sum(answer == job.answer for answer in rows["generation"])


if __name__ == "__main__":
    job = Job.given()
    logging.disable(logging.WARNING)
    job.finish(main(job))
