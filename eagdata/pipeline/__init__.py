"""Where the stages join: open the parts (`crew`), roll out (`run`), write rows (`assemble`), report (`finish`), sum up, verify."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

from eagdata.contracts import Environment, Executor, Tokenizer, Verifier
from eagdata.curate.corpus import InPlace
from eagdata.errors import Stopped
from eagdata.events import Emit, StageStarted, ignore
from eagdata.exporters.trajectories import Layout
from eagdata.pipeline.assemble import Assembly, Cut
from eagdata.pipeline.building import build, verifier_of
from eagdata.pipeline.crew import is_raw, prompt_of, task_source
from eagdata.pipeline.curate import cut
from eagdata.pipeline.estimate import dry_run
from eagdata.pipeline.finish import finish, finished_summary
from eagdata.pipeline.further_sets import write_further_sets
from eagdata.pipeline.run import roll_out_all
from eagdata.pipeline.summary import Summary, spending, summarize
from eagdata.pipeline.verification import Report, verify
from eagdata.plan import Plan
from eagdata.registry import plugin_class
from eagdata.store import RunStore

__all__ = ["Report", "Stopped", "Summary", "dry_run", "generate", "verify"]


async def generate(
    plan: Plan,
    folder: Path,
    *,
    fresh: bool = False,
    executor: Executor | None = None,
    emit: Emit = ignore,
    stopping: asyncio.Event | None = None,
) -> Summary:
    """Everything from tasks to a published-ready folder. A finished run is not done again, an unfinished one goes on.

    `executor`: where the stages of the recipe's curation run, if it has any; None: here.

    Raises: StoreError, PrerequisiteError, TeacherError, EnvironmentFault, BoundaryError past the plan's share of failures,
    Stopped if `stopping` was set. Nothing recorded is lost by any of them.
    """
    started, began = time.monotonic(), datetime.now(UTC)
    with RunStore(folder, plan, fresh=fresh) as store:
        failed = store.forget_failed()
        done = None if failed else finished_summary(plan, folder, finished=len(store.finished()))
        if done:
            return replace(done, spent=spending(store))
        planned = await roll_out_all(plan, store, task_source(plan), emit=emit, stopping=stopping or asyncio.Event())
        emit(StageStarted("rows"))
        assemble = partial(_assemble, plan, folder, store, planned=planned, created_at=began.isoformat(timespec="seconds"))
        assembly = assemble()
        if plan.curation and assembly.tally.rows:
            rows, state = folder / "data" / "trajectories", folder / "curation"
            found = await asyncio.to_thread(cut, plan.curation, rows, state, executor=executor or InPlace(), emit=emit)
            assembly = assemble(cut=found)
        if plan.exports:
            emit(StageStarted("exports"))
        further = await asyncio.to_thread(write_further_sets, plan, folder)
        emit(StageStarted("report"))
        summary = summarize(plan, folder, assembly.tally, time_s=time.monotonic() - started)
        summary = replace(summary, exports={name: sum(file.rows or 0 for file in files) for name, files in further.items()})
        data = [*assembly.files, *chain.from_iterable(further.values())]
        finish(plan, folder, assembly, summary, data=data, created_at=began.isoformat(timespec="seconds"))
        return replace(summary, spent=spending(store))


def _assemble(plan: Plan, folder: Path, store: RunStore, *, planned: int, created_at: str, cut: Cut | None = None) -> Assembly:
    (folder / "manifest.json").unlink(missing_ok=True)  # what it vouches for is about to change
    named = _tokenizer(plan.rows.tokenizer)
    layout = Layout(
        view=plan.rows.linearization,
        tokenizer=named.name,
        count=named.count,
        environment=cast("dict[str, None]", plan.resolved["environment"]),
        limits=cast("dict[str, None]", plan.resolved["limits"]),
        timings=plan.rows.timings,
        created_at=created_at,
    )
    environment = cast("Environment", build("environments", plan.plugins["environment"], plan.configs["environment"]))
    made: dict[str, Verifier] = {}
    others: Sequence[Tokenizer] = [_tokenizer(name) for name in plan.rows.report_tokenizers if name != plan.rows.tokenizer]
    with Assembly(folder, planned=planned, rows=plan.rows, layout=layout, tokenizers=[named, *others], cut=cut) as assembly:
        for position, trace in store.traces():
            verifier = verifier_of(trace.task, made)
            prompt = prompt_of(plan, trace.task, environment, verifier, raw=is_raw(plan, position), asked=False)
            assembly.take(trace, prompt)
    return assembly


def _tokenizer(name: str) -> Tokenizer:
    cls = plugin_class("tokenizers", name)
    return cast("Tokenizer", cls(cls.Config()))  # type: ignore[attr-defined]
