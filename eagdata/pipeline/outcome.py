"""What became of a task: kept, rejected with a reason, or failed through whose fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eagdata.records import Leaf, Trace

LEFT_OUT = ("duplicate_task", "task_gate")
"""Reasons for which a task is not even begun: what `Trace.stopped` then says, before a colon and the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    status: Literal["kept", "rejected", "failed"]
    """`kept` here means that it has a verified branch; curation may still reject it."""
    reason: str | None
    """Of a rejection, or the boundary of a failure."""
    branches: int


def outcome_of(trace: Trace) -> Outcome:
    """Judge a finished trace as a whole. A fault never counts as a wrong answer: it is `failed`."""
    parents = {node.parent for node in trace.nodes}
    branches = sum(i not in parents for i in range(len(trace.nodes)))
    if any(trace.verified_leaves()):
        return Outcome(status="kept", reason=None, branches=branches)
    if trace.failure:
        return Outcome(status="failed", reason=trace.failure.boundary, branches=branches)
    return Outcome(status="rejected", reason=_rejection(trace), branches=branches)


def leaf_reason(leaf: Leaf) -> str:
    """Why a leaf is no row."""
    if leaf.drop:
        return leaf.drop
    return "wrong_answer" if leaf.verdict.status == "fail" else leaf.verdict.status


def _rejection(trace: Trace) -> str:
    """The reason that says most: of the branch that came nearest."""
    left_out = (trace.stopped or "").partition(":")[0]
    if left_out in LEFT_OUT:
        return left_out
    dropped = [leaf.drop for leaf in trace.leaves if leaf.drop]
    if dropped:
        return dropped[0]
    if trace.leaves:
        return leaf_reason(trace.leaves[0])
    if trace.stopped or any(node.status == "truncated" for node in trace.nodes):
        return "limit"
    return "no_answer"
