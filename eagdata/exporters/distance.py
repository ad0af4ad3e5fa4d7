"""How far two texts are apart."""

from __future__ import annotations

from collections import defaultdict

LONGEST = 4_000
"""Characters that are compared exactly; two such texts that differ all the way took 0.1 s."""


def edit_distance(a: str, b: str) -> int:
    """Least number of characters to insert, delete or replace (Levenshtein). O(len(a) * len(b) / 64).

    Where more than `LONGEST` characters are left in both when equal ends are taken off, the distance is at least this: that of the first
    `LONGEST` to whichever beginning of the other is nearest. Source: Myers 1999, in the form of Hyyrö 2003: a column of the table is two
    whole numbers, whose bits are its steps up and down.
    """
    start = _alike(a, b)
    a, b = a[start:], b[start:]
    end = _alike(a[::-1], b[::-1])
    a, b = sorted((a[: len(a) - end], b[: len(b) - end]), key=len)
    if len(a) > LONGEST:
        return min(_column_ends(a[:LONGEST], b[: 2 * LONGEST]))
    return _column_ends(a, b)[-1] if a else len(b)


def _alike(a: str, b: str) -> int:
    """Characters with which both begin."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _column_ends(a: str, b: str) -> list[int]:
    """Distances of `a`, which is not empty, to each beginning of `b`, the empty one first."""
    places: dict[str, int] = defaultdict(int)
    for place, letter in enumerate(a):
        places[letter] |= 1 << place
    ends, bottom, full = [len(a)], 1 << (len(a) - 1), (1 << len(a)) - 1
    up, down = full, 0
    for letter in b:
        same = places.get(letter, 0)
        level = (((same & up) + up) ^ up) | same | down
        rises, falls = down | (full & ~(level | up)), up & level
        ends.append(ends[-1] + bool(rises & bottom) - bool(falls & bottom))
        rises, falls = rises << 1 | 1, falls << 1
        up, down = full & (falls | ~(level | rises)), full & rises & level
    return ends
