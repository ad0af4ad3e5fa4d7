"""Rows of real sets, where a folder of them lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.importers.sources import open_sources
from tests.importers.reading import documents

REAL = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not REAL.exists(), reason="no folder of real data")


def test_word_problems_have_problem_answer_and_text() -> None:
    for name, rows, with_text in (("gsm8k_train", 2_500, 2_500), ("svamp", 1_000, 1_000), ("aqua", 508, 508)):
        found = documents(open_sources([str(REAL / f"{name}.jsonl")]))
        assert (len(found), sum(bool(one["text"]) for one in found)) == (rows, with_text)
        assert all(one["problem"] and one["id"].startswith(("gsm8k-", "chal-", "aqua-")) for one in found)
        assert name == "aqua" or all(one["answer"] for one in found)
    gsm8k = documents(open_sources([str(REAL / "gsm8k_train.jsonl")]))
    assert all(one["final"].replace(",", "") == one["answer"].replace(",", "") for one in gsm8k)


def test_sampled_solutions_are_turns_and_their_scores_a_solve_rate() -> None:
    found = documents(open_sources([str(REAL / "qwen_math_cot_samples.jsonl")]))
    assert len(found) == 100
    assert all(one["turns"] and 0 <= one["solve_rate"] <= 1 for one in found)
    assert len({one["solve_rate"] for one in found}) > 3


def test_sets_of_different_shapes_are_read_together() -> None:
    names = ("gsm8k_train", "svamp", "qwen_math_cot_samples")
    sources = open_sources([str(REAL / f"{name}.jsonl") for name in names])
    assert [one["format"] for one in sources.described] == ["question", "question", "tora_samples"]
    assert [one["row"] for one in documents(sources)] == list(range(3_600))


def test_search_trees_are_no_rows_that_can_be_curated() -> None:
    with pytest.raises(RecipeError, match="no known format") as refused:
        open_sources([str(REAL / "tot_game24_gpt4_trees.jsonl")])
    assert "infos, steps" in refused.value.why
