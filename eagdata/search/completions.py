"""Lines from the start, and from each of their turns lines again: what a step is worth, estimated by where its continuations end."""

from __future__ import annotations

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree


class CompletionsSearch:
    """`lines` from the root, each followed to its end; then `n` further lines from each of their turns, each followed to its end.

    Source: the completions of Math-Shepherd, Wang et al. 2024 (arXiv 2312.08935, section 3.3): a step is judged by the outcomes of N
    continuations from it, 8 in the paper. Outcomes change nothing here: every turn of a line gets its `n`. After a failed call nothing
    new is begun.
    """

    @settings
    class Config:
        lines: int = 4
        """Lines from the root, whose turns are judged."""
        n: int = 8
        """Continuations of each of their turns."""

        def __post_init__(self) -> None:
            if min(self.lines, self.n) < 1:
                raise ValueError("lines and n must be at least 1")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Completed(self.config, seed=seed)


class _Completed(Tree):
    def __init__(self, config: CompletionsSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._n = config.n
        self._tips: dict[int | None, int] = {None: config.lines}
        self._turns: list[int] = []
        """Turns of the lines, as long as those are followed."""
        self._completing = False

    def plan(self) -> dict[int | None, int]:
        if not self._tips and not self._completing and not self.faults:
            self._tips, self._completing = dict.fromkeys(self._turns, self._n), True
        tips, self._tips = self._tips, {}
        return tips

    def take(self, feedback: Feedback) -> None:
        if feedback.status == "acted":
            self._tips[feedback.node] = 1
            if not self._completing:
                self._turns.append(feedback.node)
