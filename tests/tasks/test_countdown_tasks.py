"""Countdown as Stream of Search plays it: drawn within its bounds, always with a way, the same for the same seed."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from eagdata.errors import RecipeError
from eagdata.records import Task
from eagdata.tasks.countdown import CountdownTasks
from tests.verifiers.countdown_paths import fault_of_expression


def tasks(n: int, *, seed: int = 4, **config: Any) -> list[Task]:
    return list(CountdownTasks(CountdownTasks.Config(**config)).tasks(n, seed=seed))


def puzzle(task: Task) -> tuple[list[int], int]:
    reference = cast("dict[str, Any]", task.reference)
    return reference["numbers"], reference["target"]


def test_numbers_and_targets_are_the_papers_and_every_task_has_a_way() -> None:
    drawn = tasks(150)
    for task in drawn:
        numbers, target = puzzle(task)
        assert len(numbers) == 4
        assert 1 <= min(numbers) <= max(numbers) <= 99
        assert 10 <= target <= 100
        assert fault_of_expression(task.answer or "", numbers=numbers, target=target) is None
    assert len({task.question for task in drawn}) == len(drawn) == len({task.key for task in drawn})
    assert len({n for task in drawn for n in puzzle(task)[0]}) > 90


def test_the_same_seed_gives_the_same_tasks_and_fewer_are_their_beginning() -> None:
    assert tasks(30) == tasks(40)[:30]
    assert tasks(5) != tasks(5, seed=5)


def test_sizes_and_bounds_are_settings() -> None:
    drawn = tasks(40, sizes=(3, 5), highest=20, targets=(24, 24))
    assert {len(puzzle(task)[0]) for task in drawn} == {3, 4, 5}
    assert {puzzle(task)[1] for task in drawn} == {24}
    assert max(n for task in drawn for n in puzzle(task)[0]) <= 20


@pytest.mark.parametrize(
    "config", [{"sizes": (1, 4)}, {"sizes": (4, 3)}, {"sizes": (4, 7)}, {"highest": 0}, {"targets": (9, 8)}, {"targets": (-1, 8)}]
)
def test_settings_that_draw_nothing_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        CountdownTasks.Config(**config)


def test_a_source_without_an_end_wants_a_number_and_says_when_it_is_used_up() -> None:
    with pytest.raises(RecipeError, match="no natural number"):
        CountdownTasks(CountdownTasks.Config()).tasks(None, seed=0)
    with pytest.raises(RecipeError, match="no new task"):
        tasks(20, sizes=(2, 2), highest=2, targets=(2, 2))


def test_the_question_says_nothing_of_the_answer() -> None:
    for task in tasks(30):
        assert task.answer
        assert task.answer not in task.question
        assert json.dumps(puzzle(task)[0])[1:-1].rpartition(", ")[0] in task.question
