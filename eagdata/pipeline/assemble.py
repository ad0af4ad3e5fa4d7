"""Finished traces to rows on disk: choose, curate, write, and keep count of every drop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from eagdata.contracts import Tokenizer
from eagdata.curate.duplicates import FirstWins, actions_fingerprint
from eagdata.curate.ledger import Ledger
from eagdata.errors import AccountingError
from eagdata.exporters.linear import linearize
from eagdata.exporters.trajectories import SPANS, Layout, Row, row_leaves, subset_of, token_spans, trace_row, trajectory
from eagdata.pipeline.lengths import Lengths
from eagdata.pipeline.outcome import LEFT_OUT, leaf_reason, outcome_of
from eagdata.plan import Rows
from eagdata.publish.parquet import REJECTED_SCHEMA, SCHEMA, TRACES_SCHEMA, ShardWriter
from eagdata.records import Appeal, Json, Leaf, Message, Node, Trace, Usage, canonical, to_json

GROUPINGS = ("family", "subset", "source")
"""Columns that the length report groups rows by."""
CURATION = "curation"


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a branch is no row."""

    stage: str
    reason: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What the stages of the recipe's curation dropped."""

    stages: Sequence[str] = ()
    drops: Mapping[str, Drop] = field(default_factory=dict)
    """Row id -> the drop."""


@dataclass
class Tally:
    """What the traces came to."""

    planned: int
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    subsets: Counter[str] = field(default_factory=Counter)
    dropped_branches: Counter[str] = field(default_factory=Counter)
    branches: int = 0
    actions: int = 0
    forks: int = 0
    traces: int = 0
    usage: Usage = field(default_factory=Usage)
    appeals: Counter[bool | None] = field(default_factory=Counter)
    appeal_usage: Usage = field(default_factory=Usage)
    isolation: set[str] = field(default_factory=set)
    licenses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    lengths: Lengths = field(default_factory=Lengths)
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def unspent(self) -> int:
        """Tasks that were not begun, or not finished."""
        return self.planned - self.traces

    def counts(self) -> dict[str, Json]:
        """The four counts, in tasks. Raises: AccountingError if they do not add up to planned."""
        rejected, failed = sum(self.rejected.values()), sum(self.failed.values())
        if self.kept + rejected + failed + self.unspent != self.planned or self.unspent < 0:
            raise AccountingError(
                f"{self.kept} kept + {rejected} rejected + {failed} failed + {self.unspent} unspent is not {self.planned} planned",
                why="a task was counted twice or not at all",
            )
        return {
            "planned": self.planned,
            "kept": self.kept,
            "rejected": rejected,
            "failed": failed,
            "unspent": self.unspent,
            "rejected_by_reason": dict(sorted(self.rejected.items())),
            "failed_by_boundary": dict(sorted(self.failed.items())),
        }

    def take(self, trace: Trace) -> None:
        """Count what a trace cost and how far it came."""
        self.traces += 1
        self.branches += outcome_of(trace).branches
        self.actions += trace.actions
        self.forks += trace.forks
        self.usage = self.usage + trace.usage
        for appeal in trace.appeals:
            self.appeals[appeal.granted] += 1
            self.appeal_usage = self.appeal_usage + (appeal.usage or Usage())
        if trace.isolation:
            self.isolation.add(trace.isolation)


