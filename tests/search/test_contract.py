"""The contract kit: every strategy passes it, and a strategy with a planted fault does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import SystemRandom

import pytest

from eagdata.contracts import Expansion, Feedback, Growth, Search
from eagdata.registry import names, plugin_class
from eagdata.search.growth import Tree
from eagdata.testing import check_search

GREEDY: dict[str, dict[str, object]] = {
    "ab_mcts": {"generations": 10**6, "solutions": 10**6},
    "beam": {"width": 25, "samples": 4, "solutions": 10**6},
    "best_first": {"samples": 3, "solutions": 10**6},
    "best_of_n": {"n": 100},
    "completions": {"lines": 9, "n": 9},
    "eag": {"attempts": 6, "width": 3, "tau": 0.3, "solutions": 10**6},
    "first_finish": {"n": 100, "finishers": 100},
    "linear_retry": {"retries": 5, "backtracks": 10**6},
    "mcts": {"iterations": 10**6, "errors": 20},
}
"""Settings with which a strategy grows on for long."""
DRAWING = ("ab_mcts", "beam", "best_first", "mcts")

T = type[Tree]
Fault = Callable[[T], T]


def strategy(name: str) -> Search:
    cls = plugin_class("search", name)
    return cls(cls.Config(**GREEDY[name]))  # type: ignore[attr-defined,no-any-return]


class Faulty:
    """A strategy in whose tree a fault is planted."""

    def __init__(self, search: Search, fault: Fault) -> None:
        self.search, self.fault = search, fault

    def start(self, *, seed: int) -> Growth:
        growth = self.search.start(seed=seed)
        growth.__class__ = self.fault(type(growth))  # type: ignore[arg-type]
        return growth


def counts_a_node_each_time_it_is_told(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def tell(self, feedback: Feedback) -> float | None:
            known = feedback.node in self.nodes
            value = super().tell(feedback)
            return self.take(feedback) if known else value  # type: ignore[no-any-return]

    return Fault


def plans_whenever_it_is_asked(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def ask(self) -> tuple[Expansion, ...]:
            self._round: dict[int | None, int] = {}
            return super().ask()  # type: ignore[no-any-return]

    return Fault


def forgets_the_round_that_it_is_in(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def _count(self, feedback: Feedback) -> None:
            super()._count(feedback)
            self._round: dict[int | None, int] = {}

    return Fault


def asks_more_of_a_tree_that_was_never_asked(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        asked = False

        def ask(self) -> tuple[Expansion, ...]:
            self.asked = self.asked or not self.nodes
            return tuple(replace(e, samples=e.samples + (not self.asked)) for e in super().ask())

    return Fault


def goes_on_from_an_answer(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def take(self, feedback: Feedback) -> float | None:
            return super().take(replace(feedback, status="acted") if feedback.status == "answered" else feedback)  # type: ignore[no-any-return]

    return Fault


def goes_on_from_a_failed_call(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def take(self, feedback: Feedback) -> float | None:
            return super().take(replace(feedback, status="acted") if feedback.status == "failed" else feedback)  # type: ignore[no-any-return]

    return Fault


def never_ends(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def ask(self) -> tuple[Expansion, ...]:
            return super().ask() or (Expansion(node=None),)

    return Fault


def looks_at_all_nodes_for_each(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def take(self, feedback: Feedback) -> float | None:
            self.failures = sum(node.status == "failed" for node in self.nodes.values())
            return super().take(feedback)  # type: ignore[no-any-return]

    return Fault


def searches_a_list_of_all_nodes(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def take(self, feedback: Feedback) -> float | None:
            self.late = list(self.nodes).index(feedback.node)
            return super().take(feedback)  # type: ignore[no-any-return]

    return Fault


def takes_any_score(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def tell(self, feedback: Feedback) -> float | None:
            return super().tell(replace(feedback, score=None))  # type: ignore[no-any-return]

    return Fault


def takes_orphans(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def tell(self, feedback: Feedback) -> float | None:
            known = feedback.parent is None or feedback.parent in self.nodes
            return super().tell(feedback) if known else None

    return Fault


def takes_a_known_node_with_other_content(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def tell(self, feedback: Feedback) -> float | None:
            bad = feedback.score is not None and not 0 <= feedback.score <= 1
            return super().tell(feedback if bad else self.nodes.get(feedback.node, feedback))  # type: ignore[no-any-return]

    return Fault


def gives_values_above_one(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def tell(self, feedback: Feedback) -> float | None:
            super().tell(feedback)
            return 1.5

    return Fault


def asks_for_no_samples(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def ask(self) -> tuple[Expansion, ...]:
            return tuple(replace(e, samples=0) for e in super().ask())

    return Fault


def asks_for_a_node_it_was_never_told(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def ask(self) -> tuple[Expansion, ...]:
            return tuple(replace(e, node=len(self.nodes)) for e in super().ask())

    return Fault


def draws_from_no_seed(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def plan(self) -> dict[int | None, int]:
            self.random = SystemRandom()
            return super().plan()  # type: ignore[no-any-return]

    return Fault


def draws_whenever_it_is_asked(base: T) -> T:
    class Fault(base):  # type: ignore[valid-type,misc]
        def ask(self) -> tuple[Expansion, ...]:
            self.random.random()
            return super().ask()  # type: ignore[no-any-return]

    return Fault


FOUND: dict[Fault, str] = {
    counts_a_node_each_time_it_is_told: "telling a node twice|asks for something else|which is '|another tree|after 20,000",
    plans_whenever_it_is_asked: "asking twice|in the middle of a round",
    forgets_the_round_that_it_is_in: "in the middle of a round|another tree|asks for something else",
    asks_more_of_a_tree_that_was_never_asked: "asks for something else",
    goes_on_from_an_answer: "which is 'answered'",
    goes_on_from_a_failed_call: "which is 'failed'",
    never_ends: "still asks after",
    looks_at_all_nodes_for_each: "not linear",
    searches_a_list_of_all_nodes: "not linear",
    takes_any_score: "takes a score",
    takes_orphans: "parent was never told",
    takes_a_known_node_with_other_content: "other content",
    gives_values_above_one: "outside of 0..1",
    asks_for_no_samples: "asks for 0 samples",
    asks_for_a_node_it_was_never_told: "never told",
}
OF_CHANCE: dict[Fault, str] = {
    draws_from_no_seed: "another value|something else|another tree",
    draws_whenever_it_is_asked: "asking twice|another value|something else|another tree",
}
HARMLESS = {
    ("plans_whenever_it_is_asked", "linear_retry"),  # its plan is where the line stands, which planning does not change
    ("forgets_the_round_that_it_is_in", "linear_retry"),  # a round of one turn has no middle
    ("forgets_the_round_that_it_is_in", "ab_mcts"),
}


@pytest.mark.parametrize("name", names("search"))
def test_a_strategy_that_grows_large_trees_keeps_its_contract(name: str) -> None:
    check_search(strategy(name))


@pytest.mark.parametrize(("fault", "name"), [(f, n) for f in FOUND for n in names("search") if (f.__name__, n) not in HARMLESS])
def test_the_kit_finds_a_planted_fault(fault: Fault, name: str) -> None:
    with pytest.raises(AssertionError, match=FOUND[fault]):
        check_search(Faulty(strategy(name), fault))


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("fault", OF_CHANCE, ids=lambda fault: fault.__name__)
def test_the_kit_finds_chance_that_is_not_of_the_seed(fault: Fault, name: str) -> None:
    with pytest.raises(AssertionError, match=OF_CHANCE[fault]):
        check_search(Faulty(strategy(name), fault))


@pytest.mark.parametrize("name", DRAWING)
def test_another_seed_may_grow_another_tree(name: str) -> None:
    def asked(seed: int) -> list[tuple[Expansion, ...]]:
        growth, rounds, depth = strategy(name).start(seed=seed), list[tuple[Expansion, ...]](), dict[int | None, int]({None: 0})
        while len(depth) < 400 and (due := growth.ask()):
            rounds.append(due)
            for parent in [e.node for e in due for _ in range(e.samples)]:
                node = len(depth) - 1
                depth[node] = depth[parent] + 1
                status = "acted" if depth[node] < 4 else "void"
                growth.tell(Feedback(node=node, parent=parent, status=status, error=False, kind=status))  # type: ignore[arg-type]
        return rounds

    assert asked(1) == asked(1)
    assert len({str(asked(seed)) for seed in range(8)}) > 1
