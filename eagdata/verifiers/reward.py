"""Judge by the environment's own reward, of tasks in the `gym` environment.

Covered: the actions only reach the object's own `step`, so the record of its rewards is the object's.
Not covered: an object that itself runs code from its actions in its own process, which could then change that record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Action, Check, Task, Verdict


class RewardVerifier:
    """Passes a branch at whose end the episode is over with enough reward. No reward at all is unscored, never 0."""

    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        threshold: float = 1.0
        """Least reward that passes."""
        of: Literal["total", "last"] = "total"
        """`total`: the sum over the episode; `last`: the reward of its last action."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Act until the goal is reached; then write done in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        if episode is None:
            return _unscored("there is no episode to ask")
        seen = await episode.step(Action(kind="reward", text=""))
        if seen.status != "ok" or seen.value is None:
            raise VerifierError(
                f"task {task.id!r}: the environment {task.environment!r} tells of no reward",
                why=seen.text[-300:],
                mend="use the environment gym",
            )
        told = json.loads(seen.value)
        reward = told[self._config.of]
        if reward is None:
            return _unscored("the environment gave no reward")
        over = Check(id="over", status="pass" if told["done"] else "fail")
        enough = Check(id="reward", status="pass" if reward >= self._config.threshold else "fail", measured=f"{reward:g}")
        passed = over.status == enough.status == "pass"
        return Verdict(status="pass" if passed else "fail", reward=1.0 if passed else 0.0, checks=(over, enough))

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was done: the reward judges the state, not the answer."""
        return bool(outputs)


def _unscored(evidence: str) -> Verdict:
    return Verdict(status="unscored", checks=(Check(id="reward", status="unscored", evidence=evidence),))
