"""From a plan to those who take part: plugins built and opened, prompts written, calls journaled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from eagdata import __version__
from eagdata.contracts import Environment, Request, Search, TaskSource, Teacher, Verifier
from eagdata.errors import RecipeError
from eagdata.pipeline.appeal import Court
from eagdata.pipeline.budget import Budget
from eagdata.pipeline.building import build, verifier_of
from eagdata.pipeline.calls import Calls
from eagdata.pipeline.correction import Correction, Corrector
from eagdata.pipeline.gate import failing
from eagdata.pipeline.remarks import remarked
from eagdata.pipeline.rooms import Environments, Rooms
from eagdata.plan import Plan
from eagdata.records import Json, Message, Task, Trace, canonical, sha256
from eagdata.rollout import Crew, rollout
from eagdata.store import RunStore
from eagdata.teachers.prompts import STOP, raw_system_prompt, run_tool, system_prompt, to_convert
from eagdata.teachers.prompts import demonstration as worked_example


@dataclass(kw_only=True)
class Company:
    """The opened parts of a run, and what they need to roll out any of its tasks."""

    plan: Plan
    store: RunStore
    teacher: Teacher
    calls: Calls
    search: Search
    environment: Environment
    clean: Rooms
    corrector: Corrector | None
    court: Court | None
    verifiers: dict[str, Verifier] = field(default_factory=dict)

    async def roll_out(self, task: Task, position: int) -> Trace:
        """The trace of one task. Raises: Stopped, and what concerns the whole run."""
        seed = int(sha256(canonical([self.plan.seed, task.id]))[:15], 16)
        raw = is_raw(self.plan, position)
        if task.environment != self.plan.plugins["environment"]:
            raise _misplaced(task, self.plan)
        verifier = verifier_of(task, self.verifiers)
        if self.plan.verification.gate and (why := await self._gate(task, verifier)):
            return self._signed(Trace(task=task, prompt=(), stopped=f"task_gate: {why}"))
        crew = self._crew(task, verifier, raw=raw)
        correction = Correction(self.corrector, crew, task_id=task.id) if self.corrector and not raw else None
        trace = await rollout(task, remarked(correction.crew if correction else crew, self.plan.prompt), seed=seed)
        if self.court and verifier.judges == "answer":
            trace = await self.court.hear(trace, seed=seed)
        sampling = self.teacher.sampling() | ({"tools": list[Json](crew.tools)} if crew.tools else {})
        sampling |= correction.signed() if correction else {}
        isolation = None if raw else self.environment.isolation
        return self._signed(replace(trace, sampling=sampling, isolation=isolation, teacher=self.teacher.name))

    def _crew(self, task: Task, verifier: Verifier, *, raw: bool) -> Crew:
        plan = self.plan
        tool = plan.prompt.protocol == "tool" and not raw
        return Crew(
            propose=partial(self.calls.propose, task.id),
            search=self.search,
            environment=None if raw else self.environment,
            clean=self.clean,
            verifier=verifier,
            prompt=prompt_of(plan, task, self.environment, verifier, raw=raw, asked=True),
            tools=(run_tool(self.environment.language),) if tool else (),
            stop=() if tool or raw else STOP,
            limits=plan.limits,
            view=plan.rows.linearization,
            replay_runs=plan.verification.replay_runs,
        )

    async def _gate(self, task: Task, verifier: Verifier) -> str | None:
        """Why the task can tell no right answer from a wrong one; None if it can, as far as it was tried."""
        return await failing(task, verifier=verifier, clean=self.clean, language=self.environment.language)

    def _signed(self, trace: Trace) -> Trace:
        """The trace with what it shares with all of the run."""
        return replace(
            trace,
            search=self.plan.plugins["search"],
            plan_digest=self.plan.digest,
            environment_version=self.environment.version,
            eagdata_version=__version__,
        )


def prompt_of(plan: Plan, task: Task, environment: Environment, verifier: Verifier, *, raw: bool, asked: bool) -> tuple[Message, ...]:
    """System prompt and question; of the task, only the question is in it.

    `asked`: as the teacher gets it, with the worked example and the reasoning to convert, if the plan has them. Rows have neither: who
    is trained on a conversion will have to solve such tasks without one. Raises: RecipeError if there is no reasoning to convert.
    """
    answer, question = verifier.instructions(), Message(role="user", content=task.question)
    if raw:
        return Message(role="system", content=raw_system_prompt(answer)), question
    language, protocol, mode = environment.language, plan.prompt.protocol, plan.prompt.mode if asked else "explore"
    system = system_prompt(
        environment_instructions=environment.instructions(), answer_instructions=answer, language=language, protocol=protocol, mode=mode,
        executions=plan.prompt.executions,
    )  # fmt: skip
    if mode == "convert":
        question = Message(role="user", content=to_convert(task.question, _trace_of(task)))
    shown = worked_example(language=language, protocol=protocol, mode=mode) if asked and plan.prompt.demonstration else ()
    return Message(role="system", content=system), *shown, question


def _trace_of(task: Task) -> str:
    trace = task.metadata.get("trace")
    if not isinstance(trace, str) or not trace.strip():
        raise RecipeError(
            f"task {task.id!r} has no reasoning to convert",
            why="prompt.mode is convert, and its metadata.trace is no text",
            mend='say where it stands, e.g. tasks.fields: {metadata: {trace: "{thinking_trajectories}"}}',
        )
    return trace


def is_raw(plan: Plan, position: int) -> bool:
    """Whether the task at `position` is asked without an environment: drawn with the plan's seed, at the share of `raw`."""
    return int(sha256(f"raw/{plan.seed}/{position}")[:8], 16) / 2**32 < plan.rows.subsets.get("raw", 0.0)


