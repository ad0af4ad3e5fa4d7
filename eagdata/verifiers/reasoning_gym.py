"""Judge of reasoning-gym's tasks: the family's own scorer, run in a box on a fresh start, with the answer handed to it as data.

Only a full score passes: scorers give partial credit for near misses, for answers that contain the right one, some for anything at all.
The base class gives len(reference) / len(answer) to an answer that contains the reference, which for a long one comes close to 1.
Source: github.com/open-thought/reasoning-gym 0.1.25, `ProceduralDataset.score_answer(answer, entry)`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Action, Check, Json, Observation, Task, Verdict
from eagdata.verifiers.verdicts import excerpt, refused, unscored

_EVALUATING = (
    "binary_matrix",
    "codeio",
    "countdown",
    "intermediate_integration",
    "n_queens",
    "polynomial_multiplication",
    "puzzle24",
    "simple_integration",
    "spiral_matrix",
    "string_insertion",
)
"""Families whose scorers evaluate the answer: one could make its own score."""
_FULL = 1.0
_LIMITS: dict[str, Json] = {"timeout_s": 20, "memory_mb": 2048, "output_chars": 4000}
_SCORER = '''
import reasoning_gym


class Scorer:
    """One answer, one score, in the shape of a Gymnasium environment."""

    def __init__(self, family, config):
        self._dataset = reasoning_gym.create_dataset(family, size=1, seed=0, **config)

    def reset(self):
        return None, {}

    def step(self, action):
        return None, self._dataset.score_answer(action["answer"], entry=action["entry"]), True, False, {}
'''


class ReasoningGymVerifier:
    """Passes an answer to which the scorer of the task's family gives exactly 1.0.

    Reference: `{"family": name, "config": {...}, "answer": ..., "metadata": {...}}`, as the source `reasoning_gym` makes it.
    """

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        max_chars: int = 20_000
        """Longer answers are refused unread."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "The final answer is written in exactly the form that the question asks for, with nothing else in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        reference = task.reference
        if not isinstance(reference, dict) or not {"family", "config", "answer", "metadata"} <= reference.keys():
            return unscored(reference, '{"family": ..., "config": ..., "answer": ..., "metadata": ...}')
        if reference["family"] in _EVALUATING:
            return unscored(reference, "of a family whose scorer only reads the answer")
        given = (answer or "").strip()
        if not given or len(given) > self._config.max_chars:
            return refused("read", given, f"{len(given)} characters")
        entry: dict[str, Json] = {"question": task.question, "answer": reference["answer"], "metadata": reference["metadata"]}
        scoring = _scoring(task, reference)
        score, seen = await _score(scoring, given, entry, clean)
        if score is not None:
            return _verdict(score, given)
        gold, _ = await _score(scoring, str(entry["answer"]), entry, clean)
        if gold is None or gold < _FULL:
            raise VerifierError(
                f"task {task.id!r}: the scorer does not give its own reference full score",
                why=f"it gives {gold}; on the answer it failed: {seen.text[-300:]}",
                mend="leave the family out with tasks.families",
                retryable=False,
            )
        return refused("score", given, f"the scorer cannot read it: {seen.kind}")

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was run: many families ask for a form that no output has."""
        return bool(outputs)


def _scoring(task: Task, reference: dict[str, Json]) -> Task:
    """The task of scoring: a fresh scorer, in a box where reasoning-gym is loaded before the first one."""
    made: dict[str, Json] = {"family": reference["family"], "config": reference["config"]}
    asked: dict[str, Json] = {
        "target": "scorer:Scorer",
        "files": {"scorer.py": _SCORER},
        "kwargs": made,
        "actions": "json",
        "libraries": ["reasoning_gym"],
    }
    return Task(id=task.id, question="", verifier="", environment="gym", environment_config=asked | _LIMITS)


async def _score(scoring: Task, answer: str, entry: dict[str, Json], clean: CleanRoom) -> tuple[float | None, Observation]:
    """The score that a fresh scorer gives, None if it failed; and what it said."""
    async with clean.episode(scoring) as room:
        seen = await room.step(Action(kind="action", text=json.dumps({"answer": answer, "entry": entry})))
        told = await room.step(Action(kind="reward", text=""))
    score = json.loads(told.value or "{}").get("last") if seen.status == "ok" else None
    return (None if score is None else float(score)), seen


def _verdict(score: float, answer: str) -> Verdict:
    passed = score >= _FULL
    check = Check(id="score", status="pass" if passed else "fail", measured=f"{score:g}", evidence=None if passed else excerpt(answer))
    return Verdict(status=check.status, reward=1.0 if passed else 0.0, checks=(check,))
