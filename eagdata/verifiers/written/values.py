"""Answers as typed values: numbers with units, expressions, equations, intervals, sets, tuples, lists, matrices, words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eagdata.verifiers.written.algebra import Form
from eagdata.verifiers.written.units import Unit


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value without parts. Neither `form` nor `words`: mathematics that only a computer algebra system may compare."""

    text: str
    form: Form | None = None
    unit: Unit | None = None
    words: str | None = None
    relation: bool = False
    """Not a value but something said of one, such as `sin x = 1`: math-verify takes it for its right side."""
    doubt: str | None = None
    """Why it can be compared as text alone."""


@dataclass(frozen=True, slots=True)
class Group:
    """Several values. `set`: {..}, no order, nothing twice. `tuple`: (..) or [..], in order. `list`: bare, separated by commas."""

    text: str
    kind: Literal["set", "tuple", "list"]
    items: tuple[Value, ...]
    brackets: str = ""
    free: bool = False
    """Its order cannot count: it came from a plus-minus sign or from "or"."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    text: str
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """All numbers between two ends; None is an infinite end, which is never closed."""

    low: Leaf | None
    high: Leaf | None
    closed: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Intervals:
    """A union of pieces; `name`: the unknown that was said to be in it, if any was."""

    text: str
    pieces: tuple[Piece, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """`x = 5`, `(x, y) = (1, 2)`: a value and what it is the value of."""

    text: str
    name: str
    value: Value
    difference: Form | None
    """Of both sides, where it is elementary: the same equation can be written the other way round."""


@dataclass(frozen=True, slots=True)
class Equation:
    """`difference = 0`."""

    text: str
    difference: Form


Value = Leaf | Group | Matrix | Intervals | Named | Equation


def infinite(leaf: Value) -> bool:
    """Whether it is infinity, of either sign."""
    return isinstance(leaf, Leaf) and leaf.words in ("∞", "-∞")


def piece_of(value: Value) -> Piece | None:
    """The interval that a pair in brackets can be read as; None if it cannot."""
    if not (isinstance(value, Group) and value.kind == "tuple" and value.brackets and len(value.items) == 2):
        return None
    low, high = value.items
    if not (isinstance(low, Leaf) and isinstance(high, Leaf)) or any(end.words and not infinite(end) for end in (low, high)):
        return None
    closed = (value.brackets[0] == "[" and not infinite(low), value.brackets[1] == "]" and not infinite(high))
    if low.words == "∞" or high.words == "-∞":
        return None
    return Piece(None if infinite(low) else low, None if infinite(high) else high, closed)
