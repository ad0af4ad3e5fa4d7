"""Judge of countdown answers: each number exactly once, the target reached, in exact arithmetic.

The published validator of Stream of Search accepts a number used twice and a number left out (it compares integers with
strings and never asks for all numbers); the tests hold its wrongly accepted paths against this one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Check, Task, Verdict

_SPELLINGS = {"×": "*", "·": "*", "÷": "/", "−": "-", "\\times": "*", "\\cdot": "*", "\\div": "/", "\\left": "", "\\right": ""}
_ALLOWED = re.compile(r"[0-9\s()+*/-]+")
_RUN = re.compile(r"[0-9(][0-9 \t()+*/-]*[0-9)]")


class CountdownVerifier:
    """Passes an expression that uses each number of the reference exactly once and equals its target."""

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        max_chars: int = 400
        """Longer answers are refused unread."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "The final answer is one expression of the given numbers with +, -, *, / and parentheses."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        numbers, target = _reference(task)
        if answer is None or not answer.strip():
            return _fail("expression", "no answer")
        if len(answer) > self._config.max_chars:
            return _fail("expression", f"{len(answer)} characters")
        tree = _parse(_left_side(answer, target))
        if tree is None:
            return _fail("expression", answer)
        used = sorted(_numbers(tree))
        if used != sorted(numbers):
            return _fail("numbers", str(used), before=("expression",))
        try:
            value = _value(tree)
        except ZeroDivisionError:
            return _fail("target", "division by zero", before=("expression", "numbers"))
        if value != target:
            return _fail("target", str(value), before=("expression", "numbers"))
        return Verdict(status="pass", reward=1.0, checks=tuple(Check(id=i, status="pass") for i in ("expression", "numbers", "target")))

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether an output holds the same expression, spaces and needless parentheses aside."""
        tree = _parse(answer.partition("=")[0])
        if tree is None:
            return False
        wanted = ast.dump(tree)
        shown = (_parse(run) for text in outputs for run in _RUN.findall(_plain(text)) if len(run) <= self._config.max_chars)
        return any(found is not None and ast.dump(found) == wanted for found in shown)


def _reference(task: Task) -> tuple[list[int], Fraction]:
    """Raises: VerifierError if the reference is not {"numbers": [whole numbers], "target": number}."""
    reference = task.reference
    if isinstance(reference, dict):
        numbers, target = reference.get("numbers"), reference.get("target")
        whole = [n for n in numbers if type(n) is int] if isinstance(numbers, list) else []
        if isinstance(numbers, list) and whole and len(whole) == len(numbers) and type(target) in (int, str):
            return whole, Fraction(str(target))
    raise VerifierError(
        f"task {task.id!r} has no usable countdown reference: {reference!r}",
        mend='give reference as {"numbers": [3, 5, 8], "target": 24}',
        retryable=False,
    )


def _left_side(answer: str, target: Fraction) -> str:
    """`answer` without a closing "= target", which people add out of habit; any other right side stays and is refused."""
    left, _, right = answer.partition("=")
    return left if right.strip().strip("$").strip() == str(target) else answer


def _plain(text: str) -> str:
    for spelling, sign in _SPELLINGS.items():
        text = text.replace(spelling, sign)
    return text


def _parse(answer: str) -> ast.expr | None:
    """The expression, or None for anything but whole numbers joined by + - * / with parentheses."""
    text = _plain(answer).strip().strip("$").strip()
    if not _ALLOWED.fullmatch(text):
        return None
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return None
    return tree if _plain_arithmetic(tree) else None


def _plain_arithmetic(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        known = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div)
        return known and _plain_arithmetic(node.left) and _plain_arithmetic(node.right)
    return isinstance(node, ast.Constant) and type(node.value) is int


def _numbers(node: ast.expr) -> Iterator[int]:
    return (leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant) and isinstance(leaf.value, int))


def _value(node: ast.expr) -> Fraction:
    """Raises: ZeroDivisionError."""
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    assert isinstance(node, ast.BinOp)  # nothing else passes _plain_arithmetic
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    return left * right if isinstance(node.op, ast.Mult) else left / right


def _fail(check: str, measured: str, *, before: tuple[str, ...] = ()) -> Verdict:
    passed = tuple(Check(id=i, status="pass") for i in before)
    return Verdict(status="fail", reward=0.0, checks=(*passed, Check(id=check, status="fail", measured=measured)))
