"""The contract of a search, as assertions."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any

from eagdata.contracts import Expansion, Feedback, Growth, Search
from eagdata.records import NodeStatus

_WORLDS = 20
_DEPTH = 5
_MOST_NODES = 10_000
_FEW, _MANY, _DEEP = 300, 1200, 12
_DEARER = 2
"""How much more a node may cost in a tree of `_MANY` than in one of `_FEW`: a scan of all nodes comes to 4 times, a heap to 1.2 times."""


def check_search(search: Search, *, seed: int = 0) -> None:
    """Grow random trees with it, tell them again, and count what that takes.

    Each tree ends: no branch of its world is longer than 5 turns. Held: what is asked for can be expanded; asking and telling twice
    change nothing; in the middle of a round the rest of it, or nothing, is asked for; a tree told again from any point on, asked or
    not, asks for the same; values lie in 0..1; what the contract refuses is refused; a node costs no more in a large tree than in a
    small one, as far as the search grows one with its settings.

    Raises: AssertionError that says which line of the contract is broken.
    """
    _check_refusals(search.start(seed=seed))
    for number in range(seed, seed + _WORLDS):
        world = _World(number, solvable=number % 4 != 3, failing=number % 5 == 4)
        told = _grow(search.start(seed=number), world)
        for cut in sorted({0, len(told), *(Random(number).randrange(len(told) + 1) for _ in range(3))}):
            _check_resumed(search.start(seed=number), world, told, cut=cut)
    _check_work(search.start(seed=seed))


@dataclass(frozen=True, slots=True)
class _World:
    """What comes of an expansion: the same at each telling."""

    seed: int
    solvable: bool
    failing: bool
    """Each call to the teacher fails."""

    def feedback(self, index: int, parent: int | None, *, depth: int) -> Feedback:
        chance = Random(f"{self.seed}/{index}")
        draw = chance.random()
        if self.failing:
            return _ended(index, parent, "failed")
        if depth >= _DEPTH:
            return _ended(index, parent, "truncated")
        if draw < 0.35:
            return Feedback(node=index, parent=parent, status="acted", error=False, kind="ok")
        if draw < 0.6:
            return Feedback(node=index, parent=parent, status="acted", error=True, kind=chance.choice(("NameError", "TypeError")))
        if draw < 0.85:
            solved = chance.choice((True, False, None)) if self.solvable else False
            score = 1.0 if solved else None if solved is None else chance.choice((0.0, 0.3, 1.0))
            return Feedback(node=index, parent=parent, status="answered", error=False, kind="answered", solved=solved, score=score)
        return _ended(index, parent, chance.choice(("void", "truncated", "repeated", "failed")))


def _ended(index: int, parent: int | None, status: NodeStatus) -> Feedback:
    return Feedback(node=index, parent=parent, status=status, error=False, kind=status)


@dataclass(frozen=True, slots=True)
class _Told:
    feedback: Feedback
    value: float | None
    asked_after: tuple[Expansion, ...]


def _grow(growth: Growth, world: _World, told: Sequence[_Told] = ()) -> list[_Told]:
    """All that is told from `told` on until it asks for nothing, with what was asked after each."""
    known, status = list(told), {one.feedback.node: one.feedback.status for one in told}
    depth: dict[int | None, int] = {None: 0}
    for one in known:
        depth[one.feedback.node] = depth[one.feedback.parent] + 1
    while asked := growth.ask():
        _check_asked(asked, status)
        left = Counter({expansion.node: expansion.samples for expansion in asked})
        for parent in list(left.elements()):
            index = len(known)
            assert index < _MOST_NODES, f"it still asks after {_MOST_NODES:,} nodes in a world where every branch ends"
            feedback = world.feedback(index, parent, depth=depth[parent] + 1)
            depth[index], status[index] = depth[parent] + 1, feedback.status
            value = growth.tell(feedback)
            assert value is None or 0 <= value <= 1, f"a value of {value} is outside of 0..1"
            known.append(_Told(feedback, value, growth.ask()))
            assert growth.ask() == known[-1].asked_after, "asking twice without telling gives another answer"
            left[parent] -= 1
            rest = tuple(Expansion(node=node, samples=n) for node, n in left.items() if n)
            if rest and known[-1].asked_after:
                assert known[-1].asked_after == rest, f"in the middle of a round it asks for {known[-1].asked_after}, not for {rest}"
    return known


def _check_resumed(growth: Growth, world: _World, told: Sequence[_Told], *, cut: int) -> None:
    """Told the first `cut` nodes without being asked, some of them twice, it goes on as the first tree did."""
    again = Random(cut)
    for place, one in enumerate(told[:cut]):
        assert growth.tell(one.feedback) == one.value, f"node {place} gets another value in a tree that is told again"
        old = told[again.randrange(place + 1)]
        assert growth.tell(old.feedback) == old.value, "telling a node twice gives another value"
    if cut:
        assert growth.ask() == told[cut - 1].asked_after, f"told the same {cut} nodes, it asks for something else"
    if cut and not told[cut - 1].asked_after:
        return  # content, be it in the middle of a round
    assert _grow(growth, world, told[:cut]) == told, f"resumed after {cut} nodes, the same seed grows another tree"


def _check_asked(asked: Sequence[Expansion], status: dict[int, NodeStatus]) -> None:
    for expansion in asked:
        assert expansion.samples >= 1, f"it asks for {expansion.samples} samples"
        assert expansion.node is None or expansion.node in status, f"it asks for node {expansion.node}, which it was never told"
        if expansion.node is not None:
            was = status[expansion.node]
            assert was == "acted", f"it asks to expand node {expansion.node}, which is {was!r} and has no state to go on from"


def _check_refusals(growth: Growth) -> None:
    _refuses(growth, _ok(5, 4), "a node whose parent was never told")
    for score in (-0.1, 1.1, float("nan")):
        answer = Feedback(node=0, parent=None, status="answered", error=False, kind="answered", solved=False, score=score)
        _refuses(growth, answer, f"a score of {score}")
    growth.tell(_ok(0, None))
    _refuses(growth, _ended(0, None, "void"), "a node told again with other content")


def _refuses(growth: Growth, feedback: Feedback, what: str) -> None:
    try:
        growth.tell(feedback)
    except ValueError:
        return
    raise AssertionError(f"it takes {what}")


def _ok(index: int, parent: int | None) -> Feedback:
    return Feedback(node=index, parent=parent, status="acted", error=False, kind="ok")


def _check_work(growth: Growth) -> None:
    """Lines run and indices compared, for each node of a tree without an answer, with errors. What runs inside of C and compares no
    index, e.g. the sum of a list, is not seen."""
    work, depth = _Work(growth), dict[int | None, int]({None: 0})
    at, told = [0], 0
    while told < _MANY and (asked := work.ask()):
        for parent in [expansion.node for expansion in asked for _ in range(expansion.samples)][: _MANY - told]:
            index, error = _Index(told), told % 3 == 0
            depth[index] = depth[parent] + 1
            turn = Feedback(node=index, parent=parent, status="acted", error=error, kind="E" if error else "ok")
            work.tell(turn if depth[index] < _DEEP else _ended(index, parent, "truncated"))
            told += 1
            at.append(work.done)
    if told >= 2 * _FEW:
        few, many = ((at[n] - at[n // 2]) / (n - n // 2) for n in (_FEW, told))
        assert many <= _DEARER * few, f"a node takes {few:.0f} steps among {_FEW} nodes and {many:.0f} among {told}: it is not linear"


class _Index(int):
    """A node's index that counts how often one is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        _Index.compared += 1
        return int.__eq__(self, other)

    __hash__ = int.__hash__


class _Work:
    """Counts the steps that a growth takes: deterministic, where seconds are not."""

    def __init__(self, growth: Growth) -> None:
        self._growth = growth
        self._lines, self._before = 0, _Index.compared

    @property
    def done(self) -> int:
        """Lines run and indices compared so far."""
        return self._lines + _Index.compared - self._before

    def ask(self) -> tuple[Expansion, ...]:
        with self._counted():
            return self._growth.ask()

    def tell(self, feedback: Feedback) -> None:
        with self._counted():
            self._growth.tell(feedback)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:  # Any: the type of a trace function
        self._lines += event == "line"
        return self._trace
