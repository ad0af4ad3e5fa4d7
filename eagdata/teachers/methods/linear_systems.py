"""Method for the family `linear_systems`: write the rows down, eliminate, substitute back."""

from __future__ import annotations

import re
from fractions import Fraction

from eagdata.teachers.methods.plan import Plan, Slip, Step

_ASKED = re.compile(r"Solve the system of equations\n\n(.*?)\n\nand give the value of ([^.]*)\.", re.DOTALL)
_TERM = re.compile(r"([+-]?) ?(\d*)([xyz])")

_ELIMINATE = """\
from fractions import Fraction

table = [[Fraction(entry) for entry in row] for row in rows]
for i in range(len(table)):
    pivot = next(r for r in range(i, len(table)) if table[r][i] != 0)
    table[i], table[pivot] = table[pivot], table[i]
    table[i] = [entry / table[i][i] for entry in table[i]]
    for r in range(len(table)):
        if r != i:
            table[r] = [a - table[r][i] * b for a, b in zip(table[r], table[i])]
solution = [row[-1] for row in table]
print([str(value) for value in solution])"""
_CRAMER = """\
from fractions import Fraction

def determinant(m):
    if len(m) == 1:
        return m[0][0]
    return sum((-1) ** j * m[0][j] * determinant([r[:j] + r[j + 1:] for r in m[1:]]) for j in range(len(m)))

left = [row[:-1] for row in rows]
whole = determinant(left)
solution = []
for j in range(len(left)):
    swapped = [row[:j] + [full[-1]] + row[j + 1:] for row, full in zip(left, rows)]
    solution.append(Fraction(determinant(swapped), whole))
print([str(value) for value in solution])"""
_SYMPY = """\
from sympy import Matrix

left = Matrix([row[:-1] for row in rows])
right = Matrix([row[-1] for row in rows])
solution = list(left.LUsolve(right))
print([str(value) for value in solution])"""
_CHECK = """\
for row in rows:
    total = sum(c * v for c, v in zip(row, solution))
    assert total == row[-1], f"row {row} gives {total} instead of {row[-1]}"
answer = sum(c * v for c, v in zip(wanted, solution))
print(answer)"""


def plan(question: str) -> Plan | None:
    found = _ASKED.search(question)
    if not found:
        return None
    lines = [line.split(" = ") for line in found[1].splitlines()]
    size = len(lines)
    rows = [[*_coefficients(left, size), int(right)] for left, right in lines]
    wanted = _coefficients(found[2], size)
    data = Step(
        makes="rows",
        thoughts=(
            "I write each equation as a row of coefficients with its right side last.",
            f"{size} equations in {size} unknowns: the coefficients go into a table first.",
            "First the system as numbers, one row for each equation, with the signs as they stand.",
        ),
        codes=(f"rows = {rows}\nwanted = {wanted}", f"rows = [\n{''.join(f'    {row},{chr(10)}' for row in rows)}]\nwanted = {wanted}"),
    )
    return Plan(steps=(data, _SOLVE, _CHECKED), head=lambda: _by_hand(rows, wanted), closing=_CLOSING)


_CLOSING = ("The values satisfy every equation.", "Substituting back works in all the equations.", "All the equations hold.")
_SOLVE = Step(
    makes="solution",
    thoughts=(
        "Now I solve it exactly, with fractions rather than floats.",
        "Exact arithmetic matters here, because the solution may be a fraction.",
        "The system is small and regular, so a direct exact solution will do.",
    ),
    codes=(_ELIMINATE, _ELIMINATE, _CRAMER, _CRAMER, _SYMPY),
    slips=(
        Slip("[a - table[r][i] * b", "[a + table[r][i] * b", "I added the multiple of the pivot row where it has to be subtracted."),
        Slip(
            "        if r != i:\n            table[r] =",
            "        if r > i:\n            table[r] =",
            "I cleared only below the pivot, so entries above were left.",
        ),
        Slip("(-1) ** j * ", "", "I forgot the alternating sign in the determinant."),
        Slip(
            "Fraction(determinant(swapped), whole)",
            "determinant(swapped) // whole",
            "I rounded to whole numbers instead of dividing exactly.",
        ),
        Slip("right = Matrix([row[-1]", "right = Matrix([-row[-1]", "I moved the right sides over and flipped their sign."),
    ),
)
_CHECKED = Step(
    makes="answer",
    thoughts=(
        "I substitute back into every equation, then form what is asked for.",
        "Before answering I put the values back into the system.",
        "A solution must satisfy each row, so I check that and then combine the values.",
    ),
    codes=(_CHECK, _CHECK.replace("sum(c * v for c, v in zip(row, solution))", "sum(row[j] * solution[j] for j in range(len(solution)))")),
    slips=(Slip("zip(wanted, solution)", "zip(wanted, solutions)", "The list is called solution."),),
)


def _coefficients(side: str, size: int) -> list[int]:
    found = dict.fromkeys("xyz"[:size], 0)
    for sign, digits, name in _TERM.findall(side):
        found[name] = int(digits or 1) * (-1 if sign == "-" else 1)
    return list(found.values())


def _by_hand(rows: list[list[int]], wanted: list[int]) -> tuple[str, str]:
    table = [[Fraction(entry) for entry in row] for row in rows]
    for i in range(len(table)):
        pivot = next(r for r in range(i, len(table)) if table[r][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [entry / table[i][i] for entry in table[i]]
        table = [row if r == i else [a - row[i] * b for a, b in zip(row, table[i], strict=True)] for r, row in enumerate(table)]
    values = [row[-1] for row in table]
    named = ", ".join(f"{name} = {value}" for name, value in zip("xyz", values, strict=False))
    answer = str(sum((c * v for c, v in zip(wanted, values, strict=True)), Fraction(0)))
    return f"I eliminate one unknown after the other. That leaves {named}. The quantity asked for is then {answer}.", answer
