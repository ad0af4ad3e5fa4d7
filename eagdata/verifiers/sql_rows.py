"""Whether two results of queries hold the same rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from eagdata.records import Json

Cell = None | int | float | str | tuple[str, Json]
Row = tuple[Cell, ...]
_TRIED = 300
"""Rows that differ by rounding in more than one column are paired by trying, up to so many of them."""


def row_of(values: Sequence[Json]) -> Row:
    """A row so that Python's equality is that of SQL's values: 1 is 1.0, true and blobs are nothing else, NaN is NaN."""
    return tuple(_cell(value) for value in values)


def same_result(found: Sequence[Row], wanted: Sequence[Row], groups: Iterable[int], *, tolerance: float) -> bool:
    """Whether both have the same rows, each as often. `groups`: how many consecutive rows of `wanted` stand in no order among
    themselves, then how many of the next; one group of all rows means that no order counts."""
    if len(found) != len(wanted):
        return False
    start = 0
    for size in groups:
        end = start + size
        if not _same_rows(found[start:end], wanted[start:end], tolerance):
            return False
        start = end
    return start == len(wanted)


def _same_rows(found: Sequence[Row], wanted: Sequence[Row], tolerance: float) -> bool:
    left, missing = Counter(found), Counter(wanted)
    extra, lacking = (left - missing).elements(), (missing - left).elements()
    buckets: dict[Row, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((extra, lacking)):
        for row in rows:
            buckets[_exact(row)][side].append(row)
    return all(_paired(*both, tolerance) for both in buckets.values())


def _paired(found: list[Row], wanted: list[Row], tolerance: float) -> bool:
    """Rows that differ in numbers alone: in sorted order they pair at once, unless a rounding has changed their order."""
    if len(found) != len(wanted):
        return False
    found, wanted = sorted(found, key=_numbers), sorted(wanted, key=_numbers)
    if all(_close(a, b, tolerance) for a, b in zip(found, wanted, strict=True)):
        return True
    if len(found) > _TRIED:
        return False
    for row in wanted:
        place = next((i for i, other in enumerate(found) if _close(other, row, tolerance)), None)
        if place is None:
            return False
        del found[place]
    return True


def _close(a: Row, b: Row, tolerance: float) -> bool:
    return all(x == y or _near(x, y, tolerance) for x, y in zip(a, b, strict=True))


def _near(x: Cell, y: Cell, tolerance: float) -> bool:
    if isinstance(x, int) and isinstance(y, int):
        return False
    return isinstance(x, int | float) and isinstance(y, int | float) and math.isclose(x, y, rel_tol=tolerance)


def _cell(value: Json) -> Cell:
    if isinstance(value, bool):
        return "true or false", value
    if isinstance(value, dict):
        return "blob", str(value.get("blob"))
    if isinstance(value, float) and math.isnan(value):
        return "nan", None
    return value if value is None or isinstance(value, int | float) else str(value)


def _exact(row: Row) -> Row:
    return tuple(0 if isinstance(cell, int | float) else ("", cell) if isinstance(cell, str) else cell for cell in row)


def _numbers(row: Row) -> list[int | float]:
    return [cell for cell in row if isinstance(cell, int | float)]
