"""SQLite in the memory of this process."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from .sql_engine import NotAllowed, Result, names

_LIMITS = {sqlite3.SQLITE_LIMIT_LENGTH: 16 << 20, sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0}
_WAL_FLAGS = slice(18, 20)
"""Of the file header: an image of a database in WAL mode cannot be opened. Source: sqlite.org/c3ref/deserialize.html"""
_QUERIES = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_NEVER = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE})
_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})
_PRAGMAS = (
    *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list", "foreign_key_check"),
    *("integrity_check", "quick_check", "database_list", "collation_list", "function_list"),
)
_SWITCHES = frozenset({"foreign_keys", "user_version", "encoding", "defer_foreign_keys", "recursive_triggers", "case_sensitive_like"})
_TABLE_FUNCTIONS = ("json_each", "json_tree", *(f"pragma_{name}" for name in _PRAGMAS))
_COMMENT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.S)
_CHANGING = re.compile(r"\s*(?:insert|update|delete|replace|with)\b", re.I)
_SCANS = frozenset({"OpenRead", "VOpen"})
_SCHEMA_PAGE = 1


class Sqlite:
    """An `Engine`."""

    def __init__(self, *, database: str | None, script: str, writable: bool) -> None:
        self._writable = True
        self._denied: str | None = None
        self._db = _load(database)
        self._db.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        for limit, most in _LIMITS.items():
            self._db.setlimit(limit, most)
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a file that is no database fails here
        for name in _TABLE_FUNCTIONS:  # their first use declares a table, which a read-only database would refuse
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute(f"SELECT 1 FROM {name} LIMIT 0")
        self._db.set_authorizer(self._authorize)
        for _ in self.run(script):
            pass
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._writable = writable

    def run(self, text: str) -> Iterator[Result]:
        """The results of the statements of `text`, each executed when it is asked for."""
        for statement in _statements(text):
            cursor = self._execute(statement)
            columns, changed = names(cursor.description), None
            if columns is None and _CHANGING.match(_COMMENT.sub(" ", statement)):
                changed = next(self.unrestricted("SELECT changes()"))[0]
            yield Result(columns, cursor, changed)
            cursor.close()  # a query that was not read to its end locks its tables

    def query(self, text: str) -> tuple[Result, bool]:
        """The result of one query, and whether its program opens a stored table or index."""
        found = _statements(text)
        if len(found) != 1:
            raise ValueError(f"one query is wanted, and here are {len(found)} statements")
        cursor = self._execute(found[0])
        columns = names(cursor.description)
        if columns is None:
            raise ValueError("a query is wanted, and this statement gives no rows")
        reads = any(step[1] in _SCANS and step[3] != _SCHEMA_PAGE for step in self._execute(f"EXPLAIN {found[0]}"))
        return Result(columns, cursor), reads

    def relations(self) -> list[tuple[str, str]]:
        """All but SQLite's own tables."""
        found = (
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
        )
        return [(str(name), str(kind)) for name, kind in self.unrestricted(found)]

    def unrestricted(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement of ours; it is prepared at once, and runs as they are asked for."""
        before, self._writable = self._writable, True
        try:
            return self._execute(statement)
        finally:
            self._writable = before

    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def _execute(self, statement: str) -> sqlite3.Cursor:
        self._denied = None
        try:
            return self._db.execute(statement)
        except sqlite3.DatabaseError as error:
            if self._denied is None:
                raise
            raise NotAllowed(self._denied) from error

    def _authorize(self, action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
        self._denied = self._reason(action, first, second) or self._denied
        return sqlite3.SQLITE_OK if self._denied is None else sqlite3.SQLITE_DENY

    def _reason(self, action: int, first: str | None, second: str | None) -> str | None:
        """Why a statement that does this is refused; None if it is not. Source of the codes: sqlite.org/c3ref/c_alter_table.html"""
        if action in _NEVER:
            return "ATTACH, DETACH, VACUUM and virtual tables are switched off"
        if action == sqlite3.SQLITE_FUNCTION:
            return f"the function {second} is switched off" if str(second).lower() in _FUNCTIONS else None
        if action == sqlite3.SQLITE_PRAGMA:
            name = str(first).lower()
            if name in _PRAGMAS or (name in _SWITCHES and (second is None or self._writable)):
                return None
            return f"PRAGMA {name} is switched off" if name not in _SWITCHES else "the database is read-only"
        return None if self._writable or action in _QUERIES else "the database is read-only: a statement that changes it does not run"


def _load(file: str | None) -> sqlite3.Connection:
    """The database of a file as a copy in memory, and the file gone: a fork copies the working folder. Raises: ValueError."""
    db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    if file is not None:
        with open(file, "rb") as source:
            image = bytearray(source.read())
        if not image.startswith(b"SQLite format 3\0"):
            raise ValueError("the file is no SQLite database")
        image[_WAL_FLAGS] = b"\1\1"
        db.deserialize(image)
        os.unlink(file)
    return db


def _statements(text: str) -> list[str]:
    """The statements of `text`: SQLite says where one is complete, so strings, comments and triggers may hold semicolons."""
    found, start, end = [], 0, text.find(";")
    while end >= 0:
        if sqlite3.complete_statement(text[start : end + 1]):
            found.append(text[start : end + 1])
            start = end + 1
        end = text.find(";", end + 1)
    return [statement for statement in (*found, text[start:]) if _COMMENT.sub("", statement).strip("; \t\r\n\f")]
