"""Where new tasks are made: drafted and proven, told apart from what is known, solved once more.

A draft is journaled with its proof, so that no program runs again on a resumed run; what comes after follows from journaled replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar, cast

from eagdata import __version__
from eagdata.contracts import Request, Teacher, Verifier
from eagdata.errors import BoundaryError, BudgetSpent, Stopped
from eagdata.events import Emit, TraceFinished
from eagdata.pipeline.budget import Budget
from eagdata.pipeline.building import build, configured
from eagdata.pipeline.calls import Calls
from eagdata.pipeline.rooms import Environments, Rooms
from eagdata.pipeline.run import MIN_FAILED
from eagdata.pipeline.synthesis.fate import Fate
from eagdata.pipeline.synthesis.novelty import Questions
from eagdata.pipeline.synthesis.order import Order
from eagdata.pipeline.synthesis.prompts import draft_prompt
from eagdata.pipeline.synthesis.proof import prove
from eagdata.plan import Plan
from eagdata.records import Failure, Json, Message, Node, Task, Trace, canonical, sha256
from eagdata.store import RunStore
from eagdata.teachers.prompts import raw_system_prompt
from eagdata.teachers.turns import parse_reply

T = TypeVar("T")
_PER_HAND = 4
"""Drafts of one round for each task in work: the money of a budget that ends goes into whole tasks, but for the last round's."""


