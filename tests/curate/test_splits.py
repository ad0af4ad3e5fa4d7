"""Splits: nothing that belongs together straddles them, and rows that come later move nobody."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagdata.curate.groups import joined
from eagdata.curate.splits import SplitStage
from eagdata.errors import RecipeError
from tests.curate.staging import Document, decide

SHARES = {"train": 0.8, "test": 0.2}


def stage(**settings: object) -> SplitStage:
    return SplitStage(SplitStage.Config(**settings))  # type: ignore[arg-type]


def splits(built: SplitStage, rows: list[Document], *, seed: int = 0) -> list[str]:
    found = decide(built, rows, shard_rows=97, seed=seed)
    assert found.drops.num_rows == 0
    assert found.columns is not None
    assert found.columns["row"].to_pylist() == list(range(len(rows)))
    return list(found.columns["split"].to_pylist())


def tasks(n: int, *, rows: int = 3) -> list[Document]:
    return [
        {"task": f"t{i}", "problem": "the same words", "trace_id": f"x{i % 50}", "family": f"f{i % 5}"}
        for i in range(n)
        for _ in range(rows)
    ]


def assert_together(rows: list[Document], got: list[str], *columns: str) -> None:
    for column in columns:
        seen = defaultdict(set)
        for row, name in zip(rows, got, strict=True):
            seen[row[column]].add(name)
        assert all(len(names) == 1 for names in seen.values()), column


def test_rows_of_one_task_are_in_one_split_and_the_shares_are_reached() -> None:
    rows = tasks(1000)
    got = splits(stage(shares=SHARES), rows)
    assert_together(rows, got, "task")
    assert 0.15 < got.count("test") / len(got) < 0.25  # 20 % of 1,000 groups: 3.9 standard errors
    report = decide(stage(shares=SHARES), rows).report
    assert report["splits"]["test"] == {"rows": got.count("test"), "share": round(got.count("test") / 3000, 4)}  # type: ignore[index, call-overload]
    assert (report["groups"], report["largest_group"], report["missed"]) == (1000, 3, [])


def test_other_columns_keep_rows_together_when_asked() -> None:
    rows = tasks(200)
    with pytest.raises(AssertionError, match="trace_id"):
        assert_together(rows, splits(stage(shares=SHARES), rows), "task", "trace_id")
    assert_together(rows, splits(stage(shares=SHARES, keep_together=("trace_id",)), rows), "task", "trace_id")
    both = splits(stage(shares={"train": 0.5, "test": 0.5}, keep_together=("trace_id", "family")), rows)
    assert_together(rows, both, "task", "trace_id", "family")


def test_a_problem_stands_for_the_task_where_there_is_none() -> None:
    rows: list[Document] = [{"problem": spelt} for i in range(100) for spelt in (f"What is {i}?", f"what  is\n{i}?")]
    rows += [{"task": f"t{i}", "problem": f"WHAT IS {i}?"} for i in range(100)]
    got = splits(stage(shares={"train": 0.5, "test": 0.5}), rows)
    assert set(got) == {"train", "test"}
    for i in range(100):
        assert got[2 * i] == got[2 * i + 1] == got[200 + i]


def test_rows_that_come_later_and_other_orders_move_nobody() -> None:
    rows = tasks(300)
    built = stage(shares=SHARES, keep_together=("trace_id",))
    got = splits(built, rows)
    assert splits(built, rows[::-1]) == got[::-1]
    later: list[Document] = [{"task": f"new{i}", "problem": "new", "trace_id": f"y{i}"} for i in range(500)]
    assert splits(built, later + rows)[500:] == got
    assert splits(built, rows, seed=1) != got


def test_counts_are_reached_within_a_group() -> None:
    rows = tasks(100)
    got = splits(stage(counts={"test": 31, "validation": 30}), rows)
    assert (got.count("test"), got.count("validation"), got.count("train")) == (30, 30, 240)
    assert_together(rows, got, "task")
    assert decide(stage(counts={"test": 31, "validation": 30}), rows).report["missed"] == ["test has 30 rows, asked for 31"]
    assert splits(stage(counts={"test": 31, "validation": 30}), rows[::-1]) == got[::-1]


def test_a_group_that_is_larger_than_a_split_is_told() -> None:
    rows: list[Document] = [{"task": "one"} for _ in range(90)] + [{"task": str(i)} for i in range(10)]
    report = decide(stage(counts={"test": 50}), rows).report
    assert report["largest_group"] == 90
    assert report["missed"] == ["test has 10 rows, asked for 50"]


def test_rows_that_say_nothing_and_no_rows_at_all_are_split_too() -> None:
    assert len(set(splits(stage(shares=SHARES), [{}, {"problem": ""}, {"text": ""}]))) == 1
    assert splits(stage(shares=SHARES), []) == []


def test_a_column_that_no_row_has_is_refused() -> None:
    with pytest.raises(RecipeError, match="'trace_id'"):
        decide(stage(shares=SHARES, keep_together=("trace_id",)), [{"problem": "p"}])


@pytest.mark.parametrize(
    "settings",
    [{}, {"shares": SHARES, "counts": {"test": 1}}, {"shares": {"train": 0.5}}, {"counts": {"train": 5}}, {"counts": {"test": 0}}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"shares|counts"):
        stage(**settings)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_joined_rows_are_what_a_slow_flood_finds(rows: list[tuple[int, ...]]) -> None:
    labels = list(range(len(rows)))
    for _ in rows:
        for i, one in enumerate(rows):
            for j, other in enumerate(rows):
                if any(a and a == b for a, b in zip(one, other, strict=True)):
                    labels[i] = labels[j] = min(labels[i], labels[j])
    keys = [np.array([row[k] for row in rows], dtype=np.uint64) for k in range(3)]
    assert joined(keys, len(rows)).tolist() == labels


def test_a_chain_of_a_hundred_thousand_rows_is_one_group_without_quadratic_time() -> None:
    links = np.arange(100_000, dtype=np.uint64)
    mixed = np.random.default_rng(0).permutation(100_000)
    start = time.process_time()
    assert not joined([(links // 2 + 1)[mixed], ((links + 1) // 2 + 1)[mixed]], 100_000).any()
    assert time.process_time() - start < 10  # it takes 0.1; a step at a time takes 40
