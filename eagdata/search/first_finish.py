"""Independent attempts, ended by the first that finishes."""

from __future__ import annotations

from eagdata.contracts import Growth, settings
from eagdata.search.best_of_n import Lines


class FirstFinishSearch:
    """`n` lines from the root at once; the first `finishers` answers end it, right or wrong.

    Source: First Finish Search, Agarwal et al. 2025 (arXiv 2505.18149): short traces are right more often than long ones, so the first
    of n samples to finish is taken. There the samples race by tokens; here by turns, and all answers of the last round count.
    """

    @settings
    class Config:
        n: int = 4
        """Lines."""
        finishers: int = 1
        """Answers that end the search; the paper's is the first."""

        def __post_init__(self) -> None:
            if not 1 <= self.finishers <= self.n:
                raise ValueError("finishers must be at least 1 and at most n")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return Lines(self.config.n, seed=seed, finishers=self.config.finishers)
