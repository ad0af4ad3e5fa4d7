"""Branches with their labels for KTO, from trees made by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eagdata.errors import RecipeError
from eagdata.exporters.unpaired import UnpairedExporter
from eagdata.records import Appeal, Trace, well_formed
from tests.exporters.grown import ASKED, HOSTILE, TOOL, answered, branched, disputed, hostile, leaf, retried, row, tooled, trace

EXPORTER = UnpairedExporter(UnpairedExporter.Config())


def labelled(made: Trace) -> list[dict[str, Any]]:
    return [dict(found) for found in EXPORTER.rows([row(made)])]


def words(found: dict[str, Any]) -> list[str]:
    return [message["content"] for message in found["completion"]]


def test_a_verified_leaf_is_true_and_a_refused_one_false() -> None:
    wrong, right = labelled(branched())
    assert right == {
        "prompt": ASKED,
        "completion": [
            {"role": "assistant", "content": "a = 2"},
            {"role": "user", "content": "Output:\n(no output)"},
            {"role": "assistant", "content": "a + 3"},
            {"role": "user", "content": "Output:\n5"},
            {"role": "assistant", "content": "5"},
        ],
        "label": True,
        "tools": None,
        "task_id": "t1",
    }
    assert wrong["label"] is False
    assert words(wrong) == ["a = 2", "Output:\n(no output)", "the wrong way, which ends in an error", "Error:\nno", "6"]


def test_unknown_is_not_false() -> None:
    assert labelled(disputed()) == []


def test_a_judge_that_agrees_with_the_verifier_leaves_no_doubt_and_a_hack_is_false() -> None:
    refused = trace(
        answered(None, "6"), answered(None, "7"), leaves=(leaf(0, "fail"), leaf(1, "hack")),
        appeals=(Appeal(node=0, judge="j", granted=False, evidence="another number"),),
    )  # fmt: skip
    assert [found["label"] for found in labelled(refused)] == [False, False]


def test_a_line_of_retries_shows_what_the_teacher_saw() -> None:
    assert words(labelled(retried())[0]) == [
        "2 +",
        "Error:\nbad\n(The state is back to what it was before this step.)",
        "That failed. 2 + 3",
        "Output:\n5",
        "6",
    ]


def test_tool_calls_and_hostile_text_are_kept() -> None:
    right, _ = labelled(tooled())
    assert right["tools"] == [TOOL]
    assert right["completion"][0] == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "cNone", "type": "function", "function": {"name": "python", "arguments": {"code": "2+3"}}}],
    }
    assert right["completion"][1] == {"role": "tool", "content": "Output:\n5", "tool_call_id": "cNone", "name": "python"}
    assert words(labelled(hostile())[0])[1:] == [f"Output:\n{well_formed(HOSTILE)}", well_formed(HOSTILE)]


def test_a_tree_that_is_none_is_refused_with_its_name() -> None:
    whole = row(branched())
    looped, astray, twice = (json.loads(whole["trace"]) for _ in range(3))
    looped["nodes"][1]["parent"] = 3
    astray["leaves"][0]["node"] = 99
    twice["leaves"][0]["node"] = twice["leaves"][1]["node"]
    lists = "[" * 100_000
    for broken in (
        {"trace": None},
        {"trace": "{}"},
        {"prompt": lists},
        {"prompt": '["x"]'},
        *({"trace": json.dumps(one)} for one in (looped, astray, twice)),
    ):
        with pytest.raises(RecipeError, match=r"is no trace of eagdata") as refused:
            list(EXPORTER.rows([{**whole, **broken}]))
        assert repr(whole["id"]) in refused.value.what
    with pytest.raises(RecipeError, match=r"is no trace of eagdata"):
        list(EXPORTER.rows([{"id": "x"}]))