@asynccontextmanager
async def company(plan: Plan, store: RunStore, stopping: asyncio.Event) -> AsyncIterator[Company]:
    """Open teachers, environment and judge. Raises: PrerequisiteError, TeacherError, EnvironmentFault; RecipeError for a budget that
    the teacher cannot be held to."""
    search = cast("Search", build("search", plan.plugins["search"], plan.configs["search"]))
    live = cast("Environment", build("environments", plan.plugins["environment"], plan.configs["environment"]))
    teacher = _teacher(plan, "teacher")
    corrector, judge = (_teacher(plan, section) if section in plan.plugins else None for section in ("correction", "appeal"))
    async with teacher, live, Environments() as judging, corrector or nullcontext(), judge or nullcontext():
        budget = Budget(cost_usd=plan.budget.cost_usd, tokens=plan.budget.tokens, store=store, stopping=stopping)
        for paid in filter(None, (teacher, corrector, judge)):
            budget.check(paid.most(Request(messages=(Message(role="user", content=""),), seed=0)), teacher=paid.name)
        ways = partial(Calls, store=store, budget=budget, plan_digest=plan.digest, stopping=stopping)
        opened = Company(
            plan=plan,
            store=store,
            teacher=teacher,
            calls=ways(teacher=teacher, prefill=plan.prompt.prefill),
            search=search,
            environment=live,
            clean=Rooms(judging, cast("dict[str, Json]", plan.resolved["environment"])),
            corrector=Corrector(corrector, ways(teacher=corrector)) if corrector else None,
            court=Court(judge, ways(teacher=judge)) if judge else None,
        )
        try:
            yield opened
        finally:
            for calls in (opened.calls, *(other.calls for other in (opened.corrector, opened.court) if other)):
                await calls.settle()


def _teacher(plan: Plan, section: str) -> Teacher:
    return cast("Teacher", build("teachers", plan.plugins[section], plan.configs[section]))


def task_source(plan: Plan) -> TaskSource:
    return cast("TaskSource", build("tasks", plan.plugins["tasks"], plan.configs["tasks"]))


def _misplaced(task: Task, plan: Plan) -> RecipeError:
    return RecipeError(
        f"task {task.id!r} is for the environment {task.environment!r}, and the recipe's is {plan.plugins['environment']!r}",
        mend=f"--set environment.kind={task.environment}, or mend the environment that the tasks name (tasks.environment)",
    )
