"""The best few of each depth go on."""

from __future__ import annotations

from heapq import nlargest

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree, standing


class BeamSearch:
    """Of all turns of one depth the best `width` go on, with `samples` continuations each; the root starts with `width * samples`.

    The shape is that of step-level beam search in Snell et al. 2024 (arXiv 2408.03314): N first steps, the top N/M kept, M continuations
    of each. There a reward model ranks the steps; here what a search may know does: `standing`, ties by the seed.
    """

    @settings
    class Config:
        width: int = 2
        """Turns of a depth that go on."""
        samples: int = 2
        """Continuations of each."""
        solutions: int = 2
        """Stop at so many verified answers, or when no line is left."""

        def __post_init__(self) -> None:
            if min(self.width, self.samples, self.solutions) < 1:
                raise ValueError("width, samples and solutions must be at least 1")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Beam(self.config, seed=seed)


class _Beam(Tree):
    def __init__(self, config: BeamSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._config = config
        self._ranked: list[tuple[float, float, int]] = []  # value, tie, node: the turns of the newest depth

    def plan(self) -> dict[int | None, int]:
        if not self.nodes:
            return {None: self._config.width * self._config.samples}
        best, self._ranked = nlargest(self._config.width, self._ranked), []
        return {node: self._config.samples for _, _, node in best}

    def take(self, feedback: Feedback) -> float:
        value = standing(feedback, depth=self.depth[feedback.node])
        if feedback.status == "acted":
            self._ranked.append((value, self.random.random(), feedback.node))
        self.content = self.solved >= self._config.solutions
        return value