@dataclass(kw_only=True)
class Workshop:
    """The opened parts of a synthesis."""

    plan: Plan
    store: RunStore
    teacher: Teacher
    calls: Calls
    clean: Rooms
    emit: Emit
    agreement: int
    verifier: Verifier = field(init=False)
    """Of all new tasks."""
    fates: dict[int, Fate] = field(default_factory=dict)
    """By position; who is missing is unspent."""
    failed: int = 0

    async def work(self, orders: Sequence[Order], known: Questions) -> None:
        """All orders, round by round. A task is compared with those of earlier positions, so rounds and their size change nothing.

        Raises: Stopped; BoundaryError past the plan's share of failures; whatever ends a run.
        """
        self.fates = {position: Fate.of(trace) for position, trace in self.store.traces()}
        self.verifier = cast("Verifier", configured("verifiers", orders[0].seeds[0].verifier, orders[0].seeds[0].verifier_config))
        waiting = iter(orders)
        while batch := list(islice(waiting, _PER_HAND * self.plan.concurrency)):
            await self._by_hands((order for order in batch if order.position not in self.fates), self._draft)
            drafted = [order.position for order in batch if order.position in self.fates]
            for position in drafted:
                self._compare(position, known)
            proven = [position for position in drafted if self.fates[position].status == "kept"]
            await self._by_hands(proven if self.agreement else (), self._solve)
            for position in drafted:
                fate = self.fates[position]
                if fate.status != "unspent":
                    self.emit(TraceFinished(fate.task.id, fate.status, fate.reason, fate.usage.calls, 1, fate.usage.cost_usd))

    async def _draft(self, order: Order) -> None:
        """Ask for the new task, prove it, journal both.

        Without a stop sequence at the closing fence: small models open a block without its label, and the reply would end there.
        """
        blank = _blank(order, teacher=self.teacher.name)
        shown = [task.question for task in order.seeds]
        prompt = draft_prompt(shown, operation=order.operation, instructions=self.verifier.instructions())
        request = self._request(prompt, blank, sample=order.sample)
        trace = Trace(
            task=blank, prompt=prompt, teacher=self.teacher.name, sampling=self.teacher.sampling(), seed=request.seed,
            plan_digest=self.plan.digest, eagdata_version=__version__,
        )  # fmt: skip
        try:
            key, reply = await self.calls.propose(blank.id, "draft", request)
            turn = parse_reply(reply, language="python")
            runs = self.plan.verification.replay_runs
            proof = await prove(blank, turn, verifier=self.verifier, clean=self.clean, runs=runs)
        except BudgetSpent:
            return
        except BoundaryError as error:
            trace = replace(trace, failure=Failure.of(error))
        else:
            node = Node(
                parent=None, sample=0, call=key, status=turn.status, content=turn.content, reasoning=turn.reasoning, thought=turn.thought,
                action=turn.action, observation=proof.observation, finish_reason=reply.finish_reason, usage=reply.usage,
            )  # fmt: skip
            trace = replace(trace, task=proof.task, nodes=(node,), leaves=(proof.leaf,), actions=proof.runs)
        await self.store.record_trace(order.position, trace)
        self._end(order.position, Fate.of(trace))

    def _compare(self, position: int, known: Questions) -> None:
        """Reject a proven task that says what an earlier one says."""
        fate = self.fates[position]
        if fate.status == "kept" and (copied := known.copied(fate.task.question)):
            reason, evidence = copied
            self.fates[position] = replace(fate, status="rejected", reason=reason, evidence=evidence)
        elif fate.status == "kept":
            known.add(fate.task.id, fate.task.question)

    async def _solve(self, position: int) -> None:
        """Have the question solved in words, until one answer is the program's.

        Source: a model's own agreeing solutions stand in for a known answer (majority of many in self-consistency, Wang et al. 2022,
        arXiv:2203.11171, and OpenMathInstruct-2, Toshniwal et al. 2024, arXiv:2410.01560). Here one is enough, as the program is a first.
        """
        fate = self.fates[position]
        system = Message(role="system", content=raw_system_prompt(self.verifier.instructions()))
        prompt = (system, Message(role="user", content=fate.task.question))
        said: list[Json] = []
        try:
            for sample in range(self.agreement):
                _, reply = await self.calls.propose(fate.task.id, f"solve.{sample}", self._request(prompt, fate.task, sample=sample))
                turn = parse_reply(reply, language=None)
                said.append(turn.answer)
                fate = replace(fate, solves=len(said), usage=fate.usage + reply.usage)
                if (await self.verifier.verify(fate.task, turn.answer, None, self.clean)).passed:
                    break
            else:
                evidence = canonical({"program": fate.task.answer, "solved": said})
                fate = replace(fate, status="rejected", reason="no_agreement", evidence=evidence)
        except BudgetSpent:
            fate = replace(fate, status="unspent")
        except BoundaryError as error:
            fate = replace(fate, status="failed", reason=error.boundary, evidence=str(error))
        self._end(position, fate)

    def _request(self, prompt: tuple[Message, ...], task: Task, *, sample: int) -> Request:
        seed = int(sha256(canonical([self.plan.seed, task.id, sample, len(prompt)]))[:15], 16)
        return Request(messages=prompt, seed=seed, sample=sample, group=seed)

    def _end(self, position: int, fate: Fate) -> None:
        """Take note of what became of it. Raises: BoundaryError past the plan's share of failures, as a run does."""
        self.fates[position] = fate
        self.failed += fate.status == "failed"
        hopeless = self.failed == len(self.fates) >= min(MIN_FAILED, self.plan.concurrency)
        if hopeless or (self.failed >= MIN_FAILED and self.failed > self.plan.thresholds.max_failed * len(self.fates)):
            raise BoundaryError(
                f"{self.failed} of {len(self.fates)} tasks failed",
                why=f"the last: {fate.evidence}",
                mend="mend the cause, then the same command resumes; nothing paid for is lost",
            )

    async def _by_hands(self, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        """Work on so many items at once. What ends a run is raised when the others have saved theirs."""
        queue, errors = iter(items), list[Exception]()

        async def hand() -> None:
            for item in queue:
                if errors or self.calls.stopping.is_set():
                    return
                try:
                    await work(item)
                except Exception as error:  # raised again below
                    errors.append(error)

        await asyncio.gather(*(hand() for _ in range(self.plan.concurrency)))
        for error in errors:
            raise error
        if self.calls.stopping.is_set():
            raise Stopped("interrupted", why="the run was asked to stop")


@asynccontextmanager
async def workshop(plan: Plan, store: RunStore, *, agreement: int, emit: Emit, stopping: asyncio.Event) -> AsyncIterator[Workshop]:
    """Open teacher and sandbox. Raises: PrerequisiteError, TeacherError, EnvironmentFault; RecipeError for a budget that the teacher cannot
    be held to."""
    settings = cast("dict[str, Json]", plan.resolved["environment"])
    teacher = cast("Teacher", build("teachers", plan.plugins["teacher"], plan.configs["teacher"]))
    async with Environments() as rooms:
        await rooms.opened(settings)  # before anything is paid for
        async with teacher:
            budget = Budget(cost_usd=plan.budget.cost_usd, tokens=plan.budget.tokens, store=store, stopping=stopping)
            budget.check(teacher.most(Request(messages=(Message(role="user", content=""),), seed=0)), teacher=teacher.name)
            calls = Calls(teacher=teacher, store=store, budget=budget, plan_digest=plan.digest, stopping=stopping)
            clean = Rooms(rooms, settings)
            try:
                yield Workshop(plan=plan, store=store, teacher=teacher, calls=calls, clean=clean, emit=emit, agreement=agreement)
            finally:
                await calls.settle()


def _blank(order: Order, *, teacher: str) -> Task:
    """The new task before it is written: with its judge, and where it comes from. What is derived keeps the licence of what it is
    derived from."""
    lead = order.seeds[0]
    seeds: list[Json] = [task.id for task in order.seeds]
    return replace(
        lead, id=f"new-{order.position:05d}", question="", reference=None, answer=None, solution=None, difficulty=None, seed=0,
        source=f"written by {teacher} from {lead.source or 'unnamed tasks'}", metadata={"seeds": seeds, "operation": order.operation},
    )  # fmt: skip
