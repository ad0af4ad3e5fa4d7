"""Environment augmented generation: branch where the environment's feedback says that it pays."""

from __future__ import annotations

from collections import Counter
from math import log

from eagdata.contracts import Feedback, Growth, settings
from eagdata.search.growth import Tree

_KINDS = ("ok", "error", "cut", "answer", "nothing")


class EagSearch:
    """Branches where the value of a turn exceeds `tau`: at once, if `width` is more than 1; else when all branches have ended, and then
    where another attempt promises most for a call, the start of the task included. All open branches grow by a turn a round.

    The seed (arXiv 2504.14597, abstract and captions; its full text is not public to us): decisions are guided by information gain,
    `g > tau`, at states of a branched state transition graph, and the environment's feedback is structured.

    Secondary sources: the branch value is `V(s) = l_I * KL(P(f|a,s) || P_prior(f)) + l_P * (t/T) * 1[success] + l_C * 1[error]`, so an
    error is a reason to branch. Tau and the weights are documented nowhere.

    Ours: all else. Kinds of feedback: ok, error, cut (time or another limit), answer, nothing. `P_prior` is Dirichlet over all that this
    tree was fed back: `prior_ok` pseudo-counts of ok, one of each other kind. `P(f|a,s)` is the posterior at the place: `strength`
    pseudo-observations of that prior, and what the children of the same turn were fed back. The divergence is divided by `ln K`.

    Where a branch begins again: `hope * (1 + V) / cost`, compared from the root down. `hope` is the share of verified answers at and
    below a turn, smoothed by `strength` observations of its parent's; `cost` the turns left of a branch of mean length. So a wrong
    answer sends it back towards the start, a right one to the last fork that is known to lead somewhere. A turn that was answered
    from is no such place: asked again, a teacher reads the same answer off it. After a failed call nothing new is begun.
    """

    @settings
    class Config:
        """`tau` and `width` are what `benchmarks/search.py` chose: the others that it compares find fewer verified paths in the same calls.
        The weights it cannot tell from 0; they are ours."""

        tau: float = 0.0
        """Branch at a turn only if its value exceeds this; values lie in 0..1. At 0 any turn may be branched at, those that promise
        most first."""
        width: int = 1
        """Continuations at a turn that branches at once; 1: each fork waits for a branch to end, and is made where it promises most."""
        attempts: int = 4
        """Children that a turn may have in all."""
        solutions: int = 2
        """Stop at so many verified answers, or when nothing is left to try."""
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
        strength: float = 1.0
        """Observations that a prior counts for: of feedback at a turn, and of answers below it."""

        def __post_init__(self) -> None:
            if self.width < 1 or self.attempts < self.width or self.solutions < 1 or self.horizon < 1:
                raise ValueError("width, solutions and horizon must be at least 1, and attempts at least width")
            if min(self.weight_information, self.weight_progress, self.weight_error) < 0:
                raise ValueError("weights cannot be negative")
            if min(self.prior_ok, self.strength) <= 0:
                raise ValueError("prior_ok and strength must be positive")

    def __init__(self, config: Config) -> None:
        self.config = config

    def start(self, *, seed: int) -> Growth:
        return Graph(self.config, seed=seed)


class Graph(Tree):
    """The tree of `EagSearch`: what was fed back in all and at each turn, and how the branches below it ended."""

    def __init__(self, config: EagSearch.Config, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._config = config
        self._open: dict[int | None, int] = {None: 1}  # turn -> continuations of the next round
        self._value: dict[int | None, float] = {None: 0.0}
        self._seen = Counter[str]()
        self._seen_at: dict[int | None, Counter[str]] = {None: Counter()}
        self._right: dict[int | None, int] = {None: 0}
        self._ends: dict[int | None, int] = {None: 0}
        self._turns = 0  # of all branches that were answered
        self._shut = set[int | None]()  # turns that no branch begins again at
        self._live: dict[int | None, dict[int, None]] = {None: {}}  # children at or below which attempts may be left

    def plan(self) -> dict[int | None, int]:
        opened, self._open = self._open, {}
        return opened or ({} if self.faults else self._again())

    def take(self, feedback: Feedback) -> float | None:
        node, parent = feedback.node, feedback.parent
        self._seen_at[node], self._right[node], self._ends[node], self._live[node] = Counter(), 0, 0, {}
        self.content = self.solved >= self._config.solutions
        if feedback.status == "failed":
            return None
        value = self._value[node] = self._gauge(feedback)
        if feedback.status == "acted":
            telling = value > self._config.tau
            self._open[node] = self._config.width if telling else 1
            if not telling:
                self._shut.add(node)
            self._live[parent][node] = None
        elif feedback.status == "answered":
            self._shut |= {parent} - {None}
            self._turns += self.depth[node]
            for at in self.way(node):
                self._right[at] += feedback.solved is True
                self._ends[at] += 1
        elif feedback.status == "repeated":
            self._ends[parent] += 1  # there, it has nothing new to say
        return value

    def _gauge(self, feedback: Feedback) -> float:
        """The value of a turn. The prior is what was fed back before it, the posterior knows of it."""
        config, kind = self._config, _kind(feedback)
        here = self._seen_at[feedback.parent]
        here[kind] += 1
        counts = {k: self._seen[k] + (config.prior_ok if k == "ok" else 1.0) for k in _KINDS}
        self._seen[kind] += 1
        total, n = sum(counts.values()), sum(here.values())
        gain = 0.0
        for k, count in counts.items():
            prior = count / total
            posterior = (config.strength * prior + here[k]) / (config.strength + n)
            gain += posterior * log(posterior / prior)
        progress = min(1.0, self.depth[feedback.node] / config.horizon) if kind in ("ok", "answer") else 0.0
        information = min(1.0, gain / log(len(_KINDS)))
        value = config.weight_information * information + config.weight_progress * progress + config.weight_error * feedback.error
        return min(1.0, value)

    def _again(self) -> dict[int | None, int]:
        """Where to begin another branch, as going down from the root finds it; empty if all attempts are used up."""
        way: list[tuple[int | None, float]] = [(None, self._hope(None, 0.5))]
        while way:
            at, hope = way[-1]
            here = len(self.children[at]) < self._config.attempts and at not in self._shut
            below = max(((self._promise(child, h := self._hope(child, hope)), child, h) for child in self._live[at]), default=None)
            if below and not (here and self._promise(at, hope) >= below[0]):
                way.append(below[1:])
            elif here:
                return {at: 1}
            else:
                way.pop()
                if at is not None:
                    del self._live[way[-1][0]][at]
        return {}

    def _hope(self, node: int | None, above: float) -> float:
        return (self._right[node] + self._config.strength * above) / (self._ends[node] + self._config.strength)

    def _promise(self, node: int | None, hope: float) -> float:
        left = self._turns / self._ends[None] - self.depth[node] if self._turns else 0.0
        return hope * (1 + self._value[node]) / max(1.0, left)


def _kind(feedback: Feedback) -> str:
    if feedback.status != "acted":
        return "answer" if feedback.status == "answered" else "nothing"
    return "cut" if feedback.kind in ("timeout", "limit") else "error" if feedback.error else "ok"
