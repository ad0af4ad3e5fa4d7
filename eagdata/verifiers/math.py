"""Judge of answers that people write in mathematics: what is meant counts, not how it is written.

An answer is compared in three steps: the same spelling after normalisation; typed values in exact algebra (`written`), which decides
most pairs both ways; and math-verify, in a process of its own, for what is left: functions, roots of sums, unsolved
inequalities, set differences. Words never go there, since it reads them as products of letters; nor do units, percents and ratios,
which it drops. The tests print how often each kind is wrongly accepted and refused.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.records import Check, Task, Verdict
from eagdata.verifiers.answers import read_option
from eagdata.verifiers.cells import normal_text, shows
from eagdata.verifiers.numbers import numbers_in, shown_as
from eagdata.verifiers.verdicts import compared, excerpt, refused, unscored
from eagdata.verifiers.written.algebra import Refused, Unreadable, bounded
from eagdata.verifiers.written.comparison import Comparison, Policy
from eagdata.verifiers.written.kinds import HOW_TO_WRITE, Kind, fits, readings
from eagdata.verifiers.written.notation import boxes
from eagdata.verifiers.written.symbolic import SYMBOLIC, NoVerdict, TimedOut
from eagdata.verifiers.written.values import Group, Leaf, Matrix, Named, Value

_OPTIONS = "ABCDEFGHIJ"
_OPTION = re.compile(r"\$?(?:\\(?:text|textbf|mathrm|mathbf)\{)?\(?([A-J])\)?\}?\$?\.?")
_MOST_LINES, _MOST_LINE_CHARS = 100, 300
"""Of the outputs, that are read as expressions to see whether one of them is the answer."""


class MathVerifier:
    """Passes what equals the reference: number, fraction, percent, unit, interval, set, tuple, matrix, expression, choice or text."""

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        kind: Kind = "auto"
        """What the reference is; `auto`: what it looks like."""
        units: Literal["optional", "required"] = "optional"
        """Whether a unit that the reference has must be written. Optional, as the graders of MATH and GSM8K have it: they strip units,
        since the question names them. A unit that is written must agree; 50% is 0.5 and never 50, unless the kind is percent."""
        order: Literal["counts", "ignored"] | None = None
        """Whether the order of a bare list (`1, 2`) counts: it can be a tuple or solutions. None: in another order it is unscored."""
        relative_tolerance: float = 0.0
        """Largest difference of two numbers as a share of the reference; 0: exact."""
        absolute_tolerance: float = 0.0
        """Largest difference of two numbers; the larger of the two bounds counts."""

        def __post_init__(self) -> None:
            if not (0 <= self.relative_tolerance < 1 and 0 <= self.absolute_tolerance < float("inf")):
                raise ValueError("relative_tolerance must be within 0 and 1, absolute_tolerance must not be negative")

    def __init__(self, config: Config) -> None:
        self._config = config
        self._policy = Policy(
            units=config.units,
            order=config.order,
            relative_tolerance=config.relative_tolerance,
            absolute_tolerance=config.absolute_tolerance,
        )

    def instructions(self) -> str:
        return HOW_TO_WRITE[self._config.kind]

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        """A reference that cannot be read, means nothing, or does not equal itself is `unscored`; so is what only math-verify
        could compare where it is not installed. Raises: VerifierError if math-verify is installed and does not start."""
        given = task.reference
        if isinstance(given, bool) or not isinstance(given, int | float | str) or not (reference := _unboxed(str(given))):
            return unscored(given, "one answer as text or number")
        if (found := _unboxed(answer or "")) == "":
            return refused("read", answer, "no answer")
        if found is None or answer is None:
            return refused("boxes", answer, f"several different boxes: {', '.join(map(repr, boxes(answer or '')[:5]))}")
        kind: Kind = "choice" if self._config.kind == "auto" and _OPTION.fullmatch(reference) else self._config.kind
        if kind == "choice":
            return _chosen(reference, found, answer)
        if kind == "text":
            return compared(normal_text(reference) == normal_text(found), answer) if normal_text(reference) else unscored(given, "a text")
        with bounded():
            return await self._compared(reference, found, kind=kind)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether each number of the answer is shown by an output (a float of it will do), and each formula stands in a line of it;
        for a choice, whether anything was computed: which option a result belongs to is the teacher's own step."""
        found = _unboxed(answer)
        if not found or not any(text.strip() for text in outputs):
            return False
        kind = self._config.kind
        if kind == "choice" or (kind == "auto" and _OPTION.fullmatch(found)):
            return True
        if shows(outputs, found):
            return True
        try:
            with bounded():
                leaves = list(_leaves(readings(found, kind)[0]))
                return bool(leaves) and all(self._shown(leaf, outputs) for leaf in leaves)
        except Unreadable:
            return False

    async def _compared(self, reference: str, answer: str, *, kind: Kind) -> Verdict:
        try:
            wanted = readings(reference, kind)
        except Unreadable as error:
            return unscored(reference, f"readable: {error}")
        if not fits(wanted[0], kind) and not fits(wanted[-1], kind):
            return unscored(reference, f"of kind {kind}")
        try:
            found = readings(answer, kind)
        except Unreadable as error:
            return refused("read", answer, str(error))
        try:
            same, doubts, unasked = self._same(wanted, found)
            if same is None and unasked:
                same, doubts, _ = await asyncio.to_thread(self._same, wanted, found, symbolic=True)
        except Refused as error:
            return refused("equal", answer, str(error))
        except NoVerdict as error:
            return _undecided(answer, str(error))
        except TimedOut as error:
            return Verdict(status="timeout", checks=(Check(id="equal", status="timeout", measured=excerpt(answer), evidence=str(error)),))
        return _undecided(answer, "; ".join(doubts)) if same is None else compared(same, answer)

    def _same(self, wanted: Sequence[Value], found: Sequence[Value], *, symbolic: bool = False) -> tuple[bool | None, Sequence[str], bool]:
        """Whether one reading of the answer is one of the reference; why that is not known; whether math-verify could tell."""
        comparison = Comparison(self._policy, symbolic=SYMBOLIC.same if symbolic else None)
        verdicts = [comparison.same(one, other) for one in wanted for other in found]
        same = True if True in verdicts else None if None in verdicts else False
        return same, comparison.doubts, comparison.unasked

    def _shown(self, leaf: Leaf, outputs: Sequence[str]) -> bool:
        if leaf.words is not None:
            return leaf.words.lstrip("-") == "∞" or shows(outputs, leaf.words)
        value = None if leaf.form is None else leaf.form.rational
        if value is not None:
            places = len(leaf.text.partition(".")[2].split(" ")[0])
            sizes = {value, value / 100} if leaf.unit and leaf.unit.plain else {value}
            return any(shown_as(size, shown, places) for text in outputs for shown in numbers_in(text) for size in sizes)
        about = leaf.form.approximate() if leaf.form else None
        if about is not None and any(shown_as(Fraction(about), shown, 0) for text in outputs for shown in numbers_in(text)):
            return True
        return any(self._same((leaf,), (line,))[0] for line in _lines(outputs))


