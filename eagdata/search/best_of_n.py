"""Independent attempts, side by side."""

from __future__ import annotations

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree


class BestOfNSearch:
    """`n` lines from the root, each followed to its end; no line knows of another.

    The baseline of repeated sampling: Brown et al. 2024, "Large Language Monkeys" (arXiv 2407.21787). Which of the verified branches
    is best is decided where rows are made.
    """

    @settings
    class Config:
        n: int = 4
        """Lines. ToRA keeps up to 4 valid ones a question (arXiv 2309.17452)."""

        def __post_init__(self) -> None:
            if self.n < 1:
                raise ValueError("n must be at least 1")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return Lines(self.config.n, seed=seed)


class Lines(Tree):
    """`n` lines at once, a turn each a round, until all have ended or `finishers` of them with an answer."""

    def __init__(self, n: int, *, seed: int, finishers: int | None = None) -> None:
        super().__init__(seed=seed)
        self._tips: dict[int | None, int] = {None: n}
        self._to_finish = finishers

    def plan(self) -> dict[int | None, int]:
        tips, self._tips = self._tips, {}
        return tips

    def take(self, feedback: Feedback) -> None:
        if feedback.status == "acted":
            self._tips[feedback.node] = 1
        elif feedback.status == "answered" and self._to_finish is not None:
            self._to_finish -= 1
            self.content = self._to_finish <= 0
