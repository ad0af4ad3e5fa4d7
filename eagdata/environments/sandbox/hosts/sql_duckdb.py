"""DuckDB in the memory of this process, without threads of its own and without files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from .sql_engine import NotAllowed, Result, names

_BATCH_ROWS = 256
_QUERIES = frozenset({"SELECT", "EXPLAIN", "PRAGMA"})
_TABLES = _QUERIES | {"CALL", "EXECUTE"}
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO"})
_NEVER = frozenset({"ATTACH", "DETACH", "COPY", "COPY_DATABASE", "EXPORT", "EXTENSION", "LOAD", "SET", "VARIABLE_SET"})
_SWITCHES: dict[str, Any] = {
    "threads": 1,
    "async_threads": 0,  # eight by default (DuckDB 2.0), and a process with threads cannot be forked
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
}
_RELATIONS = """
    SELECT table_name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END FROM information_schema.tables
    WHERE table_schema = 'main' ORDER BY 1
"""


class DuckDB:
    """An `Engine`."""

    def __init__(self, *, database: str | None, script: str, writable: bool, memory_mb: int) -> None:
        import duckdb

        self._library = duckdb
        self._writable = True
        self._db = duckdb.connect(":memory:", config=_SWITCHES | {"memory_limit": f"{memory_mb}MB"})
        self._db.execute("SET enable_progress_bar = false")  # after two seconds it would be part of what an action shows
        if database is not None:
            self._db.execute(f"ATTACH '{database}' AS source (READ_ONLY)")
            self._db.execute("COPY FROM DATABASE source TO memory")
            self._db.execute("DETACH source")
            os.unlink(database)
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")
        for _ in self.run(script):
            pass
        self._writable = writable

    def run(self, text: str) -> Iterator[Result]:
        """The results of the statements of `text`, each executed when it is asked for."""
        self._begin()
        for statement in self._db.extract_statements(text):
            yield self._result(statement)

    def query(self, text: str) -> tuple[Result, bool]:
        """The result of one query, and whether it names a stored table."""
        self._begin()
        found = self._db.extract_statements(text)
        if len(found) != 1 or found[0].type.name != "SELECT":
            raise ValueError(f"one query is wanted, and here are: {', '.join(statement.type.name for statement in found) or 'none'}")
        return self._result(found[0]), bool(self._db.get_table_names(text))

    def relations(self) -> list[tuple[str, str]]:
        """All of the schema `main`."""
        return [(str(name), str(kind)) for name, kind in self.unrestricted(_RELATIONS)]

    def unrestricted(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement of ours, outside of the transaction in which a read-only database is read."""
        if not self._writable:
            self._roll_back()
        return self._rows(self._db.execute(statement))

    def in_transaction(self) -> bool:
        if not self._writable:
            return False
        try:
            self._db.execute("BEGIN TRANSACTION")
        except self._library.TransactionException:
            return True
        self._db.execute("ROLLBACK")
        return False

    def _begin(self) -> None:
        """A read-only database is held so by a transaction of its own: EXPLAIN ANALYZE and functions could write as well."""
        if not self._writable:
            self._roll_back()
            self._db.execute("BEGIN TRANSACTION READ ONLY")

    def _roll_back(self) -> None:
        with contextlib.suppress(self._library.TransactionException):  # none is open
            self._db.execute("ROLLBACK")

    def _result(self, statement: Any) -> Result:
        kind = statement.type.name
        if kind in _NEVER:
            raise NotAllowed(f"{kind} is switched off")
        if not self._writable and kind not in _QUERIES:
            raise NotAllowed("the database is read-only: a statement that changes it does not run")
        try:
            cursor = self._db.execute(statement)
        except self._library.OutOfMemoryException as error:
            raise MemoryError from error
        columns, rows = names(cursor.description), self._rows(cursor)
        if kind in _CHANGING and columns == ("Count",):
            return Result(None, rows, next(rows)[0])
        return Result(columns if kind in _TABLES or kind in _CHANGING else None, rows)

    def _rows(self, cursor: Any) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := cursor.fetchmany(_BATCH_ROWS):
                yield from batch
        except self._library.OutOfMemoryException as error:
            raise MemoryError from error
