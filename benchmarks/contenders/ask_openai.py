"""The `openai` package as it comes."""

import asyncio

from job import Job
from openai import AsyncOpenAI


async def main(job: Job) -> int:
    async with AsyncOpenAI(base_url=job.url, api_key="none") as client:

        async def ask(number: int) -> str | None:
            answer = await client.chat.completions.create(
                model="canned", messages=job.question(number), temperature=0.7, max_tokens=1024, seed=number
            )
            return answer.choices[0].message.content

        return await job.ask_all(ask)


if __name__ == "__main__":
    job = Job.given()
    job.finish(asyncio.run(main(job)))