class Assembly:
    """Writes the rows of one run, trace after trace, in the order of their tasks. `cut`: rows that the recipe's curation dropped."""

    def __init__(
        self, folder: Path, *, planned: int, rows: Rows, layout: Layout, tokenizers: Sequence[Tokenizer], cut: Cut | None = None
    ) -> None:
        self.tally = Tally(planned=planned)
        self._rows, self._layout, self.tokenizers = rows, layout, tokenizers
        self._cut = cut or Cut()
        self._chosen: Counter[str] = Counter()
        self._actions_seen = FirstWins()
        self._stack = ExitStack()
        self._trajectories = ShardWriter(folder / "data" / "trajectories", SCHEMA)
        self._traces = ShardWriter(folder / "data" / "traces", TRACES_SCHEMA) if rows.traces else None
        self._rejected = ShardWriter(folder / "data" / "rejected", REJECTED_SCHEMA)

    def __enter__(self) -> Assembly:
        for writer in (self._trajectories, self._traces, self._rejected):
            if writer:
                self._stack.enter_context(writer)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    @property
    def files(self):  # type: ignore[no-untyped-def]  # tuple of publish.files.WrittenFile
        """The finished shards, once the block has ended."""
        return tuple(file for writer in (self._trajectories, self._traces, self._rejected) if writer for file in writer.files)

    def take(self, trace: Trace, prompt: Sequence[Message]) -> None:
        """One trace: its best branches become rows, everything else is written down with its reason."""
        self.tally.take(trace)
        chosen: list[Leaf] = []
        drops: dict[int, Drop] = {}
        for leaf in self._ranked(trace):
            if len(chosen) == self._rows.per_task:
                break
            earlier = self._same_actions(trace, leaf)
            if earlier:
                drops[leaf.node] = Drop(CURATION, "duplicate_actions", f"the same actions and answer as row {earlier}")
                continue
            chosen.append(leaf)
            self._chosen[subset_of(trace, leaf, view=self._layout.view)] += 1
            if found := self._cut.drops.get(trace.branch_id(leaf)):
                drops[leaf.node] = found
        kept = [leaf for leaf in chosen if leaf.node not in drops]
        for leaf in kept:
            self._write(trace, leaf, prompt)
        self._count(trace, [drops.get(leaf.node) for leaf in chosen])
        self._write_rejected(trace, kept, drops)
        if self._traces:
            row = trace_row(trace if self._layout.timings else _timeless(trace), prompt)
            self._traces.write(cast("Mapping[str, Json]", row))

    def _ranked(self, trace: Trace) -> list[Leaf]:
        """Verified branches, the one wanted most first: of the subset that lacks most of its share, else one that recovered."""
        verified = row_leaves(trace, view=self._layout.view)
        shares, done = self._rows.subsets, max(1, self._chosen.total())

        def lacking(leaf: Leaf) -> float:
            subset = subset_of(trace, leaf, view=self._layout.view)
            return shares.get(subset, 0.0) - self._chosen[subset] / done if shares else float(subset == "refinement")

        return sorted(verified, key=lambda leaf: (-lacking(leaf), leaf.node))

    def _same_actions(self, trace: Trace, leaf: Leaf) -> str | None:
        actions = [node.action.text for node in trace.branch(leaf) if node.action]
        if not actions:
            return None
        return self._actions_seen.seen(actions_fingerprint(actions, leaf.answer), trace.branch_id(leaf))

    def _write(self, trace: Trace, leaf: Leaf, prompt: Sequence[Message]) -> None:
        row: Row = trajectory(trace, leaf, prompt, self._layout)
        self._trajectories.write(cast("Mapping[str, Json]", row))
        tally = self.tally
        tally.rows += 1
        tally.subsets[str(row["subset"])] += 1
        tally.licenses[trace.task.license or "unknown"] += 1
        tally.sources[trace.task.source or "unknown"] += 1
        view = linearize(prompt, trace.nodes, end=leaf.node, view=self._layout.view)
        shown = [trace.nodes[i] for i in view.shown]
        counted = {self._layout.tokenizer: {span: cast("dict[str, int]", row["tokens"])[span] for span in SPANS}}
        for tokenizer in self.tokenizers[1:]:
            counted[tokenizer.name] = token_spans(prompt, shown, view, tokenizer.count)
        groups = {key: str(row[key]) for key in GROUPINGS}
        tally.lengths.add(groups, counted)

    def _count(self, trace: Trace, chosen: Sequence[Drop | None]) -> None:
        """Through the stages as far as the task came; `chosen`: of each branch chosen to be a row, the drop that it met."""
        tally, outcome, item = self.tally, outcome_of(trace), trace.task.id
        reason = outcome.reason or "unknown"
        if not self._passes("tasks", item, reason if reason in LEFT_OUT else None):
            tally.rejected[reason] += 1
        elif not self._passes("rollouts", item, f"failed: {reason}" if outcome.status == "failed" else None):
            tally.failed[reason] += 1
        elif not self._passes("verification", item, reason if outcome.status == "rejected" else None):
            tally.rejected[reason] += 1
        elif not self._passes(CURATION, item, None if chosen else "duplicate_actions"):
            tally.rejected["duplicate_actions"] += 1
        elif cut := self._cut_whole(item, list(chosen)):
            tally.rejected[cut.reason] += 1
        else:
            tally.kept += 1

    def _cut_whole(self, item: str, left: list[Drop | None]) -> Drop | None:
        """The drop that took the last row of a task."""
        for stage in self._cut.stages:
            here = [drop for drop in left if drop and drop.stage == stage]
            left = [drop for drop in left if not drop or drop.stage != stage]
            if not self._passes(stage, item, None if left else here[0].reason):
                return here[0]
        return None

    def _passes(self, stage: str, item: str, reason: str | None) -> bool:
        self.tally.ledger.enter(stage, item)
        if reason:
            self.tally.ledger.drop(stage, item, reason=reason)
        else:
            self.tally.ledger.keep(stage, item)
        return reason is None

    def _write_rejected(self, trace: Trace, kept: Sequence[Leaf], drops: Mapping[int, Drop]) -> None:
        """One row per branch that came to an answer and is no row, and one for a task without any answer."""
        whole = None if self._traces else canonical(to_json(_timeless(trace)))
        nodes = {leaf.node for leaf in kept}
        written = False
        for leaf in trace.leaves:
            if leaf.node in nodes or (leaf.verified and leaf.node not in drops):
                continue  # a row, or a verified branch beyond `per_task`: nothing is wrong with it
            why = drops.get(leaf.node) or _unverified(trace, leaf)
            self.tally.dropped_branches[why.reason] += 1
            self._rejected.write(_rejected_row(trace, leaf, why, whole=whole))
            written = True
        if not written and not kept:
            outcome = outcome_of(trace)
            evidence = trace.failure.message if trace.failure else trace.stopped or ""
            why = Drop("tasks" if outcome.reason in LEFT_OUT else "rollouts", outcome.reason or "unknown", evidence)
            self._rejected.write(_rejected_row(trace, None, why, whole=whole))


