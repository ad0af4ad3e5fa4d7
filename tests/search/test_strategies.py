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
    growth = eag(width=3)
    growth.tell(ok(0, None))
    value = growth.tell(error(1, 0))
    assert value is not None
    assert value > 0.5
    assert growth.ask() == (Expansion(node=1, samples=3),)


def test_eag_without_weight_on_errors_branches_on_information_alone() -> None:
    surprised = eag(weight_error=0.0, weight_information=1.0)
    surprised.tell(error(0, None))
    assert surprised.ask() == (Expansion(node=0, samples=2),)
    indifferent = eag(weight_error=0.0, weight_information=0.1)
    indifferent.tell(error(0, None))
    assert indifferent.ask() == (Expansion(node=0, samples=1),)


def test_eag_is_less_surprised_by_the_third_error_than_by_the_first() -> None:
    growth = eag()
    values = [growth.tell(error(i, i - 1 if i else None)) for i in range(3)]
    assert values[0] is not None
    assert values[2] is not None
    assert values[2] < values[0]


def test_eag_goes_on_until_it_has_the_solutions_asked_for() -> None:
    growth = eag(solutions=2)
    growth.tell(error(0, None))
    growth.tell(answer(1, 0, solved=True))
    assert growth.ask() == (Expansion(node=0, samples=1),)
    growth.tell(answer(2, 0, solved=True))
    assert growth.ask() == ()


def test_eag_samples_the_last_step_again_when_every_branch_has_failed() -> None:
    growth = eag(attempts=2)
    growth.tell(ok(0, None))
    growth.tell(ok(1, 0))
    growth.tell(Feedback(node=2, parent=1, status="void", error=False, kind="void"))
    assert growth.ask() == (Expansion(node=1),)
    growth.tell(Feedback(node=3, parent=1, status="void", error=False, kind="void"))
    assert growth.ask() == (Expansion(node=0),)


def test_eag_takes_back_the_step_whose_observation_misled() -> None:
    growth = eag()
    growth.tell(ok(0, None))
    growth.tell(ok(1, 0))
    growth.tell(answer(2, 1, solved=False))
    assert growth.ask() == (Expansion(node=0),)


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
    "settings", [{"width": 0}, {"width": 3, "attempts": 2}, {"solutions": 0}, {"weight_error": -1.0}, {"prior_ok": 0.0}]
)
def test_eag_refuses_settings_that_make_no_sense(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|cannot"):
        eag(**settings)
