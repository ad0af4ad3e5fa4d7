"""What a run came to: for people in a few lines, for scripts as one object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from eagdata.pipeline.assemble import Tally
from eagdata.pipeline.budget import budget_options, budget_words
from eagdata.pipeline.estimate import Estimate, estimate, known_price, measured
from eagdata.plan import Expect, Plan
from eagdata.records import Json, Usage
from eagdata.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end of `generate`."""

    run: Path
    plan_digest: str
    counts: dict[str, Json]
    teacher: dict[str, Json]
    environment: dict[str, Json]
    rows: dict[str, Json]
    estimate: dict[str, Json]
    """The recipe's estimate for the finished tasks, held against what they took."""
    expect: dict[str, Json]
    """What a finished task took, on average: the recipe's `expect` of the next run."""
    exports: dict[str, Json] = field(default_factory=dict)
    """Rows of each further set that the recipe asks for, by its name."""
    spent: dict[str, Json] | None = None
    """What counts against a budget: all replies, also to tasks that are not finished, and lost tries at their most. Not of the
    manifest: a run that was killed and resumed has lost tries that another had not."""
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
            **({"exports": self.exports} if self.exports else {}),
            "estimate": self.estimate,
            "expect": self.expect,
            "spent": self.spent,
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
        took = "was finished before" if self.time_s is None else f"took {self.time_s:.1f} s"
        four = " + ".join(f"{counts[part]} {part}" for part in ("kept", "rejected", "failed", "unspent"))
        return [
            f"{four} = {counts['planned']} planned",
            f"{rows['rows']} rows: {subsets or 'none'}" + (f"; rejected: {why}" if why else ""),
            *([f"beside them: {', '.join(f'{rows} {name}' for name, rows in self.exports.items())}"] if self.exports else []),
            f"{self.teacher['calls']} teacher calls, {self._cost()}; {self.environment['actions']} actions, "
            f"{self.environment['forks']} forks, isolation {isolation}",
            *self._appealed(),
            *self._spending(),
            f"{took}; data: {self.run / 'data'}  report: {self.run / 'report' / 'report.html'}  card: {self.run / 'README.md'}",
            *(f"not met: {text}" for text in self.missed),
            f"next: eagdata verify {self.run / 'data' / 'trajectories'}",
        ]

    def _appealed(self) -> Iterator[str]:
        if appeals := cast("dict[str, Json] | None", self.rows.get("appeals")):
            yield (
                f"{appeals['heard']} refused answers appealed: {appeals['granted']} said to be right after all "
                f"(they stay rejected; see data/rejected), {appeals['refused']} wrong, {appeals['unsettled']} not settled"
            )

    def _cost(self) -> str:
        cost, a_row = self.teacher["cost_usd"], self.teacher["cost_per_kept_row_usd"]
        if cost is None:
            return "cost unknown"
        return f"cost {cost:.4f} USD" + (f", {a_row:.6f} a kept row" if a_row else "")

    def _spending(self) -> Iterator[str]:
        """What is worth a line only where something is paid, lost or expected."""
        if self.teacher["prices"]:
            yield f"prices: {self.teacher['prices']}"
        spent = self.spent or {"cost_usd": None, "tokens": None, "lost_tries": 0}
        if spent["lost_tries"] or self.counts["unspent"]:
            cost = "an unknown cost" if spent["cost_usd"] is None else f"at most {spent['cost_usd']:.4f} USD"
            tokens = "" if spent["tokens"] is None else f" and {spent['tokens']:,} tokens"
            yield f"in all {cost}{tokens}: with the calls of unfinished tasks, and {spent['lost_tries']} tries without a usable answer"
        parts = cast("dict[str, dict[str, float | None]]", self.estimate)
        held = [
            f"{p['actual']:,} of {p['expected']:,} {name.replace('_', ' ')} ({p['ratio']:.2f})" for name, p in parts.items() if p["ratio"]
        ]
        if held:
            yield f"against the estimate: {', '.join(held)}"
        elif any(value is not None for value in self.expect.values()):
            said = ", ".join(f"{key}: {value:g}" for key, value in self.expect.items() if value is not None)
            yield f"for the recipe, so that --dry-run can estimate:  expect: {{{said}}}"


def summarize(plan: Plan, folder: Path, tally: Tally, *, time_s: float | None) -> Summary:
    """Raises: AccountingError if the counts do not add up."""
    usage, price = tally.usage, known_price(plan)
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
            "cost_per_kept_row_usd": None if usage.cost_usd is None or not tally.rows else usage.cost_usd / tally.rows,
            "prices": price.words() if price else None,
        },
        environment={"actions": tally.actions, "forks": tally.forks, "isolation": list[Json](sorted(tally.isolation))},
        rows={
            "rows": tally.rows,
            "subsets": dict(sorted(tally.subsets.items())),
            "branches_per_trace": round(tally.branches / tally.traces, 3) if tally.traces else None,
            "dropped_branches_by_reason": dict(sorted(tally.dropped_branches.items())),
            "appeals": _appeals(tally) if "appeal" in plan.plugins else None,
        },
        estimate=_held_against(estimate(plan, plan.expect, tasks=tally.traces), usage),
        expect=_plain(measured(usage, tasks=tally.traces)),
        time_s=time_s,
        missed=tuple(_missed(plan, tally)),
        gave_up=_failed_share(tally) > plan.thresholds.max_failed,
    )


def _appeals(tally: Tally) -> dict[str, Json]:
    """What the judge model said of refused answers, and what that took beside the teacher's calls."""
    said, usage = tally.appeals, tally.appeal_usage
    return {
        "heard": said.total(), "granted": said[True], "refused": said[False], "unsettled": said[None],
        "calls": usage.calls, "cost_usd": usage.cost_usd,
    }  # fmt: skip


def spending(store: RunStore) -> dict[str, Json]:
    """What a run has spent so far, for `Summary.spent`."""
    spent = store.spent()
    tokens = None if spent.prompt_tokens is None or spent.completion_tokens is None else spent.prompt_tokens + spent.completion_tokens
    return {"tokens": tokens, "cost_usd": spent.cost_usd if spent.calls else 0.0, "lost_tries": store.lost_tries()}


def _held_against(expected: Estimate, usage: Usage) -> dict[str, Json]:
    """Expected, actual and their ratio; None where either is unknown."""
    found: dict[str, Json] = {}
    for name, wanted in expected.to_json().items():
        actual = getattr(usage, name) if usage.calls else None
        ratio = round(actual / cast("float", wanted), 3) if wanted and actual is not None else None
        found[name] = {"expected": wanted, "actual": actual, "ratio": ratio}
    return found


def _plain(expect: Expect) -> dict[str, Json]:
    return {"calls": expect.calls, "prompt_tokens": expect.prompt_tokens, "completion_tokens": expect.completion_tokens}


def _failed_share(tally: Tally) -> float:
    return sum(tally.failed.values()) / tally.planned if tally.planned else 0.0


def _missed(plan: Plan, tally: Tally) -> list[str]:
    missed = []
    if tally.unspent and (budget := budget_words(plan.budget)):
        missed.append(
            f"the budget of {budget} ended the run after {tally.traces:,} of {tally.planned:,} tasks; "
            f"the same command with a larger {budget_options(plan.budget)} goes on"
        )
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
