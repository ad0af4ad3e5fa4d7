"""Method for the family `seating`: try every order against the clues, then hold the one that is left against each clue."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import permutations

from eagdata.teachers.methods.plan import Plan, Slip, Step

_ASKED = re.compile(
    r"^([\w, ]+) sit in a row on seats 1 to (\d); seat 1 is on the far left\.\n\n(.*?)\n\nWho sits where", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of clue: as a condition on seat numbers, as one on indices, and a way to get it wrong."""

    pattern: re.Pattern[str]
    seats: str
    indices: str
    wrong: str
    lesson: str


_FORMS = (
    _Form(
        re.compile(r"(\w+) sits on seat (\d)\."),
        'seat["{0}"] == {1}',
        'at("{0}") + 1 == {1}',
        'seat["{0}"] == {1} - 1',
        "Seats count from 1, so nothing has to be subtracted.",
    ),
    _Form(
        re.compile(r"(\w+) does not sit on seat (\d)\."),
        'seat["{0}"] != {1}',
        'at("{0}") + 1 != {1}',
        'seat["{0}"] == {1}',
        "I dropped the `not` of a clue.",
    ),
    _Form(
        re.compile(r"(\w+) sits somewhere to the left of (\w+)\."),
        'seat["{0}"] < seat["{1}"]',
        'at("{0}") < at("{1}")',
        'seat["{0}"] > seat["{1}"]',
        "Left means the smaller seat number; I had it the wrong way round.",
    ),
    _Form(
        re.compile(r"(\w+) sits immediately to the left of (\w+)\."),
        'seat["{0}"] + 1 == seat["{1}"]',
        'at("{1}") - at("{0}") == 1',
        'seat["{0}"] == seat["{1}"] + 1',
        "Immediately to the left is one seat less, and I wrote one seat more.",
    ),
    _Form(
        re.compile(r"(\w+) and (\w+) sit next to each other\."),
        'abs(seat["{0}"] - seat["{1}"]) == 1',
        'at("{0}") - at("{1}") in (-1, 1)',
        'abs(seat["{0}"] - seat["{1}"]) == 0',
        "Neighbours are one seat apart, not on the same seat.",
    ),
    _Form(
        re.compile(r"(\w+) and (\w+) do not sit next to each other\."),
        'abs(seat["{0}"] - seat["{1}"]) != 1',
        'at("{0}") - at("{1}") not in (-1, 1)',
        'abs(seat["{0}"] - seat["{1}"]) == 1',
        "I read a clue that says `not` without its `not`.",
    ),
    _Form(
        re.compile(r"Exactly one person sits between (\w+) and (\w+)\."),
        'abs(seat["{0}"] - seat["{1}"]) == 2',
        'at("{0}") - at("{1}") in (-2, 2)',
        'abs(seat["{0}"] - seat["{1}"]) == 1',
        "One person between means a distance of two seats.",
    ),
    _Form(
        re.compile(r"(\w+) sits at one of the two ends\."),
        'seat["{0}"] in (1, len(people))',
        'at("{0}") in (0, len(people) - 1)',
        'seat["{0}"] in (0, len(people) - 1)',
        "The ends are the seats 1 and the last one; I mixed indices with seat numbers.",
    ),
)


def plan(question: str) -> Plan | None:
    found = _ASKED.search(question)
    if not found:
        return None
    people = re.findall(r"\w+", found[1].replace(" and ", ", "))
    clues = [line.removeprefix("- ") for line in found[3].splitlines()]
    read = [(clue, form, hit.groups()) for clue in clues for form in _FORMS if (hit := form.pattern.fullmatch(clue))]
    given = Step(
        makes="people",
        thoughts=(
            f"{len(people)} people make only {math.factorial(len(people))} orders, so trying all of them is feasible.",
            "I list the people first; then each clue becomes a condition.",
            "The puzzle is small enough to go through every order.",
        ),
        codes=(f"people = {people}\nprint(len(people))", f"people = {people}"),
    )
    work = Step(
        makes="fitting",
        thoughts=(
            "Each clue becomes a condition on seat numbers, and I keep the orders that satisfy all of them.",
            "I number the seats from 1 as in the puzzle and translate the clues one by one.",
        ),
        codes=tuple(_searching([form.seats.format(*names) for _, form, names in read], style) for style in (0, 1)),
        slips=(
            *(Slip(form.seats.format(*names), form.wrong.format(*names), form.lesson) for _, form, names in read),
            Slip("enumerate(order, start=1)", "enumerate(order, 1, 2)", "enumerate takes only a start."),
        ),
    )
    facts = "\n".join(f"    {clue!r}: {form.indices.format(*names)}," for clue, form, names in read)
    check = Step(
        makes="facts",
        thoughts=(
            "Exactly one order must be left, and it must satisfy every clue. I test each clue again, written differently.",
            "I hold the result against the clues one by one.",
        ),
        codes=(_CHECK.replace("FACTS", facts),),
        blind=(Slip('", ".join(order)', '", ".join(reversed(order))', "I read the row from the right."),),
    )
    return Plan(steps=(given, work, check), head=lambda: _by_heart(people, read), closing=_CLOSING)


_CLOSING = ("Only this order satisfies all the clues.", "Every clue holds and no other order fits.")
_CHECK = """\
assert len(fitting) == 1, f"{len(fitting)} orders fit, but the puzzle has exactly one"
order = list(fitting[0])
at = order.index
facts = {
FACTS
}
broken = [clue for clue, holds in facts.items() if not holds]
assert not broken, f"{order} breaks: {broken[0]}"
print(", ".join(order))"""


def _searching(conditions: list[str], style: int) -> str:
    head = "from itertools import permutations\n\n"
    numbered = "seat = {name: number for number, name in enumerate(order, start=1)}"
    if style:
        body = "\n".join(f"        {condition}," for condition in conditions)
        return (
            f"{head}fitting = []\nfor order in permutations(people):\n    {numbered}\n    conditions = [\n{body}\n    ]\n"
            "    if all(conditions):\n        fitting.append(order)\nprint(len(fitting), fitting[:2])"
        )
    body = "\n        and ".join(conditions)
    return (
        f"{head}def fits(order):\n    {numbered}\n    return (\n        {body}\n    )\n\n"
        "fitting = [order for order in permutations(people) if fits(order)]\nprint(len(fitting), fitting[:2])"
    )


def _by_heart(people: list[str], read: list[tuple[str, _Form, tuple[str, ...]]]) -> tuple[str, str]:
    order = next((order for order in permutations(people) if all(_holds(order, form, names) for _, form, names in read)), tuple(people))
    text = ", ".join(order)
    return (
        f"I place the people whom the clues pin down and let the others follow. The only order that satisfies every clue is {text}.",
        text,
    )


def _holds(order: tuple[str, ...], form: _Form, names: tuple[str, ...]) -> bool:
    seat = order.index(names[0]) + 1
    which = _FORMS.index(form)
    if which < 2:
        return (seat == int(names[1])) == (which == 0)
    if which == 7:
        return seat in (1, len(order))
    gap = order.index(names[1]) + 1 - seat
    return (gap > 0, gap == 1, abs(gap) == 1, abs(gap) != 1, abs(gap) == 2)[which - 2]
