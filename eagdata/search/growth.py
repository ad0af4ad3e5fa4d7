"""The tree as a search sees it: what was told, by index, append-only, and the round that is due."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from random import Random
from typing import Literal

from eagdata.contracts import Expansion, Feedback


class Tree(ABC):
    """What all strategies share. A strategy says what the next round is (`plan`), and what a new node means to it (`take`).

    A round is planned once, by the first `ask` or `tell` after the round before it. So a tree that is told again without being asked
    plans the same rounds and draws the same from `random`, and in the middle of a round the rest of it is asked for. A node that no
    round asked for is taken as it comes, and the round that was due is planned anew. All bookkeeping here costs O(1) a node.
    """

    view: Literal["direct", "linear_retry"] = "direct"

    def __init__(self, *, seed: int) -> None:
        self.random = Random(seed)
        """What the strategy draws from; nothing else is random."""
        self.nodes: dict[int, Feedback] = {}
        self.children: dict[int | None, list[int]] = {None: []}
        self.depth: dict[int | None, int] = {None: 0}
        self.solved = 0
        self.faults = 0
        self.content = False
        """Set by a strategy that wants no more, also in the middle of a round."""
        self._values: dict[int, float | None] = {}
        self._round: dict[int | None, int] = {}

    @abstractmethod
    def plan(self) -> dict[int | None, int]:
        """The next round: node -> children to add, at least one; empty if there is nothing left to try."""

    @abstractmethod
    def take(self, feedback: Feedback) -> float | None:
        """Reckon with a new node, which is in the tree already; gives its value in 0..1, or None."""

    def ask(self) -> tuple[Expansion, ...]:
        """What is left of the round that is due."""
        return tuple(Expansion(node=node, samples=samples) for node, samples in self._due().items())

    def tell(self, feedback: Feedback) -> float | None:
        """Take in a node; a known one changes nothing.

        Raises: ValueError if its score lies outside of 0..1, its parent is unknown, or it is known with other content.
        """
        if feedback.score is not None and not 0 <= feedback.score <= 1:
            raise ValueError(f"node {feedback.node} has a score of {feedback.score}, outside of 0..1")
        known = self.nodes.get(feedback.node)
        if known is not None:
            if known != feedback:
                raise ValueError(f"node {feedback.node} was told before as {known}, now as {feedback}")
            return self._values[feedback.node]
        if feedback.parent not in self.children:
            raise ValueError(f"node {feedback.node} has parent {feedback.parent}, which was never told")
        self._count(feedback)
        value = self._values[feedback.node] = self.take(feedback)
        return value

    def way(self, node: int | None) -> Iterator[int | None]:
        """From `node` up to the root, which is None; both included."""
        while node is not None:
            yield node
            node = self.nodes[node].parent
        yield None

    def _due(self) -> dict[int | None, int]:
        if self.content:
            return {}
        self._round = self._round or self.plan()
        return self._round

    def _count(self, feedback: Feedback) -> None:
        due, parent = self._due(), feedback.parent
        left = due.get(parent, 0) - 1
        if left > 0:
            due[parent] = left
        elif left == 0:
            del due[parent]
        else:
            self._round = {}
        self.nodes[feedback.node] = feedback
        self.children[feedback.node] = []
        self.children[parent].append(feedback.node)
        self.depth[feedback.node] = self.depth[parent] + 1
        self.solved += feedback.solved is True
        self.faults += feedback.status == "failed"


def worth(answer: Feedback) -> float | None:
    """What an answer is worth, 0..1; None if it was not scored.

    1 where it may become a row, else the partial reward of its verifier. A full reward without a row (no executed action shows the
    answer) is worth nothing, as is a refused answer without a reward.
    """
    if answer.solved is None:
        return None
    if answer.solved:
        return 1.0
    return answer.score if answer.score is not None and answer.score < 1 else 0.0


def standing(turn: Feedback, *, depth: int) -> float:
    """How promising a node looks from outside, 0..1: any turn that ran stands before any that erred, then the deeper before the
    shallower; an answer by its worth, unscored ones in the middle. Ours: no model reads the text here, as the value models of the
    literature do."""
    if turn.status == "answered":
        value = worth(turn)
        return 0.5 if value is None else value
    return (depth / (depth + 1) + (not turn.error)) / 2 if turn.status == "acted" else 0.0
