"""What a run will take: expected, from what a task took before, and at most, from the limits of the plan and its budget."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from eagdata.contracts import Request, Teacher
from eagdata.pipeline.budget import check_budget
from eagdata.pipeline.building import build
from eagdata.plan import Expect, Plan
from eagdata.records import Json, Message, Usage
from eagdata.store import read_traces
from eagdata.teachers.prices import Price, PriceSettings, price_in

BYTES_A_NODE = 5_000
"""Disk that one turn takes in journal and shards together: 4.0 kB measured on 60 tasks of quickstart (1.46 MB, 361 turns). Longer
replies take more."""
ENOUGH_TASKS = 20
"""Finished tasks whose mean is taken for all. Calls a task spread by about their mean, so it is off by some 20 % with so few."""
HOW_TO_EXPECT = "unknown: the recipe has no `expect`; a run with --n 20 prints the line to put in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Of a whole run or a part of it. None: unknown."""

    calls: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost_usd: float | None = None
    """Without hits of a prompt cache, which can only make it less."""

    def to_json(self) -> dict[str, Json]:
        calls, prompt, completion = (None if x is None else round(x) for x in (self.calls, self.prompt_tokens, self.completion_tokens))
        cost = None if self.cost_usd is None else round(self.cost_usd, 6)
        return {"calls": calls, "prompt_tokens": prompt, "completion_tokens": completion, "cost_usd": cost}


def dry_run(plan: Plan, folder: Path) -> dict[str, Json]:
    """The estimate, ceilings where something bounds them, and the disk by experience. Touches no network and writes nothing.

    Raises: RecipeError for a budget that cannot be held, or a file of prices that is wrong.
    """
    asked = [section for section in ("teacher", "correction", "appeal") if section in plan.plugins]
    paid = [cast("Teacher", build("teachers", plan.plugins[section], plan.configs[section])) for section in asked]
    mosts = [one.most(Request(messages=(Message(role="user", content=""),), seed=0)) for one in paid]
    for one, most in zip(paid, mosts, strict=True):
        if one.name:  # else only the endpoint knows which model it is
            check_budget(plan.budget, most, teacher=one.name)
    teacher = paid[0]
    expect, source = _expect(plan, folder)
    calls = plan.n * plan.limits.nodes
    free_at = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return {
        "recipe": plan.source,
        "plan_digest": plan.digest,
        "tasks": plan.n,
        "teacher": plan.plugins["teacher"],
        "prices": teacher.price,
        "estimate": {**estimate(plan, expect, tasks=plan.n).to_json(), "source": source},
        "teacher_calls_at_most": calls,
        **_ceilings(plan, mosts, calls),
        "disk_mb_about": round(calls * BYTES_A_NODE / 1e6, 1),
        "disk_mb_free": shutil.disk_usage(free_at).free // 10**6,
        "isolation": f"at least {getattr(plan.configs['environment'], 'min_isolation', 'none')}; see: eagdata doctor",
        "writes_to": str(folder),
        "resumes": (folder / "run.db").exists(),
    }


def estimate(plan: Plan, expect: Expect, *, tasks: int) -> Estimate:
    """What so many tasks will take, if each takes what `expect` says."""
    calls, prompt, completion = (None if x is None else x * tasks for x in (expect.calls, expect.prompt_tokens, expect.completion_tokens))
    return Estimate(calls=calls, prompt_tokens=prompt, completion_tokens=completion, cost_usd=_cost(plan, prompt, completion))


def measured(usage: Usage, *, tasks: int) -> Expect:
    """What a task took, on average."""
    if not usage.calls:
        return Expect()
    prompt, completion = (None if x is None else round(x / tasks, 1) for x in (usage.prompt_tokens, usage.completion_tokens))
    return Expect(calls=round(usage.calls / tasks, 3), prompt_tokens=prompt, completion_tokens=completion)


def _expect(plan: Plan, folder: Path) -> tuple[Expect, str]:
    """What to expect of a task, and in words how that is known: by this very run, else by the recipe."""
    usage, tasks = _so_far(plan, folder)
    if tasks >= ENOUGH_TASKS:
        return measured(usage, tasks=tasks), f"the {tasks:,} tasks that are finished in {folder}"
    if plan.expect != Expect():
        return plan.expect, f"`expect` in {plan.source}"
    return Expect(), HOW_TO_EXPECT


def _so_far(plan: Plan, folder: Path) -> tuple[Usage, int]:
    """What the finished tasks of this plan took, if the folder holds a run of it."""
    try:
        digest = json.loads((folder / "plan.json").read_text())["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return Usage(), 0  # no run, or none of ours: the run itself will say so
    usage, tasks = Usage(), 0
    if digest == plan.digest and (folder / "run.db").exists():
        for trace in read_traces(folder):
            usage, tasks = usage + trace.usage, tasks + 1
    return usage, tasks


def _ceilings(plan: Plan, mosts: Sequence[Usage], calls: int) -> dict[str, Json]:
    """Of whoever may be asked. Nothing in a plan bounds the length of a prompt: a question may be of any length. A budget bounds it all."""
    budget = plan.budget
    longest = [most.completion_tokens for most in mosts]
    bounds = (budget.tokens, None if None in longest else calls * max(filter(None, longest), default=0))
    return {
        "prompt_tokens_at_most": budget.tokens,
        "completion_tokens_at_most": min((bound for bound in bounds if bound is not None), default=None),
        "tokens_at_most": budget.tokens,
        "cost_usd_at_most": 0.0 if all(most.cost_usd == 0 for most in mosts) else budget.cost_usd,
    }


def _cost(plan: Plan, prompt: float | None, completion: float | None) -> float | None:
    price = known_price(plan)
    if price is None or prompt is None or completion is None:
        return None
    return (prompt * price.prompt + completion * price.completion) / 1e6


def known_price(plan: Plan) -> Price | None:
    """The price of the plan's teacher, as far as it is known before the teacher is opened."""
    config = plan.configs["teacher"]
    return price_in(cast("PriceSettings", config), getattr(config, "model", None)) if hasattr(config, "prices") else None
