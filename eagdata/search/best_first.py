"""Always the most promising turn next."""

from __future__ import annotations

from heapq import heappop, heappush

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree, standing


class BestFirstSearch:
    """One queue of all open turns by value; the best is expanded once, by `samples` continuations.

    Source of the method: Pearl 1984, "Heuristics"; with language models: Koh et al. 2024, "Tree Search for Language Model Agents"
    (arXiv 2407.01476), where a model values a state. Here `standing` does: turns that ran before turns that erred, the deeper first, so
    that it dives and comes back to the last fork; ties by the seed.
    """

    @settings
    class Config:
        samples: int = 2
        """Continuations of the turn that is expanded."""
        solutions: int = 2
        """Stop at so many verified answers, or when the queue is empty."""

        def __post_init__(self) -> None:
            if min(self.samples, self.solutions) < 1:
                raise ValueError("samples and solutions must be at least 1")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Queue(self.config, seed=seed)


class _Queue(Tree):
    def __init__(self, config: BestFirstSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._config = config
        self._open: list[tuple[float, float, int | None]] = [(0.0, 0.0, None)]  # -value, tie, node

    def plan(self) -> dict[int | None, int]:
        return {heappop(self._open)[2]: self._config.samples} if self._open else {}

    def take(self, feedback: Feedback) -> float:
        value = standing(feedback, depth=self.depth[feedback.node])
        if feedback.status == "acted":
            heappush(self._open, (-value, self.random.random(), feedback.node))
        self.content = self.solved >= self._config.solutions
        return value
