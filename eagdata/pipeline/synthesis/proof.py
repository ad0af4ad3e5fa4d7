"""From a reply to a task that is proven: its program runs, again and again alike, and the task passes the gate.

A program's output is believed as in PAL (Gao et al. 2022, arXiv:2211.10435): the model writes the reasoning, the interpreter the answer.
That it is the answer to that question, no run can show; `Workshop` asks for a second way to it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from eagdata.contracts import CleanRoom, Verifier
from eagdata.pipeline.gate import failing
from eagdata.pipeline.synthesis.prompts import question_of
from eagdata.records import Action, Check, Leaf, Observation, Task, Verdict
from eagdata.teachers.turns import Turn

_COMPUTING = (ast.BinOp, ast.AugAssign, ast.Compare, ast.BoolOp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a draft came to."""

    task: Task
    """With as much as the reply gave: question, program (`solution`), answer."""
    observation: Observation | None = None
    """What the program showed, at its first run."""
    drop: str | None = None
    """Reason for which it is no task; None: it is proven."""
    evidence: str
    runs: int = 0

    @property
    def leaf(self) -> Leaf:
        """The same as the end of a trace."""
        said = Check(id=self.drop or "program", status="fail" if self.drop else "pass", evidence=self.evidence)
        verdict = Verdict(status="unscored" if self.drop else "pass", checks=(said,))
        return Leaf(node=0, verdict=verdict, answer=self.task.answer, drop=self.drop, replay_runs=self.runs)


async def prove(blank: Task, turn: Turn, *, verifier: Verifier, clean: CleanRoom, runs: int) -> Proof:
    """The task that a reply wrote, proven or with the reason against it. `blank`: the task without its question.

    Each run is in a fresh sandbox with another seed: there `random` is seeded with the task's, and a program that draws would give the
    same each time. Raises: EnvironmentFault; PrerequisiteError.
    """
    if turn.truncated:
        return Proof(task=blank, drop="truncated", evidence="the token limit cut the reply before its program ended")
    if turn.action is None:
        return Proof(task=blank, drop="no_program", evidence="the reply holds no block of Python")
    if (question := question_of(turn.thought)) is None:
        return Proof(task=blank, drop="no_question", evidence="nothing before the program is marked `Problem:`")
    task = replace(blank, question=question, solution=turn.action.text)
    if not computes(turn.action.text):
        return Proof(task=task, drop="nothing_computed", evidence="the program prints a constant")
    seen: list[Observation] = []
    for seed in range(runs):
        async with clean.episode(replace(task, seed=seed)) as episode:
            seen.append(await episode.step(Action(kind="python", text=turn.action.text)))
        if drop := _unreadable(seen):
            reason, evidence = drop
            return Proof(task=task, observation=seen[0], drop=reason, evidence=evidence, runs=len(seen))
    answer = seen[0].text.strip()
    task = replace(task, reference=answer, answer=answer)
    if why := await failing(task, verifier=verifier, clean=clean, language="python"):
        return Proof(task=task, observation=seen[0], drop="task_gate", evidence=why, runs=runs)
    return Proof(task=task, observation=seen[0], evidence=f"{runs} runs print {answer!r}", runs=runs)


def computes(program: str) -> bool:
    """Whether anything in it is computed: an operator, a comparison, a call other than of `print`. A constant that is printed is a guess of
    the model's, not a program's answer. What cannot be parsed is left to the run. Rule ours."""
    try:
        nodes = list(ast.walk(ast.parse(program)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return any(isinstance(node, _COMPUTING) for node in nodes) or any(getattr(call, "id", None) != "print" for call in calls)


def _unreadable(seen: list[Observation]) -> tuple[str, str] | None:
    """Reason and evidence, where the last run shows no single line or not that of the first."""
    first, last = seen[0], seen[-1]
    if last.status != "ok":
        return f"program_{last.status}", last.text.strip() or str(last.kind)
    lines = last.text.strip().splitlines()
    if not lines:
        return "no_output", "the program prints nothing"
    if len(lines) > 1:
        return "many_lines", last.text.strip()
    if last.text != first.text:
        return "nondeterministic", f"run 1 shows {first.text.strip()!r}, run {len(seen)} shows {last.text.strip()!r}"
    return None
