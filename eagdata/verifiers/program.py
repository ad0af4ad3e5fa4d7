"""Judge of a submitted program: its functions are called, or the whole of it is run, on hidden tests, and nothing that it does or says
can pass for a verdict.

The program runs in boxes that hold no expected value; what it gives is compared elsewhere, as plain data. Functions are called in one
fresh process, in the order of the tests; asserts are evaluated in another one (`program_wire`). A whole program gets a fresh process
for each input.

Covered: expected values searched in frames, memory, files; `__eq__` and subclasses that lie; builtins, json, operator or assert
patched; a report printed or forged; an exit before or during the tests; tests that are skipped, or not there at all; a changed
argument (the tests see the change, as they would in one process).
Not covered: a comparison that is the program's own affair, as `assert Point(1, 2) == Point(1, 2)` for a class of the program: objects of
the program equal themselves alone, so this is refused. Names that tests use and leave to the program to define are the program's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal  # Any: decoded values of a program

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Action, Check, Json, Observation, Task, Verdict, VerdictStatus
from eagdata.verifiers import program_wire as wire
from eagdata.verifiers.program_reference import SHAPES, Asserts, Call, Calls, Streams, read_reference
from eagdata.verifiers.tests import same_json, status_of

_WIRE = "__import__('sys').modules['_wire']"
_OUTPUT_CHARS = 120_000
"""A part of what the wire says fits, in quotes."""
_MOST_CHARS = 32 << 20
_PART = re.compile(r"'(?P<text>(?:ask |end )?[A-Za-z0-9+/=]*)'")
_LIMITS = ("timeout_s", "memory_mb")


class ProgramVerifier:
    """Passes a program that passes every test of the reference. `program_reference` lists the shapes of tests."""

    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        float_tolerance: float = 1e-9
        """For results of `cases` and of `inputs` with `fn_name`: largest difference between two numbers of which one is a float, as a
        share of the larger one, or as such. Asserts say themselves what they allow."""
        stdout_tolerance: float | None = None
        """The same for numbers in what a program writes; none: numbers are compared as text."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Submit the whole program each time; when the examples come out right, write done in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        tests = read_reference(task.reference)
        if tests is None or episode is None:
            return _unscored("there is no state with a program in it" if tests else f"the reference is not {SHAPES}")
        submitted = json.loads((await episode.step(Action(kind="submission", text=""))).value or "null")
        if submitted is None:
            return _verdict([Check(id="submission", status="fail", evidence="no program was submitted")])
        if isinstance(tests, Streams):
            return await self._judge_streams(tests, episode)
        if submitted["language"] != "python":
            return _unscored(f"functions are called in Python only, and this program is in {submitted['language']}")
        limits = {key: submitted[key] for key in _LIMITS}
        async with clean.episode(_room(task, limits)) as room:
            if isinstance(tests, Calls):
                return await self._judge_calls(tests, submitted["source"], room)
            return await _judge_asserts(tests, submitted["source"], room)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether any program was run: the hidden tests judge the program, not the answer."""
        return bool(outputs)

    async def _judge_streams(self, tests: Streams, episode: Episode) -> Verdict:
        checks: list[Check] = []
        for number, (given, wanted) in enumerate(tests.pairs, start=1):
            seen = await episode.step(Action(kind="run", text=given))
            if seen.status != "ok":
                return _verdict([*checks, _failed(f"test {number}", seen, exit_is_hack=False)])
            ran = json.loads(seen.value or "")
            right = ran["exit"] == 0 and same_text(ran["stdout"], wanted, tolerance=self._config.stdout_tolerance)
            evidence = None if ran["exit"] == 0 else f"exit status {ran['exit']}: {ran['stderr'][-300:]}"
            checks.append(Check(id=f"test {number}", status="pass" if right else "fail", measured=ran["stdout"][:200], evidence=evidence))
            if not right:
                break
        return _verdict(checks)

    async def _judge_calls(self, tests: Calls, source: str, box: Episode) -> Verdict:
        if failed := await _load(source, box):
            return _verdict([failed])
        checks: list[Check] = []
        for number, call in enumerate(tests.calls, start=1):
            said = await _say(box, f"perform({_packed_call(tests.function, call)!r})")
            checks.append(self._judge_call(f"case {number}", call, said))
            if checks[-1].status != "pass":
                break
        return _verdict(checks)

    def _judge_call(self, case: str, call: Call, said: str | Observation) -> Check:
        if isinstance(said, Observation):
            return _failed(case, said)
        try:
            kind, value, more = wire.unpack(said)
            if kind == "raised":
                return Check(id=case, status="fail", measured=str(value[0]), evidence=str(more))
            found = json.loads(json.dumps(wire.decode(value, _refuse)))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            return Check(id=case, status="fail", measured=type(error).__name__, evidence="the result is no JSON value")
        same = any(same_json(found, expected, tolerance=self._config.float_tolerance) for expected in call.expected)
        return Check(id=case, status="pass" if same else "fail", measured=json.dumps(found)[:200])


def same_text(found: str, expected: str, *, tolerance: float | None = None) -> bool:
    """Whether two outputs are the same as a whole: white space at the ends of lines and empty lines at the end do not count, all else does.

    With a `tolerance`, words that are both numbers may differ by it, as a share of the larger one or as such. Source: the line
    checker of Codeforces' testlib (lcmp.cpp), which compares so but for inner white space.
    """
    ours, theirs = ([line.rstrip() for line in text.rstrip().split("\n")] for text in (found, expected))
    if ours == theirs or tolerance is None or len(ours) != len(theirs):
        return ours == theirs
    return all(_close(mine, other, tolerance) for mine, other in zip(ours, theirs, strict=True))


def _close(mine: str, other: str, tolerance: float) -> bool:
    words, wanted = mine.split(), other.split()
    return len(words) == len(wanted) and all(a == b or _near(a, b, tolerance) for a, b in zip(words, wanted, strict=True))


def _near(mine: str, other: str, tolerance: float) -> bool:
    try:
        return math.isclose(float(mine), float(other), rel_tol=tolerance, abs_tol=tolerance)
    except ValueError:
        return False


async def _judge_asserts(tests: Asserts, source: str, room: Episode) -> Verdict:
    """The tests run in `room`, pass after pass, until they need nothing more of the program, which runs in a fork of `room`."""
    given = wire.pack({"setup": tests.setup, "tests": tests.tests, "entry_point": tests.entry_point})
    box = await room.fork()
    try:
        if failed := await _load(source, box):
            return _verdict([failed])
        await _place(room, f"Tests({given!r})")
        reply = ""
        while True:
            said = await _say(room, f"run({reply})")
            if isinstance(said, Observation):
                return _stuck(said)
            word, _, text = said.partition(" ")
            if word == "end":
                return _findings(wire.unpack(text))
            replied = await _say(box, f"perform({text!r})")
            if isinstance(replied, Observation):
                return _verdict([_failed("call", replied)])
            reply = repr(replied)
    finally:
        await box.close()


async def _load(source: str, box: Episode) -> Check | None:
    """Run the program in `box`, ready to be called; what failed, if that did."""
    await _place(box, "Owner()")
    seen = await box.step(Action(kind="python", text=source))
    return None if seen.status == "ok" else _failed("load", seen)


def _findings(found: dict[str, Any]) -> Verdict:
    """Every assert must have been reached, and the last one too must have held."""
    if found["broken"] is not None:
        return _unscored(f"the tests cannot judge: {found['broken']}")
    checks = []
    for number, line in found["lines"].items():
        reached = int(number) in found["seen"]
        failed = found["failure"] is not None and found["last"] == int(number)
        evidence = found["failure"] if failed else None if reached else "not reached"
        status: VerdictStatus = "pass" if reached and not failed else "fail"
        checks.append(Check(id=f"assert {number}", status=status, measured=line[:200], evidence=evidence))
    if found["failure"] is not None and found["last"] is None:
        checks.append(Check(id="tests", status="fail", evidence=found["failure"]))
    return _verdict(checks)


def _stuck(seen: Observation) -> Verdict:
    """The tests themselves did not end well, on what the program gave them: no word on whether it is right."""
    if seen.status == "timeout":
        return _verdict([Check(id="tests", status="timeout", evidence="comparing the program's results took too long")])
    if seen.status == "limit":
        check = Check(id="tests", status="error", measured=seen.kind, evidence="the tests ended their own process")
        return Verdict(status="error", checks=(check,))
    raise VerifierError("the tests' box does not answer", why=seen.text[-300:], retryable=False)


def _room(task: Task, limits: dict[str, Json]) -> Task:
    """A fresh process with `program_wire` in a module of its own, where no name of a program hides it.

    A program is imported, not run as a script: what stands under `if __name__ == "__main__"` is no part of its functions.
    """
    setup = (
        "__import__('sys').modules['_wire'] = __import__('types').ModuleType('_wire')\n"
        f"exec({_source()!r}, __import__('sys').modules['_wire'].__dict__)\n"
        "__import__('sys').modules['program'] = __import__('sys').modules['__main__']\n"
        "__name__ = 'program'\n"
    )
    config: dict[str, Json] = {**limits, "setup": setup, "output_chars": _OUTPUT_CHARS}
    return Task(id=task.id, question="", verifier="", environment="python", environment_config=config)


@cache
def _source() -> str:
    return Path(wire.__file__).read_text(encoding="utf-8")


async def _place(box: Episode, what: str) -> None:
    """Put a speaker of `program_wire` into a box. Raises: VerifierError."""
    seen = await box.step(Action(kind="python", text=f"{_WIRE}.HERE = {_WIRE}.{what}"))
    if seen.status != "ok":
        raise VerifierError("a clean box cannot be made ready", why=seen.text[-300:])


async def _say(box: Episode, what: str) -> str | Observation:
    """All that the speaker in a box has to say, or the observation that it did not come to that."""
    said = ""
    while len(said) < _MOST_CHARS:
        seen = await box.step(Action(kind="python", text=f"{_WIRE}.HERE.{what if not said else f'part({len(said)})'}"))
        if seen.status != "ok":
            return seen
        part = _PART.fullmatch(seen.value or "")
        if part is None:
            return replace(seen, status="error", kind="protocol")
        said += part["text"]
        if len(part["text"]) < wire.PART:
            return said
    return Observation(status="limit", kind="output", text=f"A result takes more than {_MOST_CHARS} characters.")


def _packed_call(function: str, call: Call) -> str:
    args = [["name", function], *(wire.encode(arg, _refuse) for arg in call.args)]
    return wire.pack(["call", ["tuple", args], wire.encode(call.kwargs, _refuse)])


def _refuse(*_: object) -> Any:
    raise TypeError("no plain data")


def _failed(check: str, seen: Observation, *, exit_is_hack: bool = True) -> Check:
    """The program did not do what a test asked of it."""
    status = status_of(seen)
    return Check(
        id=check, status="fail" if status == "hack" and not exit_is_hack else status, measured=seen.kind, evidence=seen.text[-300:]
    )


def _verdict(checks: list[Check]) -> Verdict:
    """Passes if all checks pass; else as the last one that does not."""
    if not checks:
        return _unscored("no test was run")
    failed = [check.status for check in checks if check.status != "pass"]
    status = failed[-1] if failed else "pass"
    return Verdict(status=status, reward=1.0 if status == "pass" else 0.0, checks=tuple(checks))


def _unscored(evidence: str) -> Verdict:
    return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=evidence),))
