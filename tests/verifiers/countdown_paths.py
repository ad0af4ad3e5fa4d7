"""An independent judge of Countdown: a path of operations, and an expression. It shares no code with the package.

It takes numbers as they are written, once each: what an operation takes must be there, what it makes is there afterwards, and at the
end one number is left, the target.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

_OPERATION = re.compile(r"\s*(\d+)\s*([-+*/])\s*(\d+)\s*=\s*(\d+)\s*")
_TOKEN = re.compile(r"\s*(\d+|[-+*/()])")


def fault_of_path(operations: Sequence[str], *, numbers: Sequence[int], target: int) -> str | None:
    """What is wrong with a path such as ["66-42=24", "61-24=37"]; None if nothing is."""
    there = Counter(numbers)
    for operation in operations:
        found = _OPERATION.fullmatch(operation)
        if not found:
            return f"{operation!r} is no operation"
        taken = Counter([int(found[1]), int(found[3])])
        if taken - there:
            return f"{operation} takes what is not there: {sorted((taken - there).elements())}"
        if found[2] == "/" and int(found[3]) == 0:
            return f"{operation} divides by zero"
        a, b, made = Fraction(found[1]), Fraction(found[3]), Fraction(found[4])
        if made != {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[found[2]]:
            return f"{operation} is miscalculated"
        there = there - taken + Counter([int(made)])
    left = sorted(there.elements())
    return None if left == [target] else f"{left} is left, not {target}"


def fault_of_expression(text: str, *, numbers: Sequence[int], target: int) -> str | None:
    """What is wrong with an expression such as "61-(66-42)"; None if nothing is."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != "".join(text.split()):
        return "foreign signs"
    used = sorted(int(token) for token in tokens if token.isdigit())
    if used != sorted(numbers):
        return f"uses {used}"
    try:
        value = _sum(tokens)
    except (IndexError, ValueError, ZeroDivisionError) as error:
        return f"no value: {error}"
    if tokens:
        return f"{tokens} is left over"
    return None if value == target else f"is {value}"


def _sum(tokens: list[str]) -> Fraction:
    value = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign = tokens.pop(0)
        other = _product(tokens)
        value = value + other if sign == "+" else value - other
    return value


def _product(tokens: list[str]) -> Fraction:
    value = _atom(tokens)
    while tokens and tokens[0] in "*/":
        sign = tokens.pop(0)
        other = _atom(tokens)
        value = value * other if sign == "*" else value / other
    return value


def _atom(tokens: list[str]) -> Fraction:
    token = tokens.pop(0)
    if token != "(":
        return Fraction(token)
    value = _sum(tokens)
    if tokens.pop(0) != ")":
        raise ValueError("a parenthesis stays open")
    return value
