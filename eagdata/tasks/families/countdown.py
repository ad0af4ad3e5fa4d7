"""Reach a target with each number used exactly once: the game of 24 and its general form.

Source of the task: Stream of Search (github.com/kanishkg/stream-of-search), which draws numbers until a search finds a
solution; here an expression is drawn first, so that a solution exists by construction.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from eagdata.records import Json
from eagdata.tasks.families.draft import Draft, dial, listed

_TRIES = 400


def draw(rng: Random, difficulty: float) -> Draft:
    """Three to five numbers and a whole target from 10 to 200; a third of the tasks ask for 24."""
    size = dial(2.6, 5.4, difficulty)
    game = rng.random() < 1 / 3
    for attempt in range(_TRIES):
        numbers = [rng.randint(1, 13 if game else dial(10, 40, difficulty)) for _ in range(size)]
        text, value = _expression(rng, numbers)
        hit = value == 24 if game and attempt < _TRIES // 2 else value.denominator == 1 and 10 <= value <= 200
        if hit:
            break
    else:
        numbers, text, value = _sum_of(rng, size)
    target = int(value)
    rng.shuffle(numbers)
    question = (
        f"Use each of the numbers {listed([str(n) for n in numbers])} exactly once, together with +, -, *, / and parentheses, to make "
        f"{target}. Answer with the expression alone, such as (1+2)*3."
    )
    reference: Json = {"numbers": list(numbers), "target": target}
    return Draft(kind="24" if target == 24 else "general", question=question, verifier="countdown", reference=reference, answer=text)


def _expression(rng: Random, numbers: list[int]) -> tuple[str, Fraction]:
    """A random expression over all the numbers, and its value; a division by zero becomes a sum."""
    parts = [(str(n), Fraction(n)) for n in numbers]
    while len(parts) > 1:
        rng.shuffle(parts)
        (left, a), (right, b) = parts.pop(), parts.pop()
        sign = rng.choice("++--**/")
        if sign == "/" and b == 0:
            sign = "+"
        value = {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b
        parts.append((f"({left}{sign}{right})", value))
    text, value = parts[0]
    return text[1:-1], value


def _sum_of(rng: Random, size: int) -> tuple[list[int], str, Fraction]:
    numbers = [rng.randint(5, 30) for _ in range(size)]
    return numbers, "+".join(map(str, numbers)), Fraction(sum(numbers))
