"""Tasks to finished traces: a bounded window of rollouts over a stream of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from eagdata import __version__
from eagdata.contracts import TaskSource
from eagdata.curate.duplicates import FirstWins, task_fingerprint
from eagdata.errors import BoundaryError
from eagdata.events import Emit, Notice, StageStarted, TraceFinished
from eagdata.pipeline.crew import Company, Stopped, company
from eagdata.pipeline.outcome import outcome_of
from eagdata.recipe import Plan
from eagdata.records import Task, Trace
from eagdata.store import RunStore

MIN_FAILED = 20
"""Failures before their share is looked at: fewer say little."""


@dataclass
class _Progress:
    finished: int = 0
    failed: int = 0
    last_failure: str = ""
    stream_ended: bool = False
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
        queue = _unfinished(stream, done, progress, store, plan)
        workers = [_work(queue, crew, progress, emit) for _ in range(min(plan.concurrency, plan.n))]
        await asyncio.gather(*workers)
    for error in progress.errors:
        raise error
    if progress.failed and progress.failed == progress.finished:
        raise _gave_up(progress)
    if stopping.is_set():
        raise Stopped("interrupted", why="the run was asked to stop")
    if progress.tasks_seen < plan.n:
        emit(Notice(f"the source holds {progress.tasks_seen} tasks, fewer than the {plan.n} asked for"))
    return progress.tasks_seen


def count_tasks(plan: Plan, source: TaskSource) -> int:
    """How many tasks the source gives, at most `n`."""
    return sum(1 for _ in source.tasks(plan.n, seed=plan.seed))


def _unfinished(
    stream: Iterator[tuple[int, Task]], done: set[int], progress: _Progress, store: RunStore, plan: Plan
) -> Iterator[tuple[int, Task]]:
    """Tasks still to do. A task asked before under another id is finished at once, before anything is paid for it."""
    seen = FirstWins()
    for position, task in stream:
        progress.tasks_seen = position + 1
        earlier = seen.seen(task_fingerprint(task), task.id)
        if position in done:
            continue
        if earlier is not None:
            duplicate = Trace(task=task, prompt=(), stopped="duplicate_task", plan_digest=plan.digest, eagdata_version=__version__)
            store.record_trace(position, duplicate)
            continue
        yield position, task


async def _work(queue: Iterator[tuple[int, Task]], crew: Company, progress: _Progress, emit: Emit) -> None:
    """Take one task after the other, until there is none, the run is stopped, or something ends it."""
    while not progress.errors and not crew.stopping.is_set():
        try:
            taken = next(queue, None)
            if taken is None:
                return
            trace = await crew.roll_out(taken[1], taken[0])
        except Stopped:
            return
        except Exception as error:  # raised again by the caller, once the other rollouts have saved theirs
            progress.errors.append(error)
            return
        _take_stock(trace, crew, progress, emit)


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
