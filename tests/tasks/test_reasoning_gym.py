from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.records import Json, Task, from_json, to_json
from eagdata.tasks.reasoning_gym import EXCLUDED, FAMILIES, ReasoningGymTasks

pytest.importorskip("reasoning_gym", reason="needs the extra reasoning-gym")

KEYS = """
import sys
from eagdata.tasks.reasoning_gym import ReasoningGymTasks
print(*(task.key for task in ReasoningGymTasks(ReasoningGymTasks.Config()).tasks(87, seed=4)))
"""


def made(n: int, *, seed: int = 0, **config: Json) -> list[Task]:
    return list(ReasoningGymTasks(ReasoningGymTasks.Config(**config)).tasks(n, seed=seed))  # type: ignore[arg-type]


def test_families_take_turns_and_no_question_comes_twice() -> None:
    tasks = made(3 * len(FAMILIES))
    assert Counter(task.family for task in tasks) == dict.fromkeys(FAMILIES, 3)
    assert len({task.question for task in tasks}) == len({task.id for task in tasks}) == len(tasks)


def test_a_task_survives_json_and_holds_what_its_judge_needs() -> None:
    for task in made(len(FAMILIES)):
        assert from_json(Task, json.dumps(to_json(task))) == task
        assert task.answer
        assert isinstance(task.reference, dict)
        assert task.reference["family"] == task.family


def test_a_seed_gives_the_same_tasks_whatever_else_is_drawn_meanwhile() -> None:
    first = made(2 * len(FAMILIES), seed=1)
    random.seed(99)
    assert made(2 * len(FAMILIES), seed=1) == first
    assert [task.question for task in made(2 * len(FAMILIES), seed=2)] != [task.question for task in first]


def test_more_tasks_begin_with_the_same_ones() -> None:
    assert made(70, seed=3)[:40] == made(40, seed=3)


def test_the_hash_seed_of_python_changes_no_task() -> None:
    root = Path(__file__).resolve().parents[2]
    runs = [
        subprocess.run(
            [sys.executable, "-c", KEYS], env=os.environ | {"PYTHONHASHSEED": seed}, cwd=root, capture_output=True, text=True, check=True
        )
        for seed in ("0", "1", "77")
    ]
    assert len({run.stdout for run in runs}) == 1
    assert len(set(runs[0].stdout.split())) == 87


def test_making_tasks_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    made(2 * len(FAMILIES))
    assert capsys.readouterr().out == ""


def test_difficulty_is_the_familys_own_setting() -> None:
    hard = made(3, families=("count_primes",), difficulty={"count_primes": {"min_n": 5000, "max_n": 9000}})
    assert all(isinstance(task.reference, dict) and task.reference["config"] == {"min_n": 5000, "max_n": 9000} for task in hard)
    assert [task.key for task in hard] != [task.key for task in made(3, families=("count_primes",))]


def test_a_family_that_runs_out_of_questions_says_so() -> None:
    with pytest.raises(RecipeError, match="no new question"):
        made(50, families=("gcd",), difficulty={"gcd": {"min_numbers": 2, "max_numbers": 2, "min_value": 1, "max_value": 2}})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"families": ("n_queens",)}, "eval"),
        ({"families": ("word_ladder",)}, "PYTHONHASHSEED"),
        ({"families": ("figlet_font",)}, "nobody"),
        ({"families": ()}, "empty"),
        ({"difficulty": {"soduku": {}}}, "soduku"),
    ],
)
def test_a_family_that_is_not_allowed_is_refused_with_the_reason(config: dict[str, Json], why: str) -> None:
    with pytest.raises(RecipeError) as raised:
        made(1, **config)
    assert why in str(raised.value)


@pytest.mark.parametrize("given", [{"min_numbers": 5, "max_numbers": 2}, {"colour": "red"}])
def test_settings_that_a_family_refuses_are_an_error_of_the_recipe(given: dict[str, Json]) -> None:
    with pytest.raises(RecipeError, match=r"difficulty\.gcd"):
        made(1, families=("gcd",), difficulty={"gcd": given})


def test_there_is_no_natural_number_of_tasks() -> None:
    with pytest.raises(RecipeError, match="no natural number"):
        ReasoningGymTasks(ReasoningGymTasks.Config()).tasks(None, seed=0)


def test_each_family_is_either_allowed_or_excluded_and_known_to_the_package() -> None:
    from reasoning_gym.factory import DATASETS

    assert not set(FAMILIES) & set(EXCLUDED)
    assert set(FAMILIES) | set(EXCLUDED) <= set(DATASETS)
