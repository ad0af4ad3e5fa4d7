"""New tasks from seed tasks: a teacher writes a question and the program that answers it; what is proven and new becomes a task.

OUT/plan.json  OUT/run.db      the plan, every reply, every draft with its proof
OUT/tasks.jsonl                the new tasks, for the task source `jsonl`
OUT/rejected.jsonl             every other draft, with reason and evidence
OUT/manifest.json              written last: counts, files with sha256
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from eagdata.events import Emit, Notice, StageStarted, ignore
from eagdata.pipeline.crew import task_source
from eagdata.pipeline.estimate import dry_run
from eagdata.pipeline.summary import spending
from eagdata.pipeline.synthesis.fate import Fate
from eagdata.pipeline.synthesis.novelty import Questions, leaking
from eagdata.pipeline.synthesis.order import Synthesis, orders, synthesis_plan, usable
from eagdata.pipeline.synthesis.prompts import SHOWN
from eagdata.pipeline.synthesis.workshop import workshop
from eagdata.pipeline.synthesis.written import SynthesisSummary, recipe_of, write_synthesis
from eagdata.plan import Expect, Plan
from eagdata.publish.manifest import MANIFEST
from eagdata.records import Json
from eagdata.store import RunStore

__all__ = ["Synthesis", "SynthesisSummary", "foresee", "synthesize"]


async def synthesize(
    plan: Plan, asked: Synthesis, folder: Path, *, fresh: bool = False, emit: Emit = ignore, stopping: asyncio.Event | None = None
) -> SynthesisSummary:
    """`plan.n` new tasks asked for, those that hold written to `folder`. An unfinished one goes on; a finished one is written anew from its
    journal, to the same bytes.

    Raises: RecipeError; StoreError; PrerequisiteError; TeacherError; BoundaryError past the plan's share of failures; Stopped if `stopping`
    was set. Nothing recorded is lost by any of them.
    """
    plan = synthesis_plan(plan, asked)
    given = list(task_source(plan).tasks(asked.seeds or plan.n, seed=plan.seed))
    known = Questions(similarity=asked.similarity)
    for name, question in (*(("the worked example", text) for text in SHOWN), *((task.id, task.question) for task in given)):
        known.add(name, question)
    with RunStore(folder, plan, fresh=fresh) as store:
        store.forget_failed()
        (folder / MANIFEST).unlink(missing_ok=True)  # what it vouches for is about to change
        async with workshop(plan, store, agreement=asked.agreement, emit=emit, stopping=stopping or asyncio.Event()) as shop:
            seeds, left_out = await usable(given, clean=shop.clean)
            if left_out:
                emit(Notice("not used as seeds: " + "; ".join(f"{count} {why}" for why, count in left_out.items())))
            emit(StageStarted("drafts", plan.n))
            await shop.work(orders(seeds, shots=asked.shots, n=plan.n, seed=plan.seed), known)
        fates = _without_leaks(shop.fates, asked.against)
        body = write_synthesis(folder, plan, fates, teacher=shop.teacher.name, against=asked.against)
        return SynthesisSummary(
            run=folder,
            plan_digest=plan.digest,
            counts=cast("dict[str, Json]", body["counts"]),
            teacher=cast("dict[str, Json]", body["teacher"]),
            spent=spending(store),
            recipe=recipe_of(folder, seeds[0]),
            gave_up=sum(fate.status == "failed" for fate in fates.values()) > plan.thresholds.max_failed * plan.n,
        )


def foresee(plan: Plan, asked: Synthesis, folder: Path) -> dict[str, Json]:
    """What a synthesis would do, as `--dry-run` says it: bounds, since how many drafts are worth solving is not known. Spends nothing,
    touches no network. Raises: RecipeError."""
    plan = replace(synthesis_plan(plan, asked), expect=Expect(), limits=replace(plan.limits, nodes=1 + asked.agreement))
    return {key: value for key, value in dry_run(plan, folder).items() if key != "estimate"} | {"teacher_calls_at_least": plan.n}


def _without_leaks(fates: Mapping[int, Fate], against: tuple[str, ...]) -> dict[int, Fate]:
    """The fates by position, with tasks that hold a question of a benchmark rejected."""
    ordered = dict(sorted(fates.items()))
    kept = [position for position, fate in ordered.items() if fate.status == "kept"]
    for place, evidence in leaking([ordered[position].task for position in kept], against).items():
        leak = ordered[kept[place]]
        ordered[kept[place]] = replace(leak, status="rejected", reason="contaminated", evidence=evidence)
    return ordered
