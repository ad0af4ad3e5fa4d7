"""The yardstick: what a careful user writes with aiohttp and the standard library's json. No retries, no journal."""

import asyncio

import aiohttp
from job import Job


async def main(job: Job) -> int:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        headers={"Authorization": "Bearer none"},
        timeout=aiohttp.ClientTimeout(total=600),
    ) as session:

        async def ask(number: int) -> str:
            body = {"model": "canned", "messages": job.question(number), "temperature": 0.7, "max_tokens": 1024, "seed": number}
            async with session.post(f"{job.url}/chat/completions", json=body) as response:
                response.raise_for_status()
                answer = await response.json()
            return answer["choices"][0]["message"]["content"]

        return await job.ask_all(ask)


if __name__ == "__main__":
    job = Job.given()
    job.finish(asyncio.run(main(job)))
