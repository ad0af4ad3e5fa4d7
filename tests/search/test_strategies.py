"""What each strategy asks for after given feedback."""

from __future__ import annotations

import pytest

from eagdata.contracts import Expansion, Feedback, Growth
from eagdata.search.eag import EagSearch
from eagdata.search.linear_retry import LinearRetrySearch


def ok(node: int, parent: int | None) -> Feedback:
    return Feedback(node=node, parent=parent, status="acted", error=False, kind="ok")


def error(node: int, parent: int | None) -> Feedback:
    return Feedback(node=node, parent=parent, status="acted", error=True, kind="NameError")


def answer(node: int, parent: int | None, *, solved: bool) -> Feedback:
    return Feedback(node=node, parent=parent, status="answered", error=False, kind="answered", solved=solved)


def eag(**settings: object) -> Growth:
    return EagSearch(EagSearch.Config(**settings)).start(seed=0)  # type: ignore[arg-type]


def line(**settings: object) -> Growth:
    return LinearRetrySearch(LinearRetrySearch.Config(**settings)).start(seed=0)  # type: ignore[arg-type]


def test_eag_goes_straight_on_where_all_is_well() -> None:
    growth = eag()
    assert growth.ask() == (Expansion(node=None),)
    growth.tell(ok(0, None))
    assert growth.ask() == (Expansion(node=0, samples=1),)


def test_eag_branches_at_an_error() -> None:
    growth = eag(width=3, tau=0.5)
    growth.tell(ok(0, None))
    value = growth.tell(error(1, 0))
    assert value is not None
    assert value > 0.5
    assert growth.ask() == (Expansion(node=1, samples=3),)


def test_eag_without_weight_on_errors_branches_on_information_alone() -> None:
    surprised = eag(weight_error=0.0, weight_information=1.0, tau=0.2, width=2)
    surprised.tell(error(0, None))
    assert surprised.ask() == (Expansion(node=0, samples=2),)
    indifferent = eag(weight_error=0.0, weight_information=0.1, tau=0.2, width=2)
    indifferent.tell(error(0, None))
    assert indifferent.ask() == (Expansion(node=0, samples=1),)


def test_eag_is_less_surprised_by_the_third_error_than_by_the_first() -> None:
    growth = eag()
    values = [growth.tell(error(i, i - 1 if i else None)) for i in range(3)]
    assert values[0] is not None
    assert values[2] is not None
    assert values[2] < values[0]


def test_eag_learns_more_from_a_kind_of_feedback_that_is_new_to_the_tree() -> None:
    def gain(*before: Feedback) -> float:
        growth = eag(weight_information=1.0, weight_error=0.0, weight_progress=0.0)
        for feedback in before:
            growth.tell(feedback)
        value = growth.tell(Feedback(node=len(before), parent=None, status="acted", error=True, kind="timeout"))
        assert value is not None
        return value

    usual = Feedback(node=0, parent=None, status="acted", error=True, kind="timeout")
    below = Feedback(node=1, parent=0, status="acted", error=True, kind="timeout")
    assert gain(ok(0, None), ok(1, 0)) > gain(ok(0, None), below)
    assert gain() < gain(usual)  # the posterior of one place firms with each child that is fed back the same


def test_eag_goes_on_until_it_has_the_solutions_asked_for() -> None:
    growth = eag(solutions=2)
    growth.tell(ok(0, None))
    growth.tell(error(1, 0))
    growth.tell(ok(2, 1))
    growth.tell(answer(3, 2, solved=True))
    assert growth.ask() == (Expansion(node=1),)  # the last place that was not answered from
    growth.tell(ok(4, 1))
    growth.tell(answer(5, 4, solved=True))
    assert growth.ask() == ()


def test_eag_begins_again_at_an_error_rather_than_at_a_turn_that_went_well() -> None:
    def again(first: Feedback, second: Feedback) -> tuple[Expansion, ...]:
        growth = eag(attempts=2, solutions=3)
        for feedback in (first, ok(2, 0), answer(3, 2, solved=True), second, ok(4, 1), answer(5, 4, solved=True)):
            growth.tell(feedback)
        return growth.ask()

    assert again(error(0, None), ok(1, None)) == (Expansion(node=0),)
    assert again(ok(0, None), error(1, None)) == (Expansion(node=1),)


def test_eag_branches_only_where_the_value_exceeds_tau() -> None:
    def again(tau: float) -> tuple[Expansion, ...]:
        growth = eag(tau=tau, solutions=2)
        for feedback in (ok(0, None), ok(1, 0), ok(2, 1), answer(3, 2, solved=True)):
            growth.tell(feedback)
        return growth.ask()

    assert again(0.0) == (Expansion(node=1),)
    assert again(0.5) == (Expansion(node=None),)


def test_eag_asks_again_where_a_reply_said_nothing() -> None:
    growth = eag(attempts=2)
    growth.tell(ok(0, None))
    growth.tell(ok(1, 0))
    growth.tell(Feedback(node=2, parent=1, status="void", error=False, kind="void"))
    growth.ask()
    growth.tell(Feedback(node=3, parent=1, status="void", error=False, kind="void"))
    assert growth.ask() == (Expansion(node=0),)


def test_eag_starts_over_after_a_wrong_answer_on_a_way_that_went_well() -> None:
    growth = eag()
    growth.tell(ok(0, None))
    growth.tell(ok(1, 0))
    growth.tell(answer(2, 1, solved=False))
    assert growth.ask() == (Expansion(node=None),)


def test_eag_samples_no_turn_again_that_was_answered_from() -> None:
    growth = eag(attempts=2)
    growth.tell(ok(0, None))
    growth.tell(answer(1, 0, solved=False))
    growth.tell(answer(2, None, solved=False))
    assert growth.ask() == ()


def test_eag_does_not_hammer_a_teacher_that_has_failed() -> None:
    growth = eag()
    growth.tell(Feedback(node=0, parent=None, status="failed", error=False, kind="failed"))
    assert growth.ask() == ()


def test_linear_retry_tries_a_failed_step_again_from_the_state_before_it() -> None:
    growth = line(retries=1)
    growth.tell(ok(0, None))
    growth.tell(error(1, 0))
    assert growth.ask() == (Expansion(node=0),)
    assert growth.view == "linear_retry"


def test_linear_retry_gives_a_step_up_after_its_retries() -> None:
    growth = line(retries=1)
    growth.tell(ok(0, None))
    growth.tell(error(1, 0))
    growth.tell(error(2, 0))
    assert growth.ask() == (Expansion(node=None),)
    growth.tell(ok(3, None))
    assert growth.ask() == (Expansion(node=3),)


def test_linear_retry_takes_back_the_step_whose_observation_misled() -> None:
    growth = line()
    growth.tell(ok(0, None))
    growth.tell(ok(1, 0))
    growth.tell(answer(2, 1, solved=False))
    assert growth.ask() == (Expansion(node=0),)


def test_linear_retry_ends_when_solved_or_out_of_attempts() -> None:
    solved = line()
    solved.tell(answer(0, None, solved=True))
    assert solved.ask() == ()
    spent = line(retries=0)
    spent.tell(error(0, None))
    assert spent.ask() == ()


@pytest.mark.parametrize(
    "settings", [{"width": 0}, {"width": 3, "attempts": 2}, {"solutions": 0}, {"weight_error": -1.0}, {"prior_ok": 0.0}, {"strength": 0.0}]
)
def test_eag_refuses_settings_that_make_no_sense(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|cannot"):
        eag(**settings)
