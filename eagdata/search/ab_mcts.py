"""Wider or deeper, as the outcomes so far advise."""

from __future__ import annotations

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree, worth


class AbMctsSearch:
    """From the root down, each turn is a choice between a new child (wider) and going below one that is there (deeper); which child is
    a second choice. All are made by Thompson sampling of Beta posteriors over outcomes in 0..1.

    Source: AB-MCTS-A with Beta posteriors, Inoue et al. 2025 (arXiv 2503.04412; SakanaAI/treequest): a node has one arm that generates
    and one that continues, and rewards are added up in the arms on the way to the root.

    Ours: there each generation is a whole answer with a score; here a reply is one turn, so a generation is followed turn by turn to
    its end, and the outcome counts: the worth of the answer, 0 for a branch that ends without one, nothing for an answer that was not
    scored or for a failed call. The first outcome below a child speaks for the arm that made the child, later ones for the arm that
    continues. A node has at most `width` children, which bounds the cost of a choice. After a failed call nothing new is begun.
    """

    @settings
    class Config:
        generations: int = 8
        """Lines followed to their end, each from a node of the tree."""
        width: int = 8
        """Children that a node may have."""
        solutions: int = 2
        """Stop at so many verified answers."""
        prior_right: float = 1.0
        """Pseudo-counts of outcome 1 in each posterior; 1 and 1 make the uniform prior."""
        prior_wrong: float = 1.0
        """Pseudo-counts of outcome 0."""

        def __post_init__(self) -> None:
            if min(self.generations, self.width, self.solutions) < 1:
                raise ValueError("generations, width and solutions must be at least 1")
            if min(self.prior_right, self.prior_wrong) <= 0:
                raise ValueError("prior_right and prior_wrong must be positive")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Arms(self.config, seed=seed)


class _Arms(Tree):
    def __init__(self, config: AbMctsSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._config = config
        self._left = config.generations
        self._tip: int | None = None  # where the line that is being followed goes on; None: at its end
        self._live: dict[int | None, dict[int, None]] = {None: {}}  # children below which something may still be made
        self._wider: dict[int | None, list[float]] = {None: self._prior()}
        self._deeper: dict[int | None, list[float]] = {None: self._prior()}
        self._below: dict[int | None, list[float]] = {}
        self._reached: set[int] = set()  # nodes below which a line has come to its end

    def plan(self) -> dict[int | None, int]:
        if self._tip is not None:
            return {self._tip: 1}
        if self._left < 1 or self.faults:
            return {}
        at: int | None = None
        while True:
            may_widen = len(self.children[at]) < self._config.width
            if self._live[at] and not (may_widen and self._draw(self._wider[at]) > self._draw(self._deeper[at])):
                at = max(self._live[at], key=lambda child: self._draw(self._below[child]))
            elif may_widen:
                return {at: 1}
            elif at is None:
                return {}
            else:
                spent, at = at, self.nodes[at].parent
                del self._live[at][spent]

    def take(self, feedback: Feedback) -> float | None:
        node = feedback.node
        self._live[node] = {}
        self._wider[node], self._deeper[node], self._below[node] = self._prior(), self._prior(), self._prior()
        self.content = self.solved >= self._config.solutions
        if feedback.status == "acted":
            self._live[feedback.parent][node] = None
            self._tip = node
            return None
        self._tip = None
        self._left -= 1
        outcome = worth(feedback) if feedback.status == "answered" else None if feedback.status == "failed" else 0.0
        if outcome is not None:
            self._credit(node, outcome)
        return outcome

    def _credit(self, leaf: int, outcome: float) -> None:
        child: int | None = leaf
        while child is not None:
            parent = self.nodes[child].parent
            arm = self._deeper[parent] if child in self._reached else self._wider[parent]
            for counts in (arm, self._below[child]):
                counts[0] += outcome
                counts[1] += 1 - outcome
            self._reached.add(child)
            child = parent

    def _prior(self) -> list[float]:
        return [self._config.prior_right, self._config.prior_wrong]

    def _draw(self, counts: list[float]) -> float:
        return self.random.betavariate(*counts)
