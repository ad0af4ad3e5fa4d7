"""Tasks to finished traces: a bounded window of rollouts over a stream of tasks."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from eagdata import __version__
from eagdata.contracts import TaskSource
from eagdata.curate.duplicates import FirstWins, task_fingerprint
from eagdata.errors import BoundaryError, Stopped
from eagdata.events import Emit, Notice, Pulse, StageStarted, TraceFinished
from eagdata.pipeline.crew import Company, company
from eagdata.pipeline.outcome import outcome_of
from eagdata.plan import Plan
from eagdata.records import Task, Trace
from eagdata.store import RunStore

PULSE_S = 0.5
MIN_FAILED = 20
"""Failures before their share is looked at: fewer say little."""


@dataclass
class _Progress:
    finished: int = 0
    failed: int = 0
    last_failure: str = ""
    source_empty: bool = False
    tasks_seen: int = 0
    errors: list[BaseException] = field(default_factory=list)


async def roll_out_all(plan: Plan, store: RunStore, source: TaskSource, *, emit: Emit, stopping: asyncio.Event) -> int:
    """Roll out every task that has no finished trace yet; gives the number of tasks planned.

    Raises: Stopped when asked to; BoundaryError past the plan's share of failures; whatever ends a run.
    """
    done = store.finished()
    progress = _Progress()
    emit(StageStarted("rollouts", plan.n))
    stream = enumerate(source.tasks(plan.n, seed=plan.seed))
    async with company(plan, store, stopping) as crew:
        with patient_collector():
            await _all_hands(_unfinished(stream, done, progress), crew, progress, emit)
    for error in progress.errors:
        raise error
    if progress.failed and progress.failed == progress.finished:
        raise _gave_up(progress)
    if stopping.is_set():
        raise Stopped("interrupted", why="the run was asked to stop")
    for position, _ in stream:  # what the budget left untouched is planned all the same
        progress.tasks_seen = position + 1
    if progress.tasks_seen < plan.n:
        emit(Notice(f"the source holds {progress.tasks_seen} tasks, fewer than the {plan.n} asked for"))
    return progress.tasks_seen


@contextmanager
def patient_collector() -> Iterator[None]:
    """Fewer passes of the garbage collector, over fewer objects: by default it looks at all of them again and again, and finds nothing.
    With 1,024 calls at once that is a third of the CPU of a call."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _all_hands(queue: Iterator[_Due], crew: Company, progress: _Progress, emit: Emit) -> None:
    """A window of `concurrency` tasks, and one more for each teacher call that sleeps: a throttled call keeps its place with the
    server, not with us. At most twice as many."""
    size = crew.plan.concurrency
    hands = {asyncio.ensure_future(_work(queue, crew, progress, emit)) for _ in range(min(size, crew.plan.n))}
    try:
        while hands:
            waits = crew.teacher.waiting()
            emit(Pulse(crew.calls.in_flight, f"{waits.calls} calls wait: {waits.why}" if waits else None))
            extra = min(size, waits.calls) + size - len(hands) if waits and not progress.source_empty else 0
            hands |= {asyncio.ensure_future(_work(queue, crew, progress, emit, most=1)) for _ in range(extra)}
            _, hands = await asyncio.wait(hands, timeout=PULSE_S, return_when=asyncio.ALL_COMPLETED)
    finally:  # nobody works on in rooms that are about to be closed
        for hand in hands:
            hand.cancel()
        await asyncio.gather(*hands, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Due:
    """A task still to do. One asked before under another id is finished at once, before anything is paid for it."""

    position: int
    task: Task
    duplicate: bool


def _unfinished(stream: Iterator[tuple[int, Task]], done: set[int], progress: _Progress) -> Iterator[_Due]:
    seen = FirstWins()
    for position, task in stream:
        progress.tasks_seen = position + 1
        earlier = seen.seen(task_fingerprint(task), task.id)
        if position not in done:
            yield _Due(position, task, earlier is not None)


async def _work(queue: Iterator[_Due], crew: Company, progress: _Progress, emit: Emit, *, most: int | None = None) -> None:
    """Take one task after the other, `most` at most, until there is none, the run is stopped, or something ends it."""
    taken = 0
    while not progress.errors and not crew.calls.stopping.is_set() and not crew.calls.budget.spent_out and taken != most:
        try:
            due = next(queue, None)
            if due is None:
                progress.source_empty = True
                return
            taken += 1
            trace = await _finished(due, crew)
        except Stopped:
            return
        except Exception as error:  # raised again by the caller, once the other rollouts have saved theirs
            progress.errors.append(error)
            return
        if trace:
            _take_stock(trace, crew, progress, emit)


async def _finished(due: _Due, crew: Company) -> Trace | None:
    """The journaled trace of a task; None if the budget cut it off before anything was verified: it is unspent."""
    if due.duplicate:
        trace = Trace(task=due.task, prompt=(), stopped="duplicate_task", plan_digest=crew.plan.digest, eagdata_version=__version__)
    else:
        trace = await crew.roll_out(due.task, due.position)
        if trace.stopped == "budget" and not any(trace.verified_leaves()):
            return None
    await crew.store.record_trace(due.position, trace)
    return None if due.duplicate else trace


def _take_stock(trace: Trace, crew: Company, progress: _Progress, emit: Emit) -> None:
    outcome = outcome_of(trace)
    progress.finished += 1
    if outcome.status == "failed":
        progress.failed += 1
        progress.last_failure = trace.failure.message if trace.failure else ""
    usage = trace.usage
    emit(TraceFinished(trace.task.id, outcome.status, outcome.reason, usage.calls, outcome.branches, usage.cost_usd))
    share = progress.failed / progress.finished
    hopeless = progress.failed == progress.finished >= min(MIN_FAILED, crew.plan.concurrency)
    if hopeless or (progress.failed >= MIN_FAILED and share > crew.plan.thresholds.max_failed):
        progress.errors.append(_gave_up(progress))


def _gave_up(progress: _Progress) -> BoundaryError:
    what, _, rest = progress.last_failure.partition("\n")
    return BoundaryError(
        f"{progress.failed} of {progress.finished} tasks failed; the last: {what}",
        why=rest.removeprefix("why: ") or "see the failures in the run folder",
        mend="mend the cause, then the same command resumes; nothing paid for is lost",
    )
