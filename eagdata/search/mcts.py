"""Monte Carlo tree search over turns."""

from __future__ import annotations

from math import inf, log, sqrt
from typing import Literal

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree, worth


class MctsSearch:
    """Each iteration goes down from the root by the selection rule and expands as it goes, until an expansion brings an answer or
    leaves nothing to go on from. All that it sees stays in the tree.

    Terminal rules of rStar-Math (arXiv 2501.04519; microsoft/rStar, branch rStar-math, commit b3c1846185f4): a right answer backs up +1
    to the root, a wrong one -1; a turn that completes `errors` errors in a row, is void, repeats or is cut at the depth limit, ends its
    branch with -1 on itself alone. Selection: UCT, q + c sqrt(ln N / n), Kocsis and Szepesvari 2006; PUCT, q + c P sqrt(N) / (1 + n),
    Silver et al. 2017, with the uniform prior P, since a search knows no policy.

    Ours: partial rewards back up in between; a branch that has nothing left to try is not selected again, so that no iteration is spent
    on it; equal turns go ok before error, then by the seed. A failed call counts as no visit.
    """

    @settings
    class Config:
        iterations: int = 8
        """Descents from the root; rStar-Math's first round has 8, later ones 16."""
        candidates: int = 5
        """Continuations at an expansion; rStar-Math's first round has 5, later ones 8."""
        selection: Literal["uct", "puct"] = "puct"
        c: float = 2.0
        """Weight of exploration; rStar-Math's c_puct is 2."""
        errors: int = 2
        """Errors in a row that end a branch; rStar-Math's bootstrap round has 2, later ones 1."""
        solutions: int | None = None
        """Stop at so many verified answers; None: use all iterations, which makes the Q values worth more."""

        def __post_init__(self) -> None:
            if min(self.iterations, self.candidates, self.errors) < 1 or (self.solutions is not None and self.solutions < 1):
                raise ValueError("iterations, candidates, errors and solutions must be at least 1")
            if self.c < 0:
                raise ValueError("c cannot be negative")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return Descents(self.config, seed=seed)


class Descents(Tree):
    """The tree of `MctsSearch`, with visits and Q values by node; the root is None."""

    def __init__(self, config: MctsSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.visits: dict[int | None, int] = {None: 0}
        self._config = config
        self._sums: dict[int | None, float] = {None: 0.0}  # of what was backed up, each in -1..1
        self._streaks: dict[int | None, int] = {None: 0}  # errors in a row, up to this node
        self._live: dict[int | None, dict[int, None]] = {None: {}}  # children below which something is left to try
        self._at: int | None = None
        self._answered = False
        self._left = config.iterations

    def q(self, node: int | None) -> float | None:
        """Mean of what was backed up to `node`, mapped from -1..1 to 0..1; None if it was never visited. It grows with the tree;
        `tell` gives the value of the moment."""
        return 0.5 + 0.5 * self._sums[node] / self.visits[node] if self.visits[node] else None

    def plan(self) -> dict[int | None, int]:
        if self.children[self._at] and (self._answered or not self._live[self._at]):
            self._at, self._answered, self._left = None, False, self._left - 1
        while self._left > 0:
            if not self.children[self._at]:
                return {self._at: self._config.candidates}
            if self._live[self._at]:
                self._at = max(self._live[self._at], key=self._rank)
            elif self._at is not None:
                spent, self._at = self._at, self.nodes[self._at].parent
                del self._live[self._at][spent]
            else:
                break
        return {}

    def take(self, feedback: Feedback) -> float | None:
        node, parent = feedback.node, feedback.parent
        self.visits[node], self._sums[node], self._live[node] = 0, 0.0, {}
        self._streaks[node] = self._streaks[parent] + 1 if feedback.error else 0
        self._answered |= feedback.status == "answered"
        self.content = self._config.solutions is not None and self.solved >= self._config.solutions
        if feedback.status == "acted" and self._streaks[node] < self._config.errors:
            self._live[parent][node] = None
        elif feedback.status == "answered":
            self._back_up(node, worth(feedback))
        elif feedback.status != "failed":
            self.visits[node], self._sums[node] = 1, -1.0
        return self.q(node)

    def _back_up(self, node: int, value: float | None) -> None:
        if value is None:
            return
        for at in self.way(node):
            self.visits[at] += 1
            self._sums[at] += 2 * value - 1

    def _rank(self, node: int) -> tuple[float, bool, float]:
        n, parent = self.visits[node], self.nodes[node].parent
        above = self.visits[parent]
        mean = self._sums[node] / n if n else 0.0
        if self._config.selection == "puct":
            bound = mean + self._config.c * sqrt(above) / len(self.children[parent]) / (1 + n)
        else:
            bound = mean + self._config.c * sqrt(log(above) / n) if n else inf
        return bound, not self.nodes[node].error, self.random.random()
