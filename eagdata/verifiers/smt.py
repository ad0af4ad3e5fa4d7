"""Judge of a derivation in the `smt` environment: the branch must have proved the goal, step by step, and each step is proved anew.

What the branch has is asked of it and run again from the task's theory, in a fresh box that no branch was in. That a goal follows from
the assumptions is not enough: steps of the branch must say it, each conjunct of it at least, under no supposition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Action, Check, Json, Observation, Task, Verdict
from eagdata.verifiers.verdicts import refused, unscored

_ROOM_CHARS = 100_000
_BETWEEN = re.compile(r"\s*(?:[,;\n]|\band\b)\s*")
_VALUE = re.compile(r"(-?)\s*(\d+(?:\.\d+)?)(?:\s*/\s*([1-9]\d*))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.!?]*")


class SmtVerifier:
    """Passes a branch that has proved the goal.

    Reference: `{"goal": term}`, or `{"find": [names]}`: the goal is then that the names have the values of the answer, which must so be
    the only possible ones; without an episode, that this follows is enough. Unscored: a goal that Z3 can neither prove nor refute, one
    that does not follow, or assumptions whose consistency it cannot show, since from contradictory ones all follows.
    """

    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        """Nothing to set."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return (
            "Prove what is asked in a step under no supposition; then write done in the box, or, where values are asked for, "
            "all of them as in x = 3, y = 1/2, b = true."
        )

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        goal, wanted = _asked(task.reference)
        if goal is None and wanted is None:
            return unscored(task.reference, '{"goal": term} or {"find": [names]}')
        if wanted is not None:
            goal = _as_goal(answer or "", wanted)
        if goal is None:
            return refused("read", answer, f"it does not give {', '.join(wanted or ())}, each once")
        commands = await _derivation(episode, task) if episode else []
        room_for_all: dict[str, Json] = {"output_chars": _ROOM_CHARS}
        async with clean.episode(replace(task, environment_config=task.environment_config | room_for_all)) as room:
            for command in commands:
                seen = await room.step(Action(kind="smt", text=command))
                if seen.status != "ok":
                    return refused("derivation", command, seen.text[-300:])
            settled = await room.step(Action(kind="settle", text=goal))
        return _verdict(settled, goal=goal, finding=wanted is not None, acted=episode is not None)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was derived: the derivation is judged, the answer by it."""
        return bool(outputs)


def _verdict(settled: Observation, *, goal: str, finding: bool, acted: bool) -> Verdict:
    if settled.status != "ok" or settled.value is None:
        return (
            refused("read", goal, settled.text[-300:]) if finding else unscored(goal, f"a goal that can be settled: {settled.text[-300:]}")
        )
    told = json.loads(settled.value)
    if told["consistent"] != "sat":
        return unscored(goal, "under assumptions that are known to be consistent")
    if told["proved"] is not None or (finding and not acted and told["refuting"] == "unsat"):
        checks = (Check(id="consistent", status="pass"), Check(id="proved", status="pass", measured=", ".join(told["proved"] or [goal])))
        return Verdict(status="pass", reward=1.0, checks=checks)
    if told["refuting"] == "unsat":
        return refused("proved", goal, "it follows, and no lasting step says it")
    if told["refuting"] == "sat" and finding:
        return refused("follows", goal, "these values are not the only possible ones")
    return unscored(goal, "a goal that follows" if told["refuting"] == "sat" else "a goal that Z3 can settle within its limit")


async def _derivation(episode: Episode, task: Task) -> list[str]:
    """The branch's accepted commands, asked for in pieces that no limit on an observation cuts. Raises: VerifierError."""
    text = ""
    while True:
        seen = await episode.step(Action(kind="derivation", text=str(len(text))))
        try:
            more = str(json.loads(seen.value or "")["commands"])
        except (ValueError, TypeError, KeyError) as error:
            why, mend = seen.text[-300:] or str(seen.value), "use the environment smt"
            raise VerifierError(
                f"task {task.id!r}: the environment {task.environment!r} tells of no derivation", why=why, mend=mend
            ) from error
        if not more:
            return text.splitlines()
        text += more


def _asked(reference: Json) -> tuple[str | None, list[str] | None]:
    """The goal, and the names whose values are asked for; both None if the reference gives neither."""
    if isinstance(reference, dict) and reference.keys() == {"goal"} and isinstance(reference["goal"], str):
        return reference["goal"], None
    if isinstance(reference, dict) and reference.keys() == {"find"} and isinstance(reference["find"], list) and reference["find"]:
        return None, [str(name) for name in reference["find"]]
    return None, None


def _as_goal(answer: str, wanted: Sequence[str]) -> str | None:
    """`x = 3, y = -1/2` as a term; None unless each wanted name has one value. A single one may stand without its name."""
    parts = [part for part in _BETWEEN.split(answer.strip().strip("$")) if part]
    if len(wanted) == 1 and len(parts) == 1 and "=" not in answer:
        parts = [f"{wanted[0]} = {parts[0]}"]
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        term = _as_term(value)
        if not equals or name in found or term is None:
            return None
        found[name] = term
    if found.keys() != set(wanted):
        return None
    return f"(and {' '.join(f'(= {name} {found[name]})' for name in wanted)})"


def _as_term(value: str) -> str | None:
    number = _VALUE.fullmatch(value)
    if number is None:
        return value if _NAME.fullmatch(value) else None
    sign, digits, divisor = number.groups()
    term = digits if divisor is None else f"(/ {digits} {divisor})"
    return f"(- {term})" if sign else term
