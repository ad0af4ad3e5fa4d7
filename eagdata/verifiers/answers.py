"""Judges of an answer's text against a reference: exact text, number, choice, set, table.

An answer that cannot be read is a wrong one; a reference that cannot be read is nobody's fault in the branch: `unscored`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.records import Json, Task, Verdict
from eagdata.verifiers.cells import Cell, Row, cell, normal_text, read_items, read_rows, rows_of, same_rows, shows
from eagdata.verifiers.numbers import Number, close, number_of, numbers_in, read_number, shown_as
from eagdata.verifiers.verdicts import compared, refused, unscored

Judges = Literal["answer", "state"]
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

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        if not isinstance(task.reference, str) or not (wanted := self._normal(task.reference)):
            return unscored(task.reference, "a text")
        if answer is None or not (found := self._normal(answer)):
            return refused("read", answer, "no answer")
        return compared(found == wanted, answer)

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

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        wanted = number_of(task.reference)
        if wanted is None:
            return unscored(task.reference, "a number")
        found = read_number(answer or "")
        if found is None:
            return refused("read", answer, "not one number")
        return compared(self._same(found, wanted), answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether an output holds the number, a float of it, or a number that rounds to it at the answer's decimal places."""
        number = read_number(answer)
        if number is None:
            return False
        wanted = {number.value, number.value / 100} if number.percent else {number.value}
        places = _decimal_places(answer)
        return any(shown_as(value, shown, places) for text in outputs for shown in numbers_in(text) for value in wanted)

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

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        wanted = read_option(task.reference, letters=self._letters) if isinstance(task.reference, str) else None
        if wanted is None:
            return unscored(task.reference, f"one of {self._letters}")
        found = read_option(answer or "", letters=self._letters)
        return refused("read", answer, "not one option") if found is None else compared(found == wanted, answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was computed: which option a result belongs to is the teacher's own step."""
        return any(text.strip() for text in outputs)


class _RowsVerifier:
    """Judges rows; how they are written is the subclass's own."""

    judges: ClassVar[Judges] = "answer"
    _reference: ClassVar[str]
    _answer: ClassVar[str]

    @settings
    class Config:
        tolerance: float = 1e-6
        """Largest difference between two numbers as a share of the reference's."""

    def __init__(self, config: Config) -> None:
        self._config = config

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        wanted, ordered = self._wanted(task.reference)
        if wanted is None:
            return unscored(task.reference, self._reference)
        found = self._found(answer or "", empty=not wanted)
        if found is None:
            return refused("read", answer, f"not {self._answer}")
        return compared(same_rows(found, wanted, ordered=ordered, tolerance=self._config.tolerance), answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether each element or cell appears in an output."""
        rows = self._found(answer, empty=True)
        return rows is not None and _all_shown([part for row in rows for part in row], outputs, tolerance=self._config.tolerance)

    def _wanted(self, reference: Json) -> tuple[list[Row] | None, bool]:
        """The rows of a reference, None if it holds none, and whether their order counts."""
        raise NotImplementedError

    def _found(self, answer: str, *, empty: bool) -> list[Row] | None:
        """The rows of an answer, None if it cannot be read. `empty`: none at all may be meant."""
        raise NotImplementedError


class SetVerifier(_RowsVerifier):
    """Passes the elements of the reference list in any order, each as often as there: a repeated element is a wrong answer."""

    _reference = _answer = "a list of values"

    def instructions(self) -> str:
        return "Write the elements separated by commas in the box, each once, such as: 1, 2, 3"

    def _wanted(self, reference: Json) -> tuple[list[Row] | None, bool]:
        if not isinstance(reference, list) or any(isinstance(item, list | dict) for item in reference):
            return None, False
        return [(cell(item),) for item in reference], False

    def _found(self, answer: str, *, empty: bool) -> list[Row] | None:
        items = read_items(answer)
        return None if items is None else [(item,) for item in items]


class TableVerifier(_RowsVerifier):
    """Passes the rows of the reference, `{"rows": [[...]], "ordered": true}`: each as often, in the same order if that is asked."""

    _reference, _answer = '{"rows": [[...]], "ordered": true or false}', "a table"

    def instructions(self) -> str:
        return "Write the rows separated by ';' and the cells of a row by ',' in the box, such as: Ann, 3; Bob, 5"

    def _wanted(self, reference: Json) -> tuple[list[Row] | None, bool]:
        given = reference if isinstance(reference, dict) else {}
        rows, ordered = rows_of(given.get("rows")), given.get("ordered", False)
        return (rows, ordered) if isinstance(ordered, bool) else (None, False)

    def _found(self, answer: str, *, empty: bool) -> list[Row] | None:
        return [] if empty and read_items(answer) == [] else read_rows(answer)


def read_option(text: str, *, letters: str) -> str | None:
    """The one letter of `letters` that `text` chooses, as a capital: `B`, `(B)`, `B) 12 km`, `the answer is B`; else None."""
    found = _CHOICE.fullmatch(text.strip().strip("$").strip()) if len(text) <= 1000 else None
    if not found or found[1].upper() not in letters:
        return None
    others = {letter for letter in re.findall(r"\b([A-Z])\b", found[2] or "") if letter in letters}
    return None if others - {found[1].upper()} else found[1].upper()


def _all_shown(cells: Sequence[Cell], outputs: Sequence[str], *, tolerance: float) -> bool:
    """Null and the empty text are printed in too many ways to be looked for; but something must have been printed."""
    numbers = [number for text in outputs for number in numbers_in(text)]
    known = set(numbers)

    def shown(part: Cell) -> bool:
        if isinstance(part, Fraction):
            return part in known or any(close(number, part, relative=tolerance) for number in numbers)
        return not part or shows(outputs, part)

    return bool(outputs) and all(shown(part) for part in cells)


def _decimal_places(answer: str) -> int:
    found = re.search(r"\.([0-9]+)", answer)
    return len(found[1]) if found else 0
