"""Judge of a function that a branch has defined: it is called on hidden arguments, and its results are compared outside.

Covered: expected values never enter the episode, so nothing in it can find, patch or forge them; objects with a lying `__eq__`,
overwritten builtins, results printed instead of returned, an exit before the calls, a call that never ends.
Not covered: results whose JSON is longer than what the environment shows of one value; they are refused.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.records import Action, Check, Json, Observation, Task, Verdict, VerdictStatus

_EXITS = frozenset({"exit", "SystemExit"})


class TestsVerifier:
    """Passes if the function gives the expected value for each case of the reference, called one after the other.

    Reference: `{"function": name, "cases": [{"args": [...], "kwargs": {...}, "expected": ...}]}`, `kwargs` optional, all JSON.
    """

    __test__ = False  # a class of this name is no test class, whatever pytest thinks
    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        float_tolerance: float = 1e-9
        """Largest difference between two numbers of which one is a float, as a share of the larger one, or as such."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Define the function in the session and try it on examples; when it works, write done in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        found = _cases(task.reference)
        if found is None or episode is None:
            evidence = "there is no state to call it in" if found else 'the reference is not {"function": name, "cases": [...]} with a case'
            return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=evidence),))
        checks: list[Check] = []
        for number, (call, expected) in enumerate(found, start=1):
            check = self._judge(f"case {number}", await episode.step(Action(kind="python", text=call)), expected)
            checks.append(check)
            if check.status != "pass":
                return Verdict(status=check.status, reward=0.0, checks=tuple(checks))
        return Verdict(status="pass", reward=1.0, checks=tuple(checks))

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was run: the hidden cases judge the state, not the answer."""
        return bool(outputs)

    def _judge(self, case: str, seen: Observation, expected: Json) -> Check:
        if seen.status != "ok":
            return Check(id=case, status=status_of(seen), measured=seen.kind, evidence=seen.text[-300:])
        try:
            result = json.loads(str(ast.literal_eval(seen.value or "")))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return Check(id=case, status="fail", measured=(seen.value or "")[:200], evidence="the result is no whole JSON")
        same = same_json(result, expected, tolerance=self._config.float_tolerance)
        return Check(id=case, status="pass" if same else "fail", measured=json.dumps(result)[:200])


def same_json(found: Json, expected: Json, *, tolerance: float) -> bool:
    """Equality of JSON values: true is not 1, 1 is 1.0, floats may differ by `tolerance`, nan equals nothing."""
    if isinstance(found, bool) or isinstance(expected, bool) or not isinstance(found, int | float):
        if isinstance(found, list) and isinstance(expected, list):
            return len(found) == len(expected) and all(same_json(a, b, tolerance=tolerance) for a, b in zip(found, expected, strict=True))
        if isinstance(found, dict) and isinstance(expected, dict):
            return found.keys() == expected.keys() and all(same_json(found[key], expected[key], tolerance=tolerance) for key in expected)
        return type(found) is type(expected) and found == expected
    if not isinstance(expected, int | float):
        return False
    if isinstance(found, int) and isinstance(expected, int):
        return found == expected
    try:
        return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # a whole number beyond all floats
        return False


def _cases(reference: Json) -> list[tuple[str, Json]] | None:
    """Source of each call, and what it must give; None if the reference is not usable or has no case."""
    function, cases = (reference.get("function"), reference.get("cases")) if isinstance(reference, dict) else (None, None)
    if not isinstance(function, str) or not function.isidentifier() or not isinstance(cases, list) or not cases:
        return None
    found: list[tuple[str, Json]] = []
    for case in cases:
        if not isinstance(case, dict) or "expected" not in case:
            return None
        args, kwargs = case.get("args", []), case.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            return None
        found.append((f'__import__("json").dumps({function}(*{args!r}, **{kwargs!r}))', case["expected"]))
    return found


def status_of(seen: Observation) -> VerdictStatus:
    """An exit where a result is due is an attempt to get away untested."""
    if seen.status == "timeout":
        return "timeout"
    return "hack" if seen.kind in _EXITS else "fail"
