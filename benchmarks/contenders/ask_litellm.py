"""litellm's `acompletion`, which has no batches of its own for live calls: no retries, no cache, no callbacks."""

import asyncio

import litellm
from job import Job

litellm.suppress_debug_info = True


async def main(job: Job) -> int:
    async def ask(number: int) -> str | None:
        answer = await litellm.acompletion(
            model="openai/canned",
            api_base=job.url,
            api_key="none",
            messages=job.question(number),
            temperature=0.7,
            max_tokens=1024,
            seed=number,
            num_retries=0,
        )
        return answer.choices[0].message.content

    return await job.ask_all(ask)


if __name__ == "__main__":
    job = Job.given()
    job.finish(asyncio.run(main(job)))
