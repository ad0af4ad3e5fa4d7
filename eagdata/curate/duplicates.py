"""Exact duplicates: of tasks by what they ask, of branches by what they do. The first in input order stays."""

from __future__ import annotations

import ast
import unicodedata
import warnings
from collections.abc import Sequence

from eagdata.records import Task, canonical, sha256


class FirstWins:
    """Keys seen so far, each with the id that had it first. 100 bytes a key."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}

    def seen(self, key: str, by: str) -> str | None:
        """The id that had `key` before, or None: then it is `by`'s from now on."""
        earlier = self._first.setdefault(bytes.fromhex(key), by)
        return None if earlier == by else earlier


def task_fingerprint(task: Task) -> str:
    """SHA-256 of what is asked, however it is spelt: NFKC, case folded, white space collapsed; files and set-up as they are."""
    return sha256(canonical([_plain(task.question), task.environment, task.environment_config]))


def actions_fingerprint(actions: Sequence[str], answer: str | None) -> str:
    """SHA-256 of what a branch does and answers. Comments and layout of Python code do not count; its names and numbers do."""
    return sha256(canonical([[_code(action) for action in actions], answer and _plain(answer)]))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _code(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model's invalid escape sequence is none of the user's business
            return ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(text.split())
