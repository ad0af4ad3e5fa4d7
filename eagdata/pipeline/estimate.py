"""What a run would do, before anything is spent."""

from __future__ import annotations

import shutil
from pathlib import Path

from eagdata.recipe import Plan
from eagdata.records import Json

BYTES_A_NODE = 5_000
"""Disk that one turn takes in journal and shards together: 4.0 kB measured on 60 tasks of quickstart (1.46 MB, 361 turns). Longer
replies take more."""


def dry_run(plan: Plan, folder: Path) -> dict[str, Json]:
    """Ceilings where a limit of the plan makes one (calls, completion tokens, cost), and the disk by experience.

    Touches no network and writes nothing.
    """
    calls = plan.n * plan.limits.nodes
    per_call = getattr(plan.configs["teacher"], "max_tokens", None)
    free_at = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    by_program = plan.plugins["teacher"] == "procedural"
    return {
        "recipe": plan.source,
        "plan_digest": plan.digest,
        "tasks": plan.n,
        "teacher": plan.plugins["teacher"],
        "teacher_calls_at_most": calls,
        "completion_tokens_at_most": 0 if by_program else calls * per_call if isinstance(per_call, int) else None,
        "cost_usd_at_most": 0.0 if by_program else _ceiling(plan, calls, per_call),
        "disk_mb_about": round(calls * BYTES_A_NODE / 1e6, 1),
        "disk_mb_free": shutil.disk_usage(free_at).free // 10**6,
        "isolation": f"at least {getattr(plan.configs['environment'], 'min_isolation', 'none')}; see: eagdata doctor",
        "writes_to": str(folder),
        "resumes": (folder / "run.db").exists(),
    }


def _ceiling(plan: Plan, calls: int, per_call: object) -> float | None:
    """None where a price is unknown: an unknown price is never a price of zero."""
    price = getattr(plan.configs["teacher"], "price_completion_usd_per_mtok", None)
    prompt_price = getattr(plan.configs["teacher"], "price_prompt_usd_per_mtok", None)
    if price is None or prompt_price is None or not isinstance(per_call, int):
        return None
    grown = per_call * plan.limits.depth  # a prompt holds at most the whole branch before it
    return round(float(calls * (per_call * price + grown * prompt_price)) / 1e6, 2)
