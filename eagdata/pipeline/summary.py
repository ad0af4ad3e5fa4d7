"""What a run came to: for people in a few lines, for scripts as one object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from eagdata.pipeline.assemble import Tally
from eagdata.recipe import Plan
from eagdata.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end of `generate`."""

    run: Path
    plan_digest: str
    counts: dict[str, Json]
    teacher: dict[str, Json]
    environment: dict[str, Json]
    rows: dict[str, Json]
    time_s: float | None
    """Seconds of this call; None if it found the run finished."""
    missed: tuple[str, ...]
    """Thresholds that were not met, in words."""

    gave_up: bool
    """More tasks failed than the plan bears: resumable."""

    @property
    def exit_code(self) -> int:
        return 4 if self.gave_up else 1 if self.missed else 0

    def to_json(self) -> dict[str, Json]:
        """The object of `--json`, in the order that people read."""
        paths = {"data": "data", "report": "report/report.html", "card": "README.md", "manifest": "manifest.json"}
        return {
            "schema_version": 1,
            "run": str(self.run),
            "plan_digest": self.plan_digest,
            "counts": self.counts,
            "teacher": self.teacher,
            "environment": self.environment,
            "rows": self.rows,
            "missed": list(self.missed),
            "time_s": self.time_s,
            "paths": {key: str(self.run / value) for key, value in paths.items()},
        }

    def lines(self) -> list[str]:
        """Produced, dropped, cost, time, paths, and the next command."""
        counts, rows = self.counts, self.rows
        reasons = sorted(cast("dict[str, int]", counts["rejected_by_reason"]).items(), key=lambda item: -item[1])
        why = ", ".join(f"{reason} {count}" for reason, count in reasons[:3])
        subsets = ", ".join(f"{n} {subset}" for subset, n in cast("dict[str, int]", rows["subsets"]).items())
        isolation = ", ".join(cast("list[str]", self.environment["isolation"])) or "none"
        cost = self.teacher["cost_usd"]
        spent = "unknown" if cost is None else f"{cost:.4f} USD"
        took = "was finished before" if self.time_s is None else f"took {self.time_s:.1f} s"
        four = " + ".join(f"{counts[part]} {part}" for part in ("kept", "rejected", "failed", "unspent"))
        return [
            f"{four} = {counts['planned']} planned",
            f"{rows['rows']} rows: {subsets or 'none'}" + (f"; rejected: {why}" if why else ""),
            f"{self.teacher['calls']} teacher calls, cost {spent}; {self.environment['actions']} actions, "
            f"{self.environment['forks']} forks, isolation {isolation}",
            f"{took}; data: {self.run / 'data'}  report: {self.run / 'report' / 'report.html'}  card: {self.run / 'README.md'}",
            *(f"not met: {text}" for text in self.missed),
            f"next: eagdata verify {self.run / 'data' / 'trajectories'}",
        ]


def summarize(plan: Plan, folder: Path, tally: Tally, *, time_s: float | None) -> Summary:
    """Raises: AccountingError if the counts do not add up."""
    usage = tally.usage
    return Summary(
        run=folder,
        plan_digest=plan.digest,
        counts=tally.counts(),
        teacher={
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens if usage.calls else None,
            "completion_tokens": usage.completion_tokens if usage.calls else None,
            "cached_tokens": usage.cached_tokens,
            "cost_usd": usage.cost_usd,
        },
        environment={"actions": tally.actions, "forks": tally.forks, "isolation": list[Json](sorted(tally.isolation))},
        rows={
            "rows": tally.rows,
            "subsets": dict(sorted(tally.subsets.items())),
            "branches_per_trace": round(tally.branches / tally.traces, 3) if tally.traces else None,
            "dropped_branches_by_reason": dict(sorted(tally.dropped_branches.items())),
        },
        time_s=time_s,
        missed=tuple(_missed(plan, tally)),
        gave_up=_failed_share(tally) > plan.thresholds.max_failed,
    )


def _failed_share(tally: Tally) -> float:
    return sum(tally.failed.values()) / tally.planned if tally.planned else 0.0


def _missed(plan: Plan, tally: Tally) -> list[str]:
    missed = []
    share = tally.kept / tally.planned if tally.planned else 0.0
    if share < plan.thresholds.min_kept:
        missed.append(f"kept {share:.1%} of the tasks, asked for {plan.thresholds.min_kept:.1%} (thresholds.min_kept)")
    if _failed_share(tally) > plan.thresholds.max_failed:
        most = plan.thresholds.max_failed
        missed.append(f"{_failed_share(tally):.1%} of the tasks failed, at most {most:.1%} may (thresholds.max_failed)")
    for subset, wanted in plan.rows.subsets.items():
        got = tally.subsets[subset] / tally.rows if tally.rows else 0.0
        if abs(got - wanted) > plan.thresholds.subset_tolerance:
            missed.append(f"subset {subset} is {got:.1%} of the rows, asked for {wanted:.1%} (rows.subsets)")
    return missed
