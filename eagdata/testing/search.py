"""The contract of a search, as assertions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from eagdata.contracts import Expansion, Feedback, Growth, Search
from eagdata.records import NodeStatus

_MOST_ROUNDS = 400


def check_search(search: Search, *, seed: int = 0) -> None:
    """Grow random trees with it. Raises: AssertionError that says which line of the contract is broken."""
    for world_seed in range(seed, seed + 20):
        told = _grow(search.start(seed=world_seed), world_seed)
        again = search.start(seed=world_seed)
        for place, (feedback, asked_after) in enumerate(told):
            value = again.tell(feedback)
            assert value is None or 0 <= value <= 1, f"a value of {value} is outside of 0..1"
            assert again.tell(feedback) == value, "telling a node twice gives another value"
            if asked_after is not None:
                assert again.ask() == asked_after, f"told the same {place + 1} nodes, it asks for something else"
    _check_refusals(search.start(seed=seed))


def _grow(growth: Growth, world_seed: int) -> list[tuple[Feedback, tuple[Expansion, ...] | None]]:
    """Feedback as a random world would give it, each with what was asked after it (None: its round was not over)."""
    world = random.Random(world_seed)
    told: list[tuple[Feedback, tuple[Expansion, ...] | None]] = []
    for _ in range(_MOST_ROUNDS):
        asked = growth.ask()
        assert growth.ask() == asked, "asking twice without telling gives another answer"
        if told:
            told[-1] = (told[-1][0], asked)
        if not asked:
            return told
        _check_asked(asked, {feedback.node: feedback for feedback, _ in told})
        for parent in [expansion.node for expansion in asked for _ in range(expansion.samples)]:
            feedback = _feedback(len(told), parent, world)
            growth.tell(feedback)
            told.append((feedback, None))
    raise AssertionError(f"it still asks after {_MOST_ROUNDS} rounds in a world where every branch ends")


def _check_asked(asked: Sequence[Expansion], known: dict[int, Feedback]) -> None:
    for expansion in asked:
        assert expansion.samples >= 1, f"it asks for {expansion.samples} samples"
        assert expansion.node is None or expansion.node in known, f"it asks for node {expansion.node}, which it was never told"
        if expansion.node is not None:
            status = known[expansion.node].status
            assert status == "acted", f"it asks to expand node {expansion.node}, which is {status!r} and has no state to go on from"


def _feedback(index: int, parent: int | None, world: random.Random) -> Feedback:
    draw = world.random()
    if draw < 0.35:
        return Feedback(node=index, parent=parent, status="acted", error=False, kind="ok")
    if draw < 0.6:
        return Feedback(node=index, parent=parent, status="acted", error=True, kind="NameError")
    if draw < 0.85:
        return Feedback(node=index, parent=parent, status="answered", error=False, kind="answered", solved=world.random() < 0.5)
    endings: tuple[NodeStatus, ...] = ("void", "truncated", "repeated", "failed")
    status = world.choice(endings)
    return Feedback(node=index, parent=parent, status=status, error=False, kind=status)


def _check_refusals(growth: Growth) -> None:
    orphan = Feedback(node=5, parent=4, status="acted", error=False, kind="ok")
    first = Feedback(node=0, parent=None, status="acted", error=False, kind="ok")
    other = Feedback(node=0, parent=None, status="void", error=False, kind="void")
    _refuses(growth, orphan, "a node whose parent was never told")
    growth.tell(first)
    _refuses(growth, other, "a node told again with other content")


def _refuses(growth: Growth, feedback: Feedback, what: str) -> None:
    try:
        growth.tell(feedback)
    except ValueError:
        return
    raise AssertionError(f"it takes {what}")