def _unboxed(text: str) -> str | None:
    """The content of the last box, or the whole of a text without one; None if its boxes differ, nothing if none is closed."""
    found = boxes(text)
    if len({"".join(content.split()) for content in found}) > 1:
        return None
    return found[-1] if found else "" if "\\boxed" in text or "\\fbox" in text else text.strip()


def _chosen(reference: str, found: str, answer: str) -> Verdict:
    wanted, chosen = read_option(reference, letters=_OPTIONS), read_option(found, letters=_OPTIONS)
    if wanted is None:
        return unscored(reference, f"one of {_OPTIONS}")
    return refused("read", answer, "not one option") if chosen is None else compared(chosen == wanted, answer)


def _undecided(answer: str, evidence: str) -> Verdict:
    return Verdict(status="unscored", checks=(Check(id="equal", status="unscored", measured=excerpt(answer), evidence=evidence),))


def _leaves(value: Value) -> Iterator[Leaf]:
    match value:
        case Leaf():
            yield value
        case Named():
            yield from _leaves(value.value)
        case Group():
            for item in value.items:
                yield from _leaves(item)
        case Matrix():
            for row in value.rows:
                for item in row:
                    yield from _leaves(item)
        case _:
            yield from (end for piece in getattr(value, "pieces", ()) for end in (piece.low, piece.high) if end)


def _lines(outputs: Sequence[str]) -> Iterator[Value]:
    """What the lines of the outputs say, each also behind its last `=` or `:`."""
    lines = [line for text in outputs for line in text.splitlines() if line.strip() and len(line) <= _MOST_LINE_CHARS]
    for line in lines[-_MOST_LINES:]:
        for part in {line, re.split(r"[=:]", line)[-1]}:
            try:
                yield from readings(part, "auto")
            except Unreadable:
                continue
