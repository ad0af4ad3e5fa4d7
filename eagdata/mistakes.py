"""Which mistake each turn of a trace makes: arithmetic, exploration, format, environment, or none.

The kinds are those of Stream of Search's analysis of its traces (Gandhi et al. 2024, arXiv 2404.03683; `countdown_utils.py` of
github.com/kanishkg/stream-of-search tells arithmetic, exploration and formatting errors apart, and puts the rest under other); there
each is defined for Countdown alone. The definitions here, which hold for any trace, are ours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from eagdata.records import Node, Trace, Verdict

Mistake = Literal["format", "arithmetic", "exploration", "environment"]
MISTAKES: Mapping[Mistake, str] = {
    "format": "nothing can be done with the reply: no action and no answer, cut off, code that is no code, an answer that cannot be read",
    "arithmetic": "an equation of numbers, said or asserted, does not hold; a division by zero; an answer of another value",
    "exploration": "a step from where the search does not stand: a name never defined, a number not there or used twice, a step tried "
    "before, an answer that nothing shows",
    "environment": "any other program that failed, ran out of time or into a limit",
}
"""Kind -> what it is; a turn that makes several is counted under the first. A check of the program's own that says no
(`AssertionError`) with all equations right is a dead end found, and no mistake. A fault of ours is no mistake of the teacher."""

_BY_ERROR: Mapping[str, Mistake] = {
    **dict.fromkeys(("SyntaxError", "IndentationError", "TabError"), "format"),
    **dict.fromkeys(("ZeroDivisionError", "OverflowError", "FloatingPointError", "ArithmeticError"), "arithmetic"),
    **dict.fromkeys(("NameError", "UnboundLocalError"), "exploration"),
}
_BY_CHECK: Mapping[str, Mistake] = {"read": "format"}
"""Failed check -> mistake. Of an answer that was read and is wrong nothing is known but that; an unscored one is no mistake of its own."""
_OF_COUNTDOWN: Mapping[str, Mistake] = {**_BY_CHECK, "expression": "format", "numbers": "exploration", "target": "arithmetic"}
"""The same of the verifier `countdown`, whose checks tell more."""
_ABSENT = "not in list"  # what Python says when a number is taken off a list that does not hold it
_EQUATION = re.compile(r"(?P<left>[0-9(][0-9 \t.()+*/×÷−-]*?)[ \t]*==?[ \t]*(?P<right>-?[0-9]+(?:\.[0-9]+)?)(?![0-9.]*[ \t]*[-+*/%^(0-9])")
_GOES_ON = re.compile(r"(?:[\w.]|[)\]}%^*/+\-−×÷][ \t]*)\Z")
_LONGEST = 200


def mistakes(trace: Trace) -> tuple[Mistake | None, ...]:
    """The mistake of each node, by its index; None where there is none, or none of a known kind. Pure."""
    judged = {leaf.node: (leaf.verdict, leaf.drop) for leaf in trace.leaves}
    is_countdown = trace.task.verifier == "countdown"
    return tuple(_mistake(node, *judged.get(index, (None, None)), is_countdown=is_countdown) for index, node in enumerate(trace.nodes))


def false_equations(text: str) -> tuple[str, ...]:
    """The equations of plain numbers in `text` that do not hold, as written: `66 - 42 = 26`.

    Looked at are whole numbers and decimals joined by + - * / and parentheses, at most 200 characters, with a number on the right; a
    right side with decimals may be rounded. Where a name, a power or a remainder takes part nothing is known.
    """
    found = (match for match in _EQUATION.finditer(text) if not _GOES_ON.search(text[max(0, match.start() - 20) : match.start()]))
    return tuple(match[0] for match in found if _is_false(match["left"], match["right"]))


def _mistake(node: Node, verdict: Verdict | None, drop: str | None, *, is_countdown: bool) -> Mistake | None:
    """In the order of `MISTAKES`; `verdict` and `drop`: of an answer."""
    if node.status == "failed":
        return None
    kinds = set(_kinds(node, verdict, drop, is_countdown=is_countdown))
    return next((kind for kind in MISTAKES if kind in kinds), None)


def _kinds(node: Node, verdict: Verdict | None, drop: str | None, *, is_countdown: bool) -> Iterator[Mistake]:
    if node.status in ("void", "truncated"):
        yield "format"
    if node.status == "repeated" or drop == "unsupported_answer":
        yield "exploration"
    asserted = [line for line in (node.action.text if node.action else "").splitlines() if line.lstrip().startswith("assert ")]
    if any(false_equations(text) for text in (node.thought, *asserted)):
        yield "arithmetic"
    if node.observation and node.observation.status != "ok":
        kind, text = node.observation.kind or "", node.observation.text
        if kind in _BY_ERROR:
            yield _BY_ERROR[kind]
        elif is_countdown and kind == "ValueError" and _ABSENT in text:
            yield "exploration"
        elif kind != "AssertionError":
            yield "environment"
    if verdict and verdict.status == "fail":
        known = _OF_COUNTDOWN if is_countdown else _BY_CHECK
        yield from (known[check.id] for check in verdict.checks if check.status == "fail" and check.id in known)


def _is_false(left: str, right: str) -> bool:
    plain = left.replace("×", "*").replace("÷", "/").replace("−", "-").strip()
    if len(plain) > _LONGEST or not any(sign in plain for sign in "+-*/"):
        return False
    try:
        value = _value(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return False
    exponent = Decimal(right).as_tuple().exponent
    slack = Fraction(1, 2) * Fraction(10) ** exponent if isinstance(exponent, int) and exponent < 0 else 0
    return abs(value - Fraction(right)) > slack


def _value(node: ast.expr) -> Fraction:
    """Raises: ValueError for anything but numbers joined by + - * /; ZeroDivisionError."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if not isinstance(node, ast.BinOp):
        raise ValueError("no plain arithmetic")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        return left / right
    raise ValueError("no plain arithmetic")
