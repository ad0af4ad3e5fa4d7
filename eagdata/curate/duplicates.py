"""Exact duplicates: of tasks by what they ask, of branches by what they do. The first in input order stays."""

from __future__ import annotations

import ast
import sqlite3
import warnings
from collections.abc import Sequence

from eagdata.curate.fingerprints import folded
from eagdata.records import Task, canonical, sha256


class FirstWins:
    """Keys seen so far, each with the id that had it first: 50 bytes a key and 10 us. Of a key the first 128 bits count."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)  # a dict of the same is four times as large
        self._db.execute("CREATE TABLE first (key BLOB PRIMARY KEY, by BLOB NOT NULL) WITHOUT ROWID")

    def __del__(self) -> None:
        self._db.close()

    def seen(self, key: str, by: str) -> str | None:
        """The id that had `key` (hex) before, or None: then it is `by`'s from now on."""
        head = bytes.fromhex(key)[:16]
        mine = by.encode("utf-8", "surrogatepass")
        if self._db.execute("INSERT OR IGNORE INTO first VALUES (?, ?)", (head, mine)).rowcount:
            return None
        (first,) = self._db.execute("SELECT by FROM first WHERE key = ?", (head,)).fetchone()
        earlier = bytes(first).decode("utf-8", "surrogatepass")
        return None if earlier == by else earlier


def task_fingerprint(task: Task) -> str:
    """SHA-256 of what is asked, however it is spelt: NFKC, case folded, white space collapsed; files and set-up as they are."""
    return sha256(canonical([folded(task.question), task.environment, task.environment_config]))


def actions_fingerprint(actions: Sequence[str], answer: str | None) -> str:
    """SHA-256 of what a branch does and answers. Comments and layout of Python code do not count; its names and numbers do."""
    return sha256(canonical([[_code(action) for action in actions], answer and folded(answer)]))


def _code(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model's invalid escape sequence is none of the user's business
            return ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(text.split())
