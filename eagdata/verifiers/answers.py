"""Judges of an answer's text against a reference: exact text, number, choice, set, table.

An answer that cannot be read is a wrong one; a reference that cannot be read is nobody's fault in the branch: `unscored`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from eagdata.contracts import Episode, settings
from eagdata.records import Check, Json, Task, Verdict
from eagdata.verifiers.cells import Cell, Row, cell, normal_text, read_items, read_rows, rows_of, same_rows, shows
from eagdata.verifiers.numbers import Number, close, number_of, numbers_in, read_number

Judges = Literal["answer", "state"]
_DISPLAY = 1e-9
"""A float that is printed shows an exact fraction to about 16 digits; this much may be lost on the way."""
_CHOICE = re.compile(
    r"(?:\\text\s*\{)?\(?(?:(?:the\s+)?(?:answer|option|choice)(?:\s+is)?:?\s*)?\(?([A-Za-z])\)?\}?(?:\s*[).:](.*))?\.?", re.I | re.S
)


class ExactVerifier:
    """Passes the reference text. Case, space, LaTeX markup, outer quotes and a closing full stop do not count."""

    judges: ClassVar[Judges] = "answer"

    @settings
    class Config:
        ignore_case: bool = True
        """Whether `Monday` and `monday` are the same."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write exactly the text that is asked for, and nothing else in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None) -> Verdict:
        if not isinstance(task.reference, str) or not (wanted := self._normal(task.reference)):
            return _unscored(task.reference, "a text")
        if answer is None or not (found := self._normal(answer)):
            return _fail("read", answer, "no answer")
        return _compare(found == wanted, answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether the words of the answer stand one after the other in an output."""
        return bool(answer.strip()) and shows(outputs, answer)

    def _normal(self, text: str) -> str:
        return normal_text(text, ignore_case=self._config.ignore_case)


class NumberVerifier:
    """Passes the number of the reference, in whatever notation; exactly, unless a tolerance is given."""

    judges: ClassVar[Judges] = "answer"

    @settings
    class Config:
        relative_tolerance: float = 0.0
        """Largest difference as a share of the reference."""
        absolute_tolerance: float = 0.0
        """Largest difference as such; the larger of the two bounds counts."""
        ignore_percent: bool = False
        """Whether 50% and 50 are the same."""

        def __post_init__(self) -> None:
            if not (0 <= self.relative_tolerance < 1 and 0 <= self.absolute_tolerance < float("inf")):
                raise ValueError("relative_tolerance must be within 0 and 1, absolute_tolerance must not be negative")

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write one number in the box, such as 42, -3.5 or 7/3."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None) -> Verdict:
        wanted = number_of(task.reference)
        if wanted is None:
            return _unscored(task.reference, "a number")
        found = read_number(answer or "")
        if found is None:
            return _fail("read", answer, "not one number")
        return _compare(self._same(found, wanted), answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether an output holds the number, a float of it, or a number that rounds to it at the answer's decimal places."""
        number = read_number(answer)
        if number is None:
            return False
        wanted = {number.value, number.value / 100} if number.percent else {number.value}
        places = _decimal_places(answer)
        return any(_shown_as(value, shown, places) for text in outputs for shown in numbers_in(text) for value in wanted)

    def _same(self, found: Number, wanted: Number) -> bool:
        config = self._config
        if found.percent != wanted.percent and not config.ignore_percent:
            return False
        return close(found.value, wanted.value, relative=config.relative_tolerance, absolute=config.absolute_tolerance)


class ChoiceVerifier:
    """Passes the letter of the right option: `B`, `(B)`, `B) 12 km`. Two letters are no choice."""

    judges: ClassVar[Judges] = "answer"

    @settings
    class Config:
        letters: str = "ABCDE"
        """The options' letters."""

    def __init__(self, config: Config) -> None:
        self._letters = config.letters.upper()

    def instructions(self) -> str:
        return f"Write only the letter of the right option in the box, one of {', '.join(self._letters)}."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None) -> Verdict:
        wanted = self._letter(task.reference) if isinstance(task.reference, str) else None
        if wanted is None:
            return _unscored(task.reference, f"one of {self._letters}")
        found = self._letter(answer or "")
        return _fail("read", answer, "not one option") if found is None else _compare(found == wanted, answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was computed: which option a result belongs to is the teacher's own step."""
        return any(text.strip() for text in outputs)

    def _letter(self, text: str) -> str | None:
        found = _CHOICE.fullmatch(text.strip().strip("$").strip()) if len(text) <= 1000 else None
        if not found or found[1].upper() not in self._letters:
            return None
        others = {letter for letter in re.findall(r"\b([A-Z])\b", found[2] or "") if letter in self._letters}
        return None if others - {found[1].upper()} else found[1].upper()


class SetVerifier:
    """Passes the elements of the reference list in any order, each as often as there: a repeated element is a wrong answer."""

    judges: ClassVar[Judges] = "answer"

    @settings
    class Config:
        tolerance: float = 1e-6
        """Largest difference between two numbers as a share of the reference's."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write the elements separated by commas in the box, each once, such as: 1, 2, 3"

    async def verify(self, task: Task, answer: str | None, episode: Episode | None) -> Verdict:
        if not isinstance(task.reference, list) or any(isinstance(item, list | dict) for item in task.reference):
            return _unscored(task.reference, "a list of values")
        items = read_items(answer or "")
        if items is None:
            return _fail("read", answer, "not a list of values")
        found, wanted = [(item,) for item in items], [(cell(item),) for item in task.reference]
        return _compare(same_rows(found, wanted, ordered=False, tolerance=self._config.tolerance), answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether each element appears in an output."""
        items = read_items(answer)
        return items is not None and _all_shown(items, outputs, tolerance=self._config.tolerance)


class TableVerifier:
    """Passes the rows of the reference, `{"rows": [[...]], "ordered": true}`: each as often, in the same order if that is asked."""

    judges: ClassVar[Judges] = "answer"

    @settings
    class Config:
        tolerance: float = 1e-6
        """Largest difference between two numbers as a share of the reference's."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write the rows separated by ';' and the cells of a row by ',' in the box, such as: Ann, 3; Bob, 5"

    async def verify(self, task: Task, answer: str | None, episode: Episode | None) -> Verdict:
        reference = task.reference if isinstance(task.reference, dict) else {}
        wanted, ordered = rows_of(reference.get("rows")), reference.get("ordered", False)
        if wanted is None or not isinstance(ordered, bool):
            return _unscored(task.reference, '{"rows": [[...]], "ordered": true or false}')
        found = self._rows(answer or "", empty=not wanted)
        if found is None:
            return _fail("read", answer, "not a table")
        return _compare(same_rows(found, wanted, ordered=ordered, tolerance=self._config.tolerance), answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether each cell appears in an output."""
        rows = self._rows(answer, empty=True)
        return rows is not None and _all_shown([part for row in rows for part in row], outputs, tolerance=self._config.tolerance)

    def _rows(self, answer: str, *, empty: bool) -> list[Row] | None:
        return [] if empty and read_items(answer) == [] else read_rows(answer)


def _all_shown(cells: Sequence[Cell], outputs: Sequence[str], *, tolerance: float) -> bool:
    """Null and the empty text are printed in too many ways to be looked for; but something must have been printed."""
    numbers = [number for text in outputs for number in numbers_in(text)]
    known = set(numbers)

    def shown(part: Cell) -> bool:
        if isinstance(part, Fraction):
            return part in known or any(close(number, part, relative=tolerance) for number in numbers)
        return not part or shows(outputs, part)

    return bool(outputs) and all(shown(part) for part in cells)


def _shown_as(value: Fraction, shown: Fraction, places: int) -> bool:
    return close(shown, value, relative=_DISPLAY) or (places > 0 and round(shown, places) == value)


def _decimal_places(answer: str) -> int:
    found = re.search(r"\.([0-9]+)", answer)
    return len(found[1]) if found else 0


def _compare(same: bool, answer: str | None) -> Verdict:
    checks = (Check(id="read", status="pass"), Check(id="equal", status="pass" if same else "fail", measured=_short(answer)))
    return Verdict(status="pass" if same else "fail", reward=1.0 if same else 0.0, checks=checks)


def _fail(check: str, answer: str | None, evidence: str) -> Verdict:
    return Verdict(status="fail", reward=0.0, checks=(Check(id=check, status="fail", measured=_short(answer), evidence=evidence),))


def _unscored(reference: Json, wanted: str) -> Verdict:
    evidence = f"the reference is {_short(repr(reference))}, not {wanted}"
    return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=evidence),))


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= 200 else f"{text[:200]} …"
