"""One line of thought that takes a failed step back and tries again, with the failure in view."""

from __future__ import annotations

from typing import Literal

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree


class LinearRetrySearch:
    """Extend the line; after an error, a void turn or a wrong answer go back to the state before it and try again.

    A step that failed `retries` times more is given up with the step before it, and so on to the root. The teacher is shown
    the failed attempts and their observations (the view `linear_retry`). The name is that of a theorem of the a1 paper
    (arXiv 2504.14597, "Linear Retry Approximation"), whose statement is not public: the strategy is ours.
    """

    @settings
    class Config:
        retries: int = 3
        """Further attempts at a step that failed, before the step before it is retried."""
        backtracks: int = 4
        """Steps that may be given up in the whole tree."""

        def __post_init__(self) -> None:
            if self.retries < 0 or self.backtracks < 0:
                raise ValueError("retries and backtracks cannot be negative")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Line(self.config, seed=seed)


class _Line(Tree):
    view: Literal["direct", "linear_retry"] = "linear_retry"

    def __init__(self, config: LinearRetrySearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._config = config
        self._tip: int | None = None
        self._given_up = 0

    def plan(self) -> dict[int | None, int]:
        return {self._tip: 1}

    def take(self, feedback: Feedback) -> None:
        if feedback.solved or feedback.status == "failed":
            self.content = True
        elif feedback.status == "acted" and not feedback.error:
            self._tip = feedback.node
        elif feedback.status == "answered" and feedback.parent is not None:
            self._step_back(self.nodes[feedback.parent].parent)  # the step before it is what misled
        else:
            self._step_back(feedback.parent)

    def _step_back(self, to: int | None) -> None:
        """Retry at `to`; where its attempts are used up, at its parent."""
        while len(self.children[to]) > self._config.retries:
            if to is None or self._given_up == self._config.backtracks:
                self.content = True
                return
            self._given_up += 1
            to = self.nodes[to].parent
        self._tip = to
