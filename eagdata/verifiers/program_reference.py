"""What the tests of a program may look like in a task's reference, and in the data sets that they come from.

{"asserts": ["assert f(1) == 2", ...], "setup": code}            MBPP (Austin et al. 2021)
{"check": "def check(candidate): ...", "entry_point": name, "setup": code}    HumanEval (Chen et al. 2021)
{"function": name, "cases": [{"args": [...], "kwargs": {...}, "expected": ...}]}
{"inputs": [...], "outputs": [...], "fn_name": name}            APPS (Hendrycks et al. 2021); without fn_name: stdin, stdout
{"stdin": [...], "stdout": [...]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eagdata.records import Json

SHAPES = (
    '{"asserts": [...]}, {"check": ..., "entry_point": ...}, {"function": ..., "cases": [...]}, {"inputs": [...], "outputs": [...]} or '
    '{"stdin": [...], "stdout": [...]}, with at least one test'
)


@dataclass(frozen=True, slots=True)
class Asserts:
    """Python code that raises unless the program is right."""

    setup: str
    tests: str
    entry_point: str | None
    """The function under test; None: whatever the tests use and nobody else defines."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the function under test, and the values that it may give."""

    args: list[Json]
    kwargs: dict[str, Json]
    expected: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that are made one after the other."""

    function: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Streams:
    """Texts that the whole program gets, and what it must write."""

    pairs: tuple[tuple[str, str], ...]


def read_reference(reference: Json) -> Asserts | Calls | Streams | None:
    """The tests of a task; None if there are none that can be used."""
    if not isinstance(reference, dict):
        return None
    if "asserts" in reference or "check" in reference:
        return _asserts(reference)
    if "cases" in reference:
        return _calls(reference.get("function"), [_case(case) for case in _listed(reference["cases"])])
    inputs, outputs = _listed(reference.get("inputs")), _listed(reference.get("outputs"))
    if len(inputs) != len(outputs):
        return None
    if reference.get("fn_name") is not None:
        return _calls(reference["fn_name"], [_apps(args, output) for args, output in zip(inputs, outputs, strict=True)])
    return _streams(inputs, outputs) if inputs else _streams(_listed(reference.get("stdin")), _listed(reference.get("stdout")))


def _listed(value: Json) -> list[Json]:
    """A list as it is, one text as a list of it; anything else is empty."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _asserts(reference: Mapping[str, Json]) -> Asserts | None:
    setup, entry_point, check = reference.get("setup") or "", reference.get("entry_point"), reference.get("check")
    if not isinstance(setup, str) or not (entry_point is None or (isinstance(entry_point, str) and entry_point.isidentifier())):
        return None
    if isinstance(check, str) and entry_point:
        return Asserts(setup, f"{check}\ncheck({entry_point})", entry_point)
    lines = [line.strip() for line in _listed(reference.get("asserts")) if isinstance(line, str)]
    # every item must be there and be a test of its own: one that is no text, or asserts nothing, is a test that would be skipped
    usable = lines and len(lines) == len(_listed(reference.get("asserts"))) and all("assert" in line for line in lines)
    return Asserts(setup, "\n".join(lines), entry_point) if usable else None


def _calls(function: Json, calls: list[Call | None]) -> Calls | None:
    found = tuple(call for call in calls if call is not None)
    usable = isinstance(function, str) and function.isidentifier() and found and len(found) == len(calls)
    return Calls(str(function), found) if usable else None


def _case(case: Json) -> Call | None:
    if not isinstance(case, dict) or "expected" not in case:
        return None
    args, kwargs = case.get("args", []), case.get("kwargs", {})
    return Call(args, kwargs, (case["expected"],)) if isinstance(args, list) and isinstance(kwargs, dict) else None


def _apps(args: Json, output: Json) -> Call | None:
    """APPS gives some results within a list of one: both spellings count, as in its own testing code (testing_util.py)."""
    inner = (output[0],) if isinstance(output, list) and len(output) == 1 else ()
    return Call(args, {}, (output, *inner)) if isinstance(args, list) else None


def _streams(inputs: list[Json], outputs: list[Json]) -> Streams | None:
    pairs = [(_text(given), _text(wanted)) for given, wanted in zip(inputs, outputs, strict=False)]
    found = tuple((given, wanted) for given, wanted in pairs if given is not None and wanted is not None)
    return Streams(found) if found and len(found) == len(inputs) == len(outputs) else None


def _text(value: Json) -> str | None:
    """A text, or lines of it, as APPS gives some."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(map(str, value)) + "\n"
    return value if isinstance(value, str) else None
