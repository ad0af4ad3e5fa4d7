"""What the `sql` host asks of a database system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class NotAllowed(Exception):
    """The statement is switched off here: it writes to a read-only database, or reaches outside of it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement gave: a table, row by row, or else how many rows it changed (None: it is no statement that changes rows)."""

    columns: tuple[str, ...] | None
    rows: Iterator[tuple[Any, ...]]  # any value of the database
    changed: int | None = None


class Engine(Protocol):
    """One database system with one database in it."""

    def run(self, text: str) -> Iterator[Result]:
        """Execute the statements of `text`, one at each step of the iteration. Raises: NotAllowed; MemoryError; the system's own."""
        ...

    def query(self, text: str) -> tuple[Result, bool]:
        """Execute the one query that `text` is; whether it reads stored rows. Raises: as `run`; ValueError if it is not one."""
        ...

    def relations(self) -> list[tuple[str, str]]:
        """Name and type, `table` or `view`, of all that it holds, sorted."""
        ...

    def unrestricted(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Execute a statement of ours, also on a read-only database."""
        ...

    def in_transaction(self) -> bool: ...


def names(description: Sequence[Sequence[Any]] | None) -> tuple[str, ...] | None:
    """The column names of a cursor's description; None if it has none."""
    return None if description is None else tuple(str(column[0]) for column in description)
