"""What came of the attempts at tasks: pass@k, branches to success, errors and recoveries, cost of a kept row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from statistics import fmean, median

from eagdata.mistakes import MISTAKES, mistakes
from eagdata.records import Json, Trace, Usage

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PASS_METHOD = (
    "1 - C(n-c, k) / C(n, k), mean over tasks with at least k attempts (Chen et al. 2021, arXiv 2107.03374, eq. 1); unbiased for "
    "attempts drawn apart: the branches of one tree share their beginnings"
)
RECOVERY_METHOD = "of the tasks in which an action failed, the share that has a verified branch which ended after the first failure"


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often one task was tried, and how often with success."""

    n: int
    passed: int


def pass_at_k(attempts: Attempts, k: int) -> float:
    """Probability that at least one of `k` attempts, drawn from those made without putting back, passes. Needs k <= n.

    Source: Chen et al. 2021, arXiv 2107.03374, eq. 1, as a product so that no factorial overflows.
    """
    return 1 - prod(1 - k / i for i in range(attempts.n - attempts.passed + 1, attempts.n + 1))


def pass_table(attempts: Iterable[Attempts]) -> list[dict[str, Json]]:
    """For each k in powers of two: the estimate, and how many tasks have at least k attempts. Ends with the last k that some task has."""
    tried = list(attempts)
    enough = {k: [one for one in tried if one.n >= k] for k in KS}
    return [{"k": k, "pass_at_k": fmean(pass_at_k(one, k) for one in those), "tasks": len(those)} for k, those in enough.items() if those]


@dataclass
class Outcomes:
    """Traces, counted one after the other."""

    attempts: list[Attempts] = field(default_factory=list)
    branches_to_success: list[int] = field(default_factory=list)
    failed_actions: Counter[str] = field(default_factory=Counter)
    tasks_with: Counter[str] = field(default_factory=Counter)
    recovered_from: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    mistakes: Counter[str] = field(default_factory=Counter)
    stumbled: int = 0
    recovered: int = 0
    usage: Usage = field(default_factory=Usage)

    def take(self, trace: Trace) -> None:
        """One more trace. An attempt is a leaf whose answer was scored; it passed if the leaf is verified."""
        verified = sorted(leaf.node for leaf in trace.verified_leaves())
        scored = sum(leaf.verdict.reward is not None for leaf in trace.leaves)
        self.attempts.append(Attempts(max(scored, len(verified)), len(verified)))
        self.usage = self.usage + trace.usage
        if trace.failure:
            self.failures[trace.failure.boundary] += 1
        if verified:
            parents = {node.parent for node in trace.nodes}
            self.branches_to_success.append(sum(i not in parents for i in range(verified[0] + 1)))
        self.turns += len(trace.nodes)
        self.mistakes.update(kind for kind in mistakes(trace) if kind)
        first: dict[str, int] = {}
        for place, node in enumerate(trace.nodes):
            if node.observation and node.observation.status != "ok":
                kind = node.observation.kind or node.observation.status
                self.failed_actions[kind] += 1
                first.setdefault(kind, place)
        self._recover(first, last=verified[-1] if verified else -1)

    def _recover(self, first: dict[str, int], *, last: int) -> None:
        """`first`: kind of error -> node of the first such; `last`: the last verified leaf."""
        for kind, place in first.items():
            self.tasks_with[kind] += 1
            self.recovered_from[kind] += last > place
        self.stumbled += bool(first)
        self.recovered += bool(first) and last > min(first.values())

    def to_json(self, *, rows: int) -> dict[str, Json]:
        """All of it; `rows`: how many the data set holds, which is what costs are divided by. None is unknown."""
        tasks, usage = len(self.attempts), self.usage
        return {
            **outcomes_of_attempts(self.attempts),
            "branches_to_success": _spread(self.branches_to_success),
            "errors": {
                kind: {"failed_actions": n, "tasks": self.tasks_with[kind], "recovered": self.recovered_from[kind]}
                for kind, n in sorted(self.failed_actions.items(), key=lambda item: (-item[1], item[0]))
            },
            "turns": self.turns,
            "mistakes": {kind: {"turns": self.mistakes[kind], "meaning": meaning} for kind, meaning in MISTAKES.items()},
            "tasks_with_errors": self.stumbled,
            "recovery_rate": self.recovered / self.stumbled if self.stumbled else None,
            "recovery_method": RECOVERY_METHOD,
            "failures": dict(sorted(self.failures.items())),
            "cost": {
                "rows": rows,
                "rows_per_task": rows / tasks if tasks else None,
                "calls": usage.calls,
                "calls_per_row": _per(usage.calls, rows),
                "completion_tokens_per_row": _per(usage.completion_tokens, rows) if usage.calls else None,
                "cost_usd": usage.cost_usd,
                "cost_per_row_usd": _per(usage.cost_usd, rows),
            },
        }


def outcomes_of_attempts(attempts: Iterable[Attempts]) -> dict[str, Json]:
    """What can be said where it is known of each attempt whether it passed, and nothing else."""
    tried = list(attempts)
    return {
        "tasks": len(tried),
        "attempts": sum(one.n for one in tried),
        "solved": sum(one.passed > 0 for one in tried) / len(tried) if tried else None,
        "pass_at_k": list[Json](pass_table(tried)),
        "pass_at_k_method": PASS_METHOD,
    }


def _spread(values: list[int]) -> dict[str, Json]:
    if not values:
        return {"n": 0, "mean": None, "median": None, "max": None}
    return {"n": len(values), "mean": fmean(values), "median": float(median(values)), "max": max(values)}


def _per(amount: float | None, rows: int) -> float | None:
    return amount / rows if amount is not None and rows else None
