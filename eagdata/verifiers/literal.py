"""Judge of a Python value that is written down: `[(4, 1), 'a']`. Values are compared with their types, not as text.

Source: CRUXEval (Gu et al. 2024), whose outputs are such literals. It asks for `==`; here 1, 1.0 and True are three answers, since a
function gives only one of them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.records import Task, Verdict
from eagdata.verifiers.verdicts import compared, refused, unscored

MOST_DEPTH = 50
"""Deeper values are refused: reading and comparing them would recurse as deep."""


class LiteralVerifier:
    """Passes a literal of the reference's value and types; spaces, kind of quotes and the order in sets and dicts do not count."""

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        max_chars: int = 20_000
        """Longer answers are refused unread."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write the value as a Python literal in the box, such as [1, 'a'], {'x': None} or 'text' with its quotes."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        wanted = _read(task.reference) if isinstance(task.reference, str) else None
        if wanted is None:
            return unscored(task.reference, "a Python literal")
        found = self._value(answer or "")
        return refused("read", answer, "not a Python literal") if found is None else compared(found == wanted, answer)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether an output, or a line of one, is the value or the bare text of it."""
        wanted = self._value(answer)
        if wanted is None:
            return False
        texts = {part for text in outputs for part in (text.strip("\n"), *text.splitlines())}
        return any(wanted in (("str", text), self._value(text)) for text in texts)

    def _value(self, text: str) -> tuple[object, ...] | None:
        return _read(text) if len(text) <= self._config.max_chars else None


def _read(text: str) -> tuple[object, ...] | None:
    """The typed value of a literal, within backticks, dollars or LaTeX's braces or not; None if it is none."""
    plain = text.strip().strip("`$").strip()
    for spelling in (plain, plain.replace(r"\{", "{").replace(r"\}", "}").replace(r"\_", "_")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes such as '\d'
                return _typed(ast.literal_eval(spelling), MOST_DEPTH)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def _typed(value: object, depth: int) -> tuple[object, ...]:
    """The value such that == sees types: floats by their repr, for nan and -0.0. Raises: ValueError beyond `depth`."""
    if not depth:
        raise ValueError("too deep")
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return kind, tuple(_typed(item, depth - 1) for item in value)
    if isinstance(value, set):
        return kind, frozenset(_typed(item, depth - 1) for item in value)
    if isinstance(value, dict):
        return kind, frozenset((_typed(key, depth - 1), _typed(item, depth - 1)) for key, item in value.items())
    return kind, repr(value) if isinstance(value, float | complex) else value
