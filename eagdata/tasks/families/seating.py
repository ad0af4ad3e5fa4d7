"""Who sits where: a row of seats and clues that leave exactly one order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random

from eagdata.tasks.families.draft import Draft, dial, listed
from eagdata.tasks.families.words import NAMES

_Order = tuple[str, ...]
_Clue = tuple[str, Callable[[_Order], bool]]


def draw(rng: Random, difficulty: float) -> Draft:
    """Four to six people. Clues true of one order are added, each only if it excludes another order, until one is left."""
    people = rng.sample(NAMES, dial(3.6, 6.2, difficulty))
    orders = list(permutations(people))
    secret = rng.choice(orders)
    clues: list[str] = []
    while len(orders) > 1:
        text, holds = _clue(rng, people, difficulty)
        if not holds(secret):
            continue
        left = [order for order in orders if holds(order)]
        if len(left) < len(orders):
            clues.append(text)
            orders = left
    size = len(people)
    question = (
        f"{listed(people)} sit in a row on seats 1 to {size}; seat 1 is on the far left.\n\n"
        + "\n".join(f"- {clue}" for clue in clues)
        + f"\n\nWho sits where? Give the names from seat 1 to seat {size}, separated by commas, such as: {', '.join(people)}"
    )
    answer = ", ".join(secret)
    return Draft(kind=f"{size} people", question=question, verifier="exact", reference=answer, answer=answer)


def _clue(rng: Random, people: list[str], difficulty: float) -> _Clue:
    """A clue, true or not. The harder, the rarer are those that name a seat."""
    a, b = rng.sample(people, 2)
    if rng.random() < 0.45 - 0.4 * difficulty:
        seat = rng.randint(1, len(people))
        return f"{a} sits on seat {seat}.", lambda order: order[seat - 1] == a
    seat, last = rng.randint(1, len(people)), len(people) - 1
    clues: tuple[_Clue, ...] = (
        (f"{a} sits somewhere to the left of {b}.", lambda order: order.index(a) < order.index(b)),
        (f"{a} sits immediately to the left of {b}.", lambda order: order.index(a) + 1 == order.index(b)),
        (f"{a} and {b} sit next to each other.", lambda order: abs(order.index(a) - order.index(b)) == 1),
        (f"{a} and {b} do not sit next to each other.", lambda order: abs(order.index(a) - order.index(b)) != 1),
        (f"Exactly one person sits between {a} and {b}.", lambda order: abs(order.index(a) - order.index(b)) == 2),
        (f"{a} sits at one of the two ends.", lambda order: order.index(a) in (0, last)),
        (f"{a} does not sit on seat {seat}.", lambda order: order[seat - 1] != a),
    )
    return rng.choice(clues)
