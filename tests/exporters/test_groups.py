"""Groups for reinforcement learning, from trees made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from eagdata.exporters.groups import GroupsExporter
from eagdata.records import Task, Trace, from_json
from tests.exporters.grown import ASKED, TASK, TOOL, acted, answered, branched, disputed, leaf, retried, row, tooled, trace

EXPORTER = GroupsExporter(GroupsExporter.Config())


def groups(*made: Trace) -> list[dict[str, Any]]:
    return [dict(found) for found in EXPORTER.rows(map(row, made))]


def test_a_task_is_a_group_of_its_branches_with_a_reward_each() -> None:
    (found,) = groups(branched())
    assert [[message["content"] for message in one] for one in found["completions"]] == [
        ["a = 2", "Output:\n(no output)", "the wrong way, which ends in an error", "Error:\nno", "6"],
        ["a = 2", "Output:\n(no output)", "a + 3", "Output:\n5", "5"],
        ["a = 2", "Output:\n(no output)", "a + 3", "Output:\n5", "five"],
    ]
    assert {message["role"] for one in found["completions"] for message in one[::2]} == {"assistant"}
    assert from_json(Task, json.loads(found["task"])) == TASK
    assert {key: value for key, value in found.items() if key not in ("completions", "task")} == {
        "prompt": ASKED,
        "rewards": [0.0, 1.0, None],
        "verified": [False, True, False],
        "corrected": [False, False, False],
        "solve_rate": 0.5,  # one of two: the third was not scored
        "tools": None,
        "task_id": "t1",
    }


def test_what_is_unknown_has_no_reward_and_never_0() -> None:
    (found,) = groups(disputed())
    #                  unscored error timeout flaky  right but dropped   refused against the word of a judge
    assert found["rewards"] == [None, None, 0.0, None, 1.0, None]
    assert not any(found["verified"])


def test_a_group_of_unscored_branches_has_no_rate() -> None:
    (found,) = groups(trace(answered(None, "five"), leaves=(leaf(0, "unscored"),)))
    assert (found["rewards"], found["solve_rate"]) == ([None], None)


def test_a_branch_that_a_corrector_wrote_is_marked_and_left_out_of_the_rate() -> None:
    made = trace(
        acted(None, "a = 2"), answered(0, "6"), answered(0, "7"), answered(0, "5"),
        leaves=(leaf(1, "fail"), leaf(2, "fail"), leaf(3, "pass")), sampling={"correction": {"teacher": "better", "nodes": [3]}},
    )  # fmt: skip
    (found,) = groups(made)
    assert (found["rewards"], found["corrected"], found["solve_rate"]) == ([0.0, 0.0, 1.0], [False, False, True], 0.0)
    (all_its_own,) = groups(replace(made, sampling={}))
    assert all_its_own["solve_rate"] == 1 / 3


def test_a_task_without_an_answer_is_no_group() -> None:
    assert groups(trace(acted(None, "a = 2"), leaves=())) == []


def test_each_task_has_its_group_with_its_tools_and_what_its_teacher_saw() -> None:
    with_tools, line = groups(tooled(), retried())
    assert (with_tools["task_id"], with_tools["tools"]) == ("t2", [TOOL])
    assert with_tools["completions"][0][0]["tool_calls"][0]["function"]["arguments"] == {"code": "2+3"}
    assert [one[0]["content"] for one in line["completions"]] == ["2 +", "2 +"], "the failure that was in view"
