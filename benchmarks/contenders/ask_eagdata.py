"""eagdata as a run uses it: every call through the journal of a run folder, its reply durable before anyone sees it."""

import asyncio
from pathlib import Path
from typing import cast

from job import Job

from eagdata.contracts import Request
from eagdata.pipeline.budget import Budget
from eagdata.pipeline.calls import Calls
from eagdata.pipeline.run import patient_collector
from eagdata.plan import Plan
from eagdata.recipe import read_plan
from eagdata.records import Message
from eagdata.store import RunStore
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from eagdata.teachers.openai_settings import OpenAISettings


def plan_of(job: Job) -> Plan:
    teacher = {"kind": "openai_chat", "base_url": job.url, "model": "canned", "max_in_flight": job.concurrency}
    return read_plan("quickstart", overrides={f"teacher.{key}": value for key, value in teacher.items()})


async def main(job: Job) -> int:
    plan = plan_of(job)
    histories = [tuple(Message(**message) for message in history) for history in job.histories]
    with RunStore(Path(job.folder) / "run", plan) as store:
        async with OpenAIChatTeacher(cast("OpenAISettings", plan.configs["teacher"])) as teacher:
            calls = Calls(
                teacher=teacher,
                store=store,
                budget=Budget(cost_usd=None, tokens=None, store=store),
                plan_digest=plan.digest,
                stopping=asyncio.Event(),
            )

            async def ask(number: int) -> str:
                messages = (*histories[number % len(histories)], Message(**job.last(number)))
                request = Request(messages=messages, seed=number, group=number)
                _, reply = await calls.propose(f"task-{number}", "0", request)
                return reply.content

            with patient_collector():
                return await job.ask_all(ask)


if __name__ == "__main__":
    job = Job.given()
    job.finish(asyncio.run(main(job)))
