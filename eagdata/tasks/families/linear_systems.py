"""Systems of two or three linear equations with one solution."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from eagdata.tasks.families.draft import Draft, dial

_NAMES = "xyz"


def draw(rng: Random, difficulty: float) -> Draft:
    """The value of one unknown, or of a weighted sum of them; fractions from the middle of the dial upwards."""
    size = 2 if rng.random() > difficulty else 3
    divisor = 1 if rng.random() > difficulty else rng.randint(2, 5)
    reach = dial(4, 12, difficulty)
    solution = [Fraction(rng.randint(-reach, reach), divisor) for _ in range(size)]
    rows = _regular(rng, size, reach)
    weights = [rng.choice((1, 1, 2, 3, -1)) for _ in range(size)]
    if rng.random() < 0.4:
        chosen = rng.randrange(size)
        weights = [int(i == chosen) for i in range(size)]
    lines = []
    for row in rows:
        right = _dot(row, solution)
        lines.append(f"{_side([c * right.denominator for c in row])} = {right.numerator}")
    answer = str(_dot(weights, solution))
    question = (
        "Solve the system of equations\n\n" + "\n".join(lines) + f"\n\nand give the value of {_side(weights)}. "
        "Give an integer or a fraction such as 7/3."
    )
    return Draft(kind=f"{size} unknowns", question=question, verifier="number", reference=answer, answer=answer)


def _regular(rng: Random, size: int, reach: int) -> list[list[int]]:
    """A square matrix of whole numbers whose determinant is not 0."""
    while True:
        rows = [[rng.choice([c for c in range(-reach, reach + 1) if c]) for _ in range(size)] for _ in range(size)]
        if _determinant(rows):
            return rows


def _determinant(rows: list[list[int]]) -> int:
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:i] + row[i + 1 :] for row in rows[1:]] for i in range(len(rows)))
    return sum((-1) ** i * rows[0][i] * _determinant(minor) for i, minor in enumerate(minors))


def _dot(row: list[int], values: list[Fraction]) -> Fraction:
    return sum((c * v for c, v in zip(row, values, strict=True)), Fraction(0))


def _side(coefficients: list[int]) -> str:
    """One side as text: "2x - y + 3z"."""
    text = ""
    for name, c in zip(_NAMES, coefficients, strict=False):
        if c:
            text += (" - " if c < 0 else " + ") if text else ("-" if c < 0 else "")
            text += f"{'' if abs(c) == 1 else abs(c)}{name}"
    return text
