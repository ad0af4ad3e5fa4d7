"""From a plan to those who take part: plugins built and opened, prompts written, calls journaled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from eagdata import __version__
from eagdata.contracts import Environment, Reply, Request, Search, TaskSource, Teacher, Verifier
from eagdata.errors import EagdataError, RecipeError
from eagdata.recipe import Plan
from eagdata.records import Json, Message, Task, Trace, canonical, sha256, to_json, well_formed
from eagdata.registry import plugin_class
from eagdata.rollout import Crew, Propose, rollout
from eagdata.store import RunStore, call_key
from eagdata.teachers.prompts import STOP, raw_system_prompt, run_tool, system_prompt
from eagdata.teachers.prompts import demonstration as worked_example


class Stopped(EagdataError):
    """The user asked to stop: no new call begins, those in flight are awaited and saved."""

    exit_code = 130


def build(kind: str, name: str, config: object) -> object:
    """A plugin with its settings. Raises: RecipeError, PrerequisiteError."""
    return plugin_class(kind, name)(config)


def configured(kind: str, name: str, given: Mapping[str, Json]) -> object:
    """A plugin from settings as JSON, as rows and tasks hold them. Raises: RecipeError if they are wrong; PrerequisiteError."""
    from pydantic import TypeAdapter, ValidationError

    config: type[object] = plugin_class(kind, name).Config  # type: ignore[attr-defined]
    try:
        return build(kind, name, TypeAdapter(config).validate_python(given))
    except ValidationError as error:
        raise RecipeError(
            f"the settings of {name!r} are wrong: {dict(given)!r}", why=str(error), mend="mend the task or row that names it"
        ) from error


def verifier_of(task: Task, made: dict[str, Verifier]) -> Verifier:
    """The verifier that a task names, made once per setting. Raises: RecipeError if its settings are wrong."""
    key = canonical([task.verifier, task.verifier_config])
    if key not in made:
        made[key] = cast("Verifier", configured("verifiers", task.verifier, task.verifier_config))
    return made[key]


@dataclass(kw_only=True)
class Company:
    """The opened parts of a run, and what they need to roll out any of its tasks."""

    plan: Plan
    store: RunStore
    teacher: Teacher
    search: Search
    environment: Environment
    judge: Environment
    stopping: asyncio.Event
    verifiers: dict[str, Verifier] = field(default_factory=dict)
    in_flight: set[asyncio.Future[Reply]] = field(default_factory=set)

    async def roll_out(self, task: Task, position: int) -> Trace:
        """The finished trace of one task, journaled. Raises: Stopped, and what concerns the whole run."""
        seed = int(sha256(canonical([self.plan.seed, task.id]))[:15], 16)
        raw = is_raw(self.plan, position)
        verifier = verifier_of(task, self.verifiers)
        tool = self.plan.prompt.protocol == "tool" and not raw
        tools = (run_tool(self.environment.language),) if tool else ()
        plan, shown = self.plan, self.plan.prompt.demonstration
        crew = Crew(
            propose=self._propose(task),
            search=self.search,
            environment=None if raw else self.environment,
            judge=None if raw else self.judge,
            verifier=verifier,
            prompt=prompt_of(plan, task, self.environment, verifier, raw=raw, demonstration=shown),
            tools=tools,
            stop=() if tool or raw else STOP,
            limits=plan.limits,
            view=plan.rows.linearization,
            replay_runs=plan.verification.replay_runs,
        )
        sampling = self.teacher.sampling() | ({"tools": list[Json](tools)} if tools else {})
        trace = replace(
            await rollout(task, crew, seed=seed),
            search=plan.plugins["search"],
            teacher=self.teacher.name,
            sampling=sampling,
            plan_digest=plan.digest,
            isolation=None if raw else self.environment.isolation,
            environment_version=self.environment.version,
            eagdata_version=__version__,
        )
        self.store.record_trace(position, trace)
        return trace

    def _propose(self, task: Task) -> Propose:
        async def propose(path: str, request: Request) -> tuple[str, Reply]:
            asked = cast("Json", to_json(request))
            key = call_key(plan_digest=self.plan.digest, task_id=task.id, path=path, request=asked)
            reply = self.store.reply(key)
            if reply is None:
                if self.stopping.is_set():
                    raise Stopped("stopped before the next call")
                call = asyncio.ensure_future(self._call(request, key=key, task_id=task.id, path=path))
                self.in_flight.add(call)
                call.add_done_callback(self.in_flight.discard)
                reply = await asyncio.shield(call)
            return key, reply

        return propose

    async def _call(self, request: Request, *, key: str, task_id: str, path: str) -> Reply:
        """One paid call, journaled before anyone sees the reply."""
        reply = await self.teacher.propose(request)
        reply = replace(reply, content=well_formed(reply.content), reasoning=reply.reasoning and well_formed(reply.reasoning))
        self.store.record_reply(key, reply, task_id=task_id, path=path)
        return reply

    async def settle(self) -> None:
        """Wait for the calls in flight: what is paid for is saved, whoever has stopped waiting for it."""
        await asyncio.gather(*self.in_flight, return_exceptions=True)


def prompt_of(
    plan: Plan, task: Task, environment: Environment, verifier: Verifier, *, raw: bool, demonstration: bool
) -> tuple[Message, ...]:
    """System prompt, a worked example if asked for, and the question. Of the task, only the question is in it."""
    answer, question = verifier.instructions(), Message(role="user", content=task.question)
    if raw:
        return Message(role="system", content=raw_system_prompt(answer)), question
    language, protocol = environment.language, plan.prompt.protocol
    system = system_prompt(
        environment_instructions=environment.instructions(), answer_instructions=answer, language=language, protocol=protocol
    )
    shown = worked_example(language=language, protocol=protocol) if demonstration else ()
    return Message(role="system", content=system), *shown, question


def is_raw(plan: Plan, position: int) -> bool:
    """Whether the task at `position` is asked without an environment: drawn with the plan's seed, at the share of `raw`."""
    return int(sha256(f"raw/{plan.seed}/{position}")[:8], 16) / 2**32 < plan.rows.subsets.get("raw", 0.0)


@asynccontextmanager
async def company(plan: Plan, store: RunStore, stopping: asyncio.Event) -> AsyncIterator[Company]:
    """Open teacher, environment and judge. Raises: PrerequisiteError, TeacherError, EnvironmentFault."""
    teacher = cast("Teacher", build("teachers", plan.plugins["teacher"], plan.configs["teacher"]))
    search = cast("Search", build("search", plan.plugins["search"], plan.configs["search"]))
    live, judging = (cast("Environment", build("environments", plan.plugins["environment"], plan.configs["environment"])) for _ in range(2))
    async with teacher, live, judging:
        opened = Company(plan=plan, store=store, teacher=teacher, search=search, environment=live, judge=judging, stopping=stopping)
        try:
            yield opened
        finally:
            await opened.settle()


def task_source(plan: Plan) -> TaskSource:
    return cast("TaskSource", build("tasks", plan.plugins["tasks"], plan.configs["tasks"]))
