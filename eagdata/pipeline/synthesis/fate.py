"""What became of one new task that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from eagdata.pipeline.outcome import outcome_of
from eagdata.records import Json, Task, Trace, Usage

Status = Literal["kept", "rejected", "failed", "unspent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """So far, or in the end."""

    task: Task
    """As much as there is of it."""
    status: Status
    reason: str | None = None
    """Of a rejection, or the boundary of a failure."""
    evidence: str | None = None
    reply: str | None = None
    """What the teacher wrote, cut after its program."""
    solves: int = 0
    """How often the teacher solved the question."""
    usage: Usage = field(default_factory=Usage)

    @classmethod
    def of(cls, trace: Trace) -> Fate:
        """What is known of a draft from its journaled trace."""
        outcome = outcome_of(trace)
        evidence = trace.failure.message if trace.failure else None
        if trace.leaves and outcome.status == "rejected":
            evidence = trace.leaves[0].verdict.checks[0].evidence
        reply = trace.nodes[0].content if trace.nodes else None
        return cls(task=trace.task, status=outcome.status, reason=outcome.reason, evidence=evidence, reply=reply, usage=trace.usage)

    def row(self, *, teacher: str, prompt: str) -> dict[str, Json]:
        """A line of `tasks.jsonl`, or of `rejected.jsonl`."""
        task = self.task
        row: dict[str, Json] = {"id": task.id}
        if self.status != "kept":
            row |= {"status": self.status, "reason": self.reason, "evidence": self.evidence}
        row |= {
            "question": task.question or None, "answer": task.answer, "program": task.solution, "family": task.family,
            "source": task.source, "license": task.license, **task.metadata, "teacher": teacher, "prompt": prompt, "solves": self.solves,
        }  # fmt: skip
        return row if self.status == "kept" else row | {"reply": self.reply}
