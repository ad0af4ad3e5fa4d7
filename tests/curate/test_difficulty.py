"""Difficulty: bands of solve rates, shared by the rows of a task, and rows that references solved."""

from __future__ import annotations

import json

import pytest

from eagdata.curate.difficulty import DifficultyStage
from eagdata.errors import RecipeError
from tests.curate.staging import Document, decide, kept


def stage(**settings: object) -> DifficultyStage:
    return DifficultyStage(DifficultyStage.Config(**settings))  # type: ignore[arg-type]


def reasons(built: DifficultyStage, rows: list[Document]) -> dict[int, str]:
    found = decide(built, rows, shard_rows=3).drops
    return dict(zip(found["row"].to_pylist(), found["reason"].to_pylist(), strict=True))


def test_the_band_of_open_r1_leaves_its_bounds_out() -> None:
    rates = [0.0, 0.1, 0.11, 0.5, 0.89, 0.9, 1.0]
    rows: list[Document] = [{"task": str(rate), "solve_rate": rate} for rate in rates]
    assert reasons(stage(low=0.1, high=0.9), rows) == {0: "too_hard", 1: "too_hard", 5: "too_easy", 6: "too_easy"}


def test_the_band_of_limo_is_one_to_three_of_thirty_two() -> None:
    rows: list[Document] = [{"task": str(solved), "solve_rate": solved / 32} for solved in range(33)]
    assert kept(stage(low=1 / 32, high=3 / 32, inclusive=True), rows) == rows[1:4]
    assert kept(stage(low=1 / 32, high=3 / 32), rows) == rows[2:3]


def test_rows_of_one_task_share_its_rate_from_their_verdicts() -> None:
    easy = [{"task": "easy", "verdict": "pass"} for _ in range(9)] + [{"task": "easy", "verdict": "error"}]
    mixed = [{"problem": problem, "verdict": verdict} for problem, verdict in (("What  IS it?", "pass"), ("what is it?", "fail"))]
    rows: list[Document] = [*easy, *mixed, {"task": "never", "verdict": "fail"}, {"task": "unscored", "verdict": "unscored"}]
    found = decide(stage(low=0.1, high=0.9, rate="verdict"), rows, shard_rows=4)
    assert dict(zip(found.drops["row"].to_pylist(), found.drops["reason"].to_pylist(), strict=True)) == {
        **dict.fromkeys(range(10), "too_easy"),
        12: "too_hard",
    }
    assert found.report["rate_unknown"] == 1
    evidence = json.loads(found.drops["evidence"][0].as_py())
    assert evidence == {"rate": 1.0, "rows_of_task": 10, "low": 0.1, "high": 0.9, "inclusive": False}


def test_a_mean_of_equal_rates_is_that_rate() -> None:
    rows: list[Document] = [{"task": "t", "solve_rate": 0.1}] * 3
    assert sum([0.1] * 3) / 3 > 0.1
    assert set(reasons(stage(low=0.1), rows).values()) == {"too_hard"}


def test_the_rate_may_be_a_field_of_numbers_flags_or_lists_of_them() -> None:
    for values in ([0.5, 1.0, None], [[True, False, None], [True], []], [[0.2, 0.8], [1.0], None]):
        rows: list[Document] = [{"task": str(i), "passed": value} for i, value in enumerate(values)]
        found = decide(stage(high=0.9, rate="passed"), rows)
        assert found.drops["row"].to_pylist() == [1]
        assert found.report["rate_unknown"] == 1


def test_unknown_rates_stay_and_are_counted_or_go_if_asked() -> None:
    rows: list[Document] = [{"task": "a", "solve_rate": None}, {"task": "b", "solve_rate": 0.5}, {"task": "c", "solve_rate": float("nan")}]
    assert kept(stage(low=0.1), rows) == rows
    assert decide(stage(low=0.1), rows).report["rate_unknown"] == 2
    assert reasons(stage(low=0.1, unknown="drop"), rows) == {0: "unknown_difficulty", 2: "unknown_difficulty"}


def test_a_column_of_rates_that_is_empty_is_a_missed_threshold() -> None:
    assert decide(stage(low=0.1), [{"problem": "p"}]).report["missed"] == ["no row has a rate in 'solve_rate'"]
    assert decide(stage(low=0.1), [{"problem": "p", "solve_rate": 0.5}, {}]).report["missed"] == []


def test_rows_stay_only_if_every_reference_failed() -> None:
    flags = [(False, False), (True, False), (False, True), (True, True), (None, False), (None, True)]
    rows: list[Document] = [{"problem": str(i), "small": a, "large": b} for i, (a, b) in enumerate(flags)]
    built = stage(wrong=("small", "large"))
    assert built.fields == ("large", "small")
    assert reasons(built, rows) == dict.fromkeys((1, 2, 3, 5), "solved_by_reference")
    found = decide(built, rows)
    assert [json.loads(text)["solved_by"] for text in found.drops["evidence"].to_pylist()] == [
        ["small"],
        ["large"],
        ["small", "large"],
        ["large"],
    ]
    assert found.report["wrong_unknown"] == 2
    assert reasons(stage(wrong=("small", "large"), unknown="drop"), rows)[4] == "unknown_difficulty"


def test_the_order_of_the_rows_does_not_matter_and_a_second_run_drops_nothing() -> None:
    rows: list[Document] = [{"task": str(i % 7), "verdict": "pass" if i * i % 7 < i % 5 else "fail"} for i in range(70)]
    built = stage(low=0.3, high=0.7, rate="verdict")
    assert kept(built, []) == []
    first = kept(built, rows)
    assert 0 < len(first) < len(rows)
    assert kept(built, rows[::-1]) == first[::-1]
    assert kept(built, first) == first


def test_columns_that_are_not_there_or_of_another_type_are_refused() -> None:
    with pytest.raises(RecipeError, match="no row has a value in 'pass_rate'") as found:
        decide(stage(low=0.1, rate="pass_rate"), [{"problem": "p"}])
    assert "problem" in found.value.why
    with pytest.raises(RecipeError, match="'solved' is of type string, not true or false"):
        decide(stage(wrong=("solved",)), [{"problem": "p", "solved": "No"}])
    with pytest.raises(RecipeError, match="not numbers"):
        decide(stage(low=0.1, rate="grade"), [{"problem": "p", "grade": "B"}])
    with pytest.raises(RecipeError, match="holds 3, which is no rate"):
        decide(stage(low=0.1, rate="solved"), [{"problem": "p", "solved": 3}])


@pytest.mark.parametrize(
    ("settings", "why"), [({}, "nothing to drop by"), ({"low": 0.9, "high": 0.1}, "lower first"), ({"high": 3}, "0 to 1")]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        stage(**settings)
