"""The kinds of answers: what a task can ask for by name, and how its reference and answers are then read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from eagdata.verifiers.written.reading import read
from eagdata.verifiers.written.units import PERCENT
from eagdata.verifiers.written.values import Equation, Group, Intervals, Leaf, Matrix, Named, Value, piece_of

Kind = Literal["auto", "number", "fraction", "percent", "unit", "interval", "set", "tuple", "matrix", "expression", "choice", "text"]

HOW_TO_WRITE = {
    "auto": r"Write only the final answer in the box, exact, such as 42, 7/3, x^2-1, 50\%, 12 km, (1, 2), \{1, 2\} or [0, \infty).",
    "number": "Write one exact number in the box, such as 42, -3.5 or 7/3.",
    "fraction": r"Write one number in the box, as a fraction where it is not whole, such as \frac{7}{3}.",
    "percent": r"Write one number of percent in the box, such as 12.5\%.",
    "unit": "Write a number and its unit in the box, such as 12 km/h.",
    "interval": r"Write an interval or a union of intervals in the box, such as [0, 2) \cup (3, \infty).",
    "set": r"Write a set in the box, such as \{1, 2, 3\}.",
    "tuple": "Write a tuple in the box, in order, such as (1, 2, 3).",
    "matrix": r"Write a matrix in the box, such as \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}.",
    "expression": "Write one exact expression in the box, such as x^2 - 1.",
    "choice": "Write only the letter of the right option in the box.",
    "text": "Write exactly the text that is asked for, and nothing else in the box.",
}
"""What the teacher is told, by kind."""


def readings(text: str, kind: Kind) -> tuple[Value, ...]:
    """The values that `text` can be, read as `kind`: one, or two where 1,234 can be a number or a list.

    Raises: Unreadable; Refused for what means nothing or is beyond the limits."""
    values = [_as_kind(read(text, grouping=True), kind)]
    if "," in text and (other := _as_kind(read(text, grouping=False), kind)) != values[0]:
        values.append(other)
    return tuple(values)


def fits(value: Value, kind: Kind) -> bool:
    """Whether a reference of this value can be one of `kind`."""
    bare = value.value if isinstance(value, Named) else value
    number = isinstance(bare, Leaf) and bare.form is not None and not bare.form.letters
    match kind:
        case "number" | "fraction":
            return number
        case "percent" | "unit":
            return number and isinstance(bare, Leaf) and bare.unit is not None and bare.unit.plain == (kind == "percent")
        case "interval":
            return isinstance(bare, Intervals)
        case "set" | "tuple":
            return isinstance(bare, Group) and bare.kind == kind
        case "matrix":
            return isinstance(bare, Matrix)
        case "expression":
            return isinstance(bare, Leaf | Equation) and not (isinstance(bare, Leaf) and (bare.words or bare.unit))
    return True


def _as_kind(value: Value, kind: Kind) -> Value:
    """The reading that `kind` settles: a bare list is a set or a tuple, a pair an interval, a number one of percent."""
    if isinstance(value, Named):
        return replace(value, value=_as_kind(value.value, kind))
    if kind == "percent" and isinstance(value, Leaf) and value.form and value.unit is None:
        return replace(value, text=f"{value.text} %", unit=PERCENT)
    if kind == "interval" and (piece := piece_of(value)):
        return Intervals(value.text, (piece,))
    if kind == "set" and isinstance(value, Leaf) and value.words is None:
        return Group(value.text, "set", (value,))
    if kind == "set" and isinstance(value, Group) and value.kind == "list":
        return replace(value, kind="set")
    if kind == "tuple" and isinstance(value, Group) and value.kind in ("list", "tuple") and not value.free:
        return replace(value, kind="tuple", brackets="")
    return value
