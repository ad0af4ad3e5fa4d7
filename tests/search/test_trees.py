"""What the strategies that keep lines, beams, queues and statistics ask for after given feedback."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from eagdata.contracts import Expansion, Feedback, Growth
from eagdata.registry import plugin_class
from eagdata.search.growth import Tree, standing, worth
from eagdata.search.mcts import Descents, MctsSearch


def ok(node: int, parent: int | None) -> Feedback:
    return Feedback(node=node, parent=parent, status="acted", error=False, kind="ok")


def error(node: int, parent: int | None) -> Feedback:
    return Feedback(node=node, parent=parent, status="acted", error=True, kind="NameError")


def answer(node: int, parent: int | None, *, solved: bool | None, score: float | None = None) -> Feedback:
    return Feedback(node=node, parent=parent, status="answered", error=False, kind="answered", solved=solved, score=score)


def void(node: int, parent: int | None) -> Feedback:
    return Feedback(node=node, parent=parent, status="void", error=False, kind="void")


def start(name: str, *told: Feedback, seed: int = 0, **settings: Any) -> Growth:  # Any: the values of a Config
    cls = plugin_class("search", name)
    growth: Growth = cls(cls.Config(**settings)).start(seed=seed)  # type: ignore[attr-defined]
    for feedback in told:
        growth.tell(feedback)
    return growth


def test_an_answer_is_worth_one_only_if_it_may_become_a_row() -> None:
    assert worth(answer(0, None, solved=True, score=1.0)) == 1
    assert worth(answer(0, None, solved=False, score=0.4)) == 0.4
    assert worth(answer(0, None, solved=False, score=1.0)) == 0
    assert worth(answer(0, None, solved=None)) is None


def test_a_turn_that_ran_stands_before_any_that_erred_and_deep_before_shallow() -> None:
    ranked = [ok(0, None), error(0, None), void(0, None)]
    assert standing(ok(0, None), depth=1) > standing(error(0, None), depth=100)
    assert standing(ok(0, None), depth=3) > standing(ok(0, None), depth=2)
    assert [standing(turn, depth=1) for turn in ranked] == sorted((standing(turn, depth=1) for turn in ranked), reverse=True)


def test_best_of_n_follows_each_line_to_its_end_and_no_further() -> None:
    growth = start("best_of_n", n=2)
    assert growth.ask() == (Expansion(node=None, samples=2),)
    growth.tell(ok(0, None))
    growth.tell(error(1, None))
    assert growth.ask() == (Expansion(node=0), Expansion(node=1))
    growth.tell(answer(2, 0, solved=True))
    growth.tell(ok(3, 1))
    assert growth.ask() == (Expansion(node=3),)
    growth.tell(void(4, 3))
    assert growth.ask() == ()


def test_first_finish_ends_at_the_answer_that_it_was_to_wait_for() -> None:
    told = (ok(0, None), ok(1, None), ok(2, None), void(3, 0), answer(4, 1, solved=False))
    assert start("first_finish", *told, n=3).ask() == ()
    patient = start("first_finish", *told, ok(5, 2), n=3, finishers=2)
    assert patient.ask() == (Expansion(node=5),)
    patient.tell(answer(6, 5, solved=True))
    assert patient.ask() == ()


def test_beam_keeps_the_best_of_a_depth() -> None:
    growth = start("beam", width=2, samples=2)
    assert growth.ask() == (Expansion(node=None, samples=4),)
    for turn in (error(0, None), ok(1, None), void(2, None), ok(3, None)):
        growth.tell(turn)
    assert {e.node for e in growth.ask()} == {1, 3}
    assert {e.samples for e in growth.ask()} == {2}


def test_beam_falls_back_on_errors_where_nothing_ran() -> None:
    growth = start("beam", error(0, None), void(1, None), width=1, samples=2)
    assert growth.ask() == (Expansion(node=0, samples=2),)


def test_best_first_dives_and_comes_back_to_the_last_fork() -> None:
    growth = start("best_first", ok(0, None), ok(1, None))
    (first,) = growth.ask()
    assert first.node in (0, 1)
    growth.tell(error(2, first.node))
    growth.tell(void(3, first.node))
    (second,) = growth.ask()
    assert second.node == 1 - first.node  # it ran, and the deeper one did not
    growth.tell(void(4, second.node))
    growth.tell(void(5, second.node))
    assert growth.ask() == (Expansion(node=2, samples=2),)


@pytest.mark.parametrize("name", ["beam", "best_first", "eag", "ab_mcts", "mcts"])
def test_a_tree_ends_with_the_solutions_asked_for(name: str) -> None:
    growth = start(name, answer(0, None, solved=True), solutions=1)
    assert growth.ask() == ()


def mcts(*told: Feedback, **settings: Any) -> Descents:  # Any: as in start
    growth = start("mcts", *told, **settings)
    assert isinstance(growth, Descents)
    return growth


def test_mcts_backs_an_answer_up_to_the_root_and_a_dead_end_to_nobody() -> None:
    growth = mcts(ok(0, None), ok(1, None), answer(2, 0, solved=True), void(3, 0), candidates=2)
    assert [growth.visits[node] for node in (None, 0, 1, 2, 3)] == [1, 1, 0, 1, 1]
    assert [growth.q(node) for node in (None, 0, 1, 2, 3)] == [1.0, 1.0, None, 1.0, 0.0]
    growth.tell(answer(4, 1, solved=False))
    assert growth.q(None) == 0.5
    growth.tell(answer(5, 1, solved=None))
    assert growth.visits[None] == 2


def test_mcts_gives_up_a_branch_at_the_second_error_in_a_row() -> None:
    growth = mcts(error(0, None), candidates=1)
    assert growth.ask() == (Expansion(node=0),)
    growth.tell(error(1, 0))
    assert growth.q(1) == 0
    assert growth.q(0) is None
    assert growth.ask() == ()
    assert mcts(error(0, None), ok(1, 0), error(2, 1), candidates=1).ask() == (Expansion(node=2),)


def test_mcts_counts_no_failed_call_as_a_visit() -> None:
    growth = mcts(Feedback(node=0, parent=None, status="failed", error=False, kind="failed"), candidates=1)
    assert growth.visits[0] == 0
    assert growth.ask() == ()


@pytest.mark.parametrize("selection", ["uct", "puct"])
def test_mcts_goes_where_the_answers_were_right(selection: str) -> None:
    growth = mcts(
        ok(0, None), ok(1, None), ok(2, 0), answer(3, 0, solved=True), ok(4, 1), answer(5, 1, solved=False),
        candidates=2, c=0.1, selection=selection,
    )  # fmt: skip
    assert growth.ask() == (Expansion(node=2, samples=2),)


def test_mcts_looks_at_all_candidates_before_it_trusts_one() -> None:
    growth = mcts(ok(0, None), ok(1, None), candidates=2, c=2.0)
    (dive,) = growth.ask()
    for node in (2, 3):
        growth.tell(answer(node, dive.node, solved=True))
    assert [e.node for e in growth.ask()] == [1 - (dive.node or 0)]


def test_mcts_ends_after_its_iterations() -> None:
    growth = mcts(candidates=2, iterations=2)
    expanded = 0
    while asked := growth.ask():
        expanded += 1
        for k in range(2):
            node = len(growth.nodes)
            growth.tell(answer(node, asked[0].node, solved=False) if k else ok(node, asked[0].node))
    assert expanded == 2


def generations(rewards: dict[int | None, float], *, seed: int, lines: int) -> Counter[int | None]:
    """Where lines of two turns start in a world in which a line from a node is right with the chance given (else 0)."""
    growth, begun = start("ab_mcts", seed=seed, generations=lines, width=10**6, solutions=10**6), Counter[int | None]()
    assert isinstance(growth, Tree)
    while asked := growth.ask():
        at = asked[0].node
        node = len(growth.nodes)
        if at is None or growth.children[at]:
            begun[at] += 1
        deep = growth.depth[at] >= 1
        right = growth.random.random() < rewards.get(at, 0.0)
        growth.tell(answer(node, at, solved=right) if deep else ok(node, at))
    return begun


def test_ab_mcts_follows_a_line_to_its_end_before_it_chooses_again() -> None:
    growth = start("ab_mcts", ok(0, None), error(1, 0))
    assert growth.ask() == (Expansion(node=1),)


def test_ab_mcts_goes_deeper_where_continuing_pays_and_wider_where_it_does_not() -> None:
    pays, fails = Counter[int | None](), Counter[int | None]()
    for seed in range(10):
        pays += generations({0: 1.0}, seed=seed, lines=40)
        fails += generations({}, seed=seed, lines=40)
    assert pays[0] > 2 * pays[None]
    assert fails[None] > fails[0]


def test_ab_mcts_begins_nothing_new_after_a_failed_call_or_its_last_generation() -> None:
    assert start("ab_mcts", Feedback(node=0, parent=None, status="failed", error=False, kind="failed")).ask() == ()
    assert start("ab_mcts", answer(0, None, solved=False), generations=1).ask() == ()


def test_ab_mcts_widens_no_node_beyond_its_width() -> None:
    assert start("ab_mcts", answer(0, None, solved=False), answer(1, None, solved=False), width=2).ask() == ()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("best_of_n", {"n": 0}),
        ("first_finish", {"n": 2, "finishers": 3}),
        ("beam", {"width": 0}),
        ("best_first", {"samples": 0}),
        ("mcts", {"iterations": 0}),
        ("mcts", {"solutions": 0}),
        ("mcts", {"c": -1.0}),
        ("ab_mcts", {"width": 0}),
        ("ab_mcts", {"prior_wrong": 0.0}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|cannot"):
        start(name, **settings)


def test_the_default_settings_of_mcts_are_the_published_first_round() -> None:
    config = MctsSearch.Config()
    assert (config.iterations, config.candidates, config.c, config.errors) == (8, 5, 2.0, 2)
