"""Whether two typed values are the same: exactly, by kind, with three answers: yes, no, and not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from eagdata.verifiers.numbers import close
from eagdata.verifiers.written.algebra import Form
from eagdata.verifiers.written.units import DEGREE, Unit
from eagdata.verifiers.written.values import Equation, Group, Intervals, Leaf, Matrix, Named, Piece, Value, piece_of

_MOST_ASKED = 12
"""Each question may take 5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What counts."""

    units: Literal["optional", "required"]
    order: Literal["counts", "ignored"] | None
    relative_tolerance: float
    absolute_tolerance: float


@dataclass(slots=True)
class Comparison:
    """One comparison of a reference with an answer."""

    policy: Policy
    symbolic: Callable[[str, str], bool] | None = None
    """A computer algebra system, asked for what exact algebra cannot decide; what it raises comes out of `same`."""
    doubts: list[str] = field(default_factory=list)
    """Why the result is None."""
    asked: int = 0
    unasked: bool = False
    """A computer algebra system could tell more."""

    def same(self, wanted: Value, found: Value) -> bool | None:
        """Whether `found` is what is `wanted`; None if that is not known. A name on one side alone (`x = 5`) does not count.

        Raises: Refused beyond the limits; what `symbolic` raises."""
        if isinstance(wanted, Named | Equation) and isinstance(found, Named | Equation):
            return self._equation(wanted, found)
        if isinstance(wanted, Named) or isinstance(found, Named):
            return self.same(wanted.value if isinstance(wanted, Named) else wanted, found.value if isinstance(found, Named) else found)
        return self._same(wanted, found)

    def _same(self, wanted: Value, found: Value) -> bool | None:
        if wanted.text == found.text:
            return True
        if isinstance(wanted, Leaf) and isinstance(found, Leaf):
            return self._leaf(wanted, found)
        if isinstance(wanted, Named | Equation) and isinstance(found, Named | Equation):
            return self._equation(wanted, found)
        if isinstance(wanted, Group) and isinstance(found, Group):
            return self._group(wanted, found)
        if isinstance(wanted, Matrix) and isinstance(found, Matrix):
            rows = zip(wanted.rows, found.rows, strict=True)
            return _alike(wanted, found) and _all(self._in_order(a, b) for a, b in rows)
        if _is_raw(wanted) or _is_raw(found):
            other = found if _is_raw(wanted) else wanted
            return not isinstance(other, Named | Leaf) and self._ask(wanted, found)
        a, b = _intervals(wanted), _intervals(found)
        return self._intervals(a, b) if a and b else False

    def _equation(self, wanted: Named | Equation, found: Named | Equation) -> bool | None:
        if isinstance(wanted, Named) and isinstance(found, Named) and wanted.name == found.name:
            return self._same(wanted.value, found.value)
        return bool(wanted.difference and found.difference and wanted.difference.proportional(found.difference))

    def _leaf(self, wanted: Leaf, found: Leaf) -> bool | None:
        if wanted.words or found.words:
            return wanted.words == found.words
        if doubt := wanted.doubt or found.doubt:
            self.doubts.append(doubt)
            return None
        if wanted.form is None or found.form is None:
            return False if wanted.unit or found.unit else self._ask(wanted, found)
        one, other = wanted.unit, found.unit
        if one and other:
            return one.dimension == other.dimension and self._equal(wanted.form * one.factor, found.form * other.factor)
        unit = one or other
        if unit is None or (self.policy.units == "optional" and not unit.plain and self._equal(wanted.form, found.form)):
            return self._equal(wanted.form, found.form)
        if unit.plain or (unit == DEGREE and self.policy.units == "optional"):
            return self._equal(_sized(wanted.form, one), _sized(found.form, other))
        return False

    def _equal(self, wanted: Form, found: Form) -> bool:
        if wanted.equals(found):
            return True
        policy = self.policy
        if not policy.relative_tolerance and not policy.absolute_tolerance:
            return False
        a, b = (Fraction(value) if (value := form.approximate()) is not None else None for form in (found, wanted))
        return a is not None and b is not None and close(a, b, relative=policy.relative_tolerance, absolute=policy.absolute_tolerance)

    def _ask(self, wanted: Value, found: Value) -> bool | None:
        if _is_relation(wanted) != _is_relation(found):
            return False
        if self.symbolic is None:
            self.unasked = True
            return None
        self.asked += 1
        if self.asked > _MOST_ASKED:
            self.doubts.append(f"more than {_MOST_ASKED} parts to be compared by math-verify")
            return None
        return self.symbolic(wanted.text, found.text)

    def _group(self, wanted: Group, found: Group) -> bool | None:
        if "tuple" in (wanted.kind, found.kind):
            pairs = len(wanted.items) == 2 and wanted.brackets and found.brackets
            if wanted.kind != found.kind or (pairs and wanted.brackets != found.brackets):
                return False
            return self._in_order(wanted.items, found.items)
        once = "set" in (wanted.kind, found.kind)
        same = self._unordered(self._distinct(wanted.items) if once else wanted.items, self._distinct(found.items) if once else found.items)
        if not same or once or wanted.free or found.free or self.policy.order == "ignored":
            return same
        if self._in_order(wanted.items, found.items):
            return True
        if self.policy.order == "counts":
            return False
        self.doubts.append("the values of a bare list stand in another order: set order to counts or ignored")
        return None

    def _in_order(self, wanted: Sequence[Value], found: Sequence[Value]) -> bool | None:
        return len(wanted) == len(found) and _all(self._same(a, b) for a, b in zip(wanted, found, strict=True))

    def _unordered(self, wanted: Sequence[Value], found: Sequence[Value]) -> bool | None:
        """Each value has a partner of its own; quadratic."""
        left, known = list(found), True
        if len(wanted) != len(found):
            return False
        for one in wanted:
            verdicts = [self._same(one, other) for other in left]
            if True in verdicts:
                del left[verdicts.index(True)]
            elif None in verdicts:
                known = False
            else:
                return False
        return True if known else None

    def _distinct(self, items: Sequence[Value]) -> list[Value]:
        kept: list[Value] = []
        for item in items:
            if not any(self._same(item, other) for other in kept):
                kept.append(item)
        return kept

    def _intervals(self, wanted: Intervals, found: Intervals) -> bool | None:
        if wanted.name and found.name and wanted.name != found.name:
            return False
        if len(wanted.pieces) != len(found.pieces):
            return self._ask(wanted, found)
        left, known = list(found.pieces), True
        for piece in wanted.pieces:
            verdicts = [self._piece(piece, other) for other in left]
            if True in verdicts:
                del left[verdicts.index(True)]
            elif None in verdicts:
                known = False
            else:
                return False if len(wanted.pieces) == 1 else self._ask(wanted, found)
        return True if known else None

    def _piece(self, wanted: Piece, found: Piece) -> bool | None:
        if wanted.closed != found.closed:
            return False
        return _all(self._leaf(a, b) if a and b else a is b for a, b in ((wanted.low, found.low), (wanted.high, found.high)))


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    known: list[bool | None] = []
    for verdict in verdicts:
        if verdict is False:
            return False
        known.append(verdict)
    return None if None in known else True


def _is_raw(value: Value) -> bool:
    return isinstance(value, Leaf) and value.form is None and value.words is None and value.doubt is None and value.unit is None


def _is_relation(value: Value) -> bool:
    return (
        isinstance(value, Equation | Named)
        or (isinstance(value, Leaf) and value.relation)
        or (isinstance(value, Intervals) and bool(value.name))
    )


def _alike(a: Matrix, b: Matrix) -> bool:
    return len(a.rows) == len(b.rows) and len(a.rows[0]) == len(b.rows[0])


def _intervals(value: Value) -> Intervals | None:
    if isinstance(value, Intervals):
        return value
    piece = piece_of(value)
    return Intervals(value.text, (piece,)) if piece else None


def _sized(form: Form, unit: Unit | None) -> Form:
    return form * unit.factor if unit else form