def _unverified(trace: Trace, leaf: Leaf) -> Drop:
    evidence = [text for check in leaf.verdict.checks if (text := check.evidence or check.measured)]
    evidence += [_appealed(appeal) for appeal in trace.appeals if appeal.node == leaf.node]
    return Drop("verification", leaf_reason(leaf), "; ".join(evidence))


def _appealed(appeal: Appeal) -> str:
    found = {True: "the same as the reference", False: "not the same as the reference", None: "not settled"}[appeal.granted]
    return f"on appeal, {appeal.judge} finds it {found}"


def _rejected_row(trace: Trace, leaf: Leaf | None, why: Drop, *, whole: str | None) -> dict[str, Json]:
    return {
        "id": trace.branch_id(leaf) if leaf else None,
        "trace_id": trace.id,
        "task_id": trace.task.id,
        "family": trace.task.family,
        "stage": why.stage,
        "reason": why.reason,
        "evidence": why.evidence,
        "answer": trace.task.answer,
        "final_answer": leaf.answer if leaf else None,
        "trace": whole,
    }


def _timeless(trace: Trace) -> Trace:
    """The trace without the times of this run: the same replies then give the same bytes."""
    nodes = tuple(_without_duration(trace))
    return replace(trace, nodes=nodes, time_s=None)


def _without_duration(trace: Trace) -> Iterator[Node]:
    for node in trace.nodes:
        yield replace(node, observation=replace(node.observation, duration_ms=None)) if node.observation else node
