"""Environment augmented generation: branch where the environment's feedback says that it pays."""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Literal

from eagdata.contracts import Expansion, Feedback, Growth, settings
from eagdata.search.growth import Tree

_KINDS = 4  # ok, error, timeout or limit, answer


class EagSearch:
    """Each open branch grows by one turn a round; where a node's value exceeds the threshold, by `width` turns.

    What is known of the source (arXiv 2504.14597; its full text is not public to us). From its abstract and captions:
    decisions are guided by information gain, `g > tau`, at states of a branched transition graph. From secondary sources:
    the branch value is `V(s) = l_I * KL(P(f|a,s) || P_prior(f)) + l_P * (t/T) * 1[success] + l_C * 1[error]`, so an error is
    a reason to branch; the values of tau and of the weights are not documented anywhere.

    What is ours: the kinds of feedback, the prior, the weights, the width, the backtracking. An action was observed once,
    so P(f|a,s) is a point mass and the divergence is the surprisal `-ln P_prior(kind)`, divided by `ln K` and cut at 1. The
    prior is Dirichlet: `prior_ok` pseudo-counts for an ok observation, one for each other kind, plus what this tree has seen.
    When no branch is open and nothing is solved, the last step that still has attempts left is sampled again; not so a step
    whose observation led to a wrong answer: asked again, a teacher reads the same answer off it.
    """

    @settings
    class Config:
        tau: float = 0.5
        """Branch where the value exceeds this; values lie in 0..1."""
        width: int = 2
        """Continuations at a node that branches."""
        attempts: int = 4
        """Children that a node may have in all, backtracking included."""
        solutions: int = 2
        """Stop at so many verified answers, or when nothing is open."""
        weight_information: float = 0.4
        """l_I."""
        weight_progress: float = 0.1
        """l_P."""
        weight_error: float = 0.5
        """l_C."""
        horizon: int = 12
        """T: turns after which progress counts as complete."""
        prior_ok: float = 4.0
        """Pseudo-counts of an ok observation: most actions of a usable teacher run."""

        def __post_init__(self) -> None:
            if self.width < 1 or self.attempts < self.width or self.solutions < 1 or self.horizon < 1:
                raise ValueError("width, solutions and horizon must be at least 1, and attempts at least width")
            if min(self.weight_information, self.weight_progress, self.weight_error) < 0 or self.prior_ok <= 0:
                raise ValueError("weights cannot be negative, and prior_ok must be positive")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return _Graph(self.config)


class _Graph:
    view: Literal["direct", "linear_retry"] = "direct"

    def __init__(self, config: EagSearch.Config) -> None:
        self._config = config
        self._tree = Tree()
        self._seen: Counter[str] = Counter()
        self._wanted: dict[int | None, int] = {None: 1}  # node -> children it should have
        self._open: list[int | None] = [None]
        self._grown: list[int | None] = [None]  # nodes that had or may have children, in the order of their birth
        self._misleading: set[int | None] = set()  # nodes whose observation led to a wrong answer
        self._values: dict[int, float] = {}

    def ask(self) -> tuple[Expansion, ...]:
        if self._tree.solved >= self._config.solutions:
            return ()
        expansions = tuple(Expansion(node=n, samples=self._missing(n)) for n in self._open if self._missing(n))
        if expansions or self._tree.solved or self._tree.faults:
            return expansions
        tried = self._tree.children
        again = next((n for n in reversed(self._grown) if n not in self._misleading and len(tried[n]) < self._config.attempts), ...)
        return () if again is ... else (Expansion(node=again),)

    def tell(self, feedback: Feedback) -> float | None:
        if not self._tree.add(feedback):
            return self._values.get(feedback.node)
        if self._missing(feedback.parent) == 0 and feedback.parent in self._open:
            self._open.remove(feedback.parent)
        if feedback.status not in ("acted", "answered"):
            return None
        value = self._values[feedback.node] = self._value(feedback)
        if feedback.status == "answered" and feedback.parent is not None and not feedback.solved:
            self._misleading.add(feedback.parent)
        if feedback.status == "acted":
            self._wanted[feedback.node] = self._config.width if value > self._config.tau else 1
            self._open.append(feedback.node)
            self._grown.append(feedback.node)
        return value

    def _missing(self, node: int | None) -> int:
        return max(0, self._wanted[node] - len(self._tree.children[node]))

    def _value(self, feedback: Feedback) -> float:
        config = self._config
        kind = "answer" if feedback.status == "answered" else "error" if feedback.error else "ok"
        kind = feedback.kind if feedback.kind in ("timeout", "limit") else kind
        group = "cut" if kind in ("timeout", "limit") else kind
        prior = (self._seen[group] + (config.prior_ok if group == "ok" else 1.0)) / (
            sum(self._seen.values()) + config.prior_ok + _KINDS - 1
        )
        self._seen[group] += 1
        gain = min(1.0, -log(prior) / log(_KINDS))
        progress = min(1.0, self._tree.depth[feedback.node] / config.horizon)
        value = config.weight_information * gain + config.weight_error * feedback.error
        return min(1.0, value + config.weight_progress * progress * (not feedback.error))
