"""Records of the verifiers package, from trees made by hand."""

from __future__ import annotations

from typing import Any

from eagdata.exporters.verifiers import VerifiersExporter
from eagdata.records import Failure, Trace, well_formed
from tests.exporters.grown import ASKED, HOSTILE, TASK, TOOL, branched, hostile, retried, row, tooled, trace


def records(*made: Trace, form: Any = "branches") -> list[dict[str, Any]]:
    return [dict(found) for found in VerifiersExporter(VerifiersExporter.Config(form=form)).rows(map(row, made))]


def lines(found: dict[str, Any]) -> list[list[str]]:
    """The texts of each root-to-leaf path of a trace, as their `Trace.branches` walks them."""
    nodes = found["nodes"]
    ends = set(range(len(nodes))) - {node["parent"] for node in nodes}
    paths = []
    for end in sorted(ends):
        path, at = [], end
        while at is not None:
            path.append(nodes[at]["message"]["content"])
            at = nodes[at]["parent"]
        paths.append(path[::-1])
    return paths


def test_the_leaves_of_a_tree_are_the_traces_of_an_episode() -> None:
    made = branched()
    (found,) = records(made)
    assert (found["id"], found["env"], found["ok"], found["errors"]) == (made.id, {"id": "eagdata/sums"}, True, [])
    assert found["task"]["key"] == TASK.key
    assert found["task"]["data"] == {
        "idx": 0, "id": "t1", "prompt": ASKED, "answer": "5", "reference": {"value": 5}, "verifier": "number",
        "environment": "python", "family": "sums", "source": "here", "license": "MIT", "split": "train",
    }  # fmt: skip
    assert [one["id"] for one in found["traces"]] == [made.branch_id(one) for one in made.leaves]
    right = found["traces"][1]
    assert right["task"] == found["task"]
    assert right["nodes"] == [
        {"parent": None, "message": {"role": "system", "content": "Act."}, "sampled": False},
        {"parent": 0, "message": {"role": "user", "content": "2+3?"}, "sampled": False},
        {"parent": 1, "message": {"role": "assistant", "content": "a = 2"}, "sampled": True},
        {"parent": 2, "message": {"role": "user", "content": "Output:\n(no output)"}, "sampled": False},
        {"parent": 3, "message": {"role": "assistant", "content": "a + 3"}, "sampled": True},
        {"parent": 4, "message": {"role": "user", "content": "Output:\n5"}, "sampled": False},
        {"parent": 5, "message": {"role": "assistant", "content": "5"}, "sampled": True},
    ]
    used = {"prompt_tokens": 6, "completion_tokens": 2, "cached_input_tokens": 4, "cost": 0.5}
    assert right["calls"] == [
        {"node": 2, "model": "me"},
        {"node": 4, "model": "me", "usage": used},
        {"node": 6, "model": "me", "usage": used},
    ]
    assert right["info"]["eagdata"]["verdict"] == "pass"


def test_a_reward_that_is_unknown_is_none() -> None:
    (found,) = records(branched())
    assert [one["rewards"] for one in found["traces"]] == [
        {"number": {"score": 0.0, "weight": 1.0}},
        {"number": {"score": 1.0, "weight": 1.0}},
        {"number": None},
    ]


def test_a_tree_holds_each_message_once_and_its_leaves_in_words() -> None:
    (found,) = records(branched(), form="tree")
    (whole,) = found["traces"]
    assert len(whole["nodes"]) == 2 + 8 + 5, "the prompt, a reply of each turn, and five observations"
    assert lines(whole) == [
        ["Act.", "2+3?", "a = 2", "Output:\n(no output)", "the wrong way, which ends in an error", "Error:\nno", "6"],
        ["Act.", "2+3?", "a = 2", "Output:\n(no output)", "a + 3", "Output:\n5", "5"],
        ["Act.", "2+3?", "a = 2", "Output:\n(no output)", "a + 3", "Output:\n5", "five"],
        ["Act.", "2+3?", "a = 2", "Output:\n(no output)", "print(a)", "Output:\n2"],
        ["Act.", "2+3?", "b", "Error:\nno"],
    ]
    assert whole["rewards"] == {"number": None}
    assert [whole["nodes"][at]["message"]["content"] for at in (6, 9, 10)] == ["6", "5", "five"]
    assert [(one["node"], one["verdict"]) for one in whole["info"]["eagdata"]["leaves"]] == [(6, "fail"), (9, "pass"), (10, "unscored")]


def test_rollouts_of_one_task_have_one_example_id() -> None:
    rows = records(branched(), tooled(), form="rollouts")
    assert [(one["example_id"], one["reward"]) for one in rows] == [(0, 0.0), (0, 1.0), (0, None), (1, 1.0), (1, 0.0)]
    assert rows[1] == {
        "example_id": 0,
        "prompt": ASKED,
        "completion": [
            {"role": "assistant", "content": "a = 2"},
            {"role": "user", "content": "Output:\n(no output)"},
            {"role": "assistant", "content": "a + 3"},
            {"role": "user", "content": "Output:\n5"},
            {"role": "assistant", "content": "5"},
        ],
        "answer": "5",
        "task": "sums",
        "reward": 1.0,
        "metrics": {},
        "info": rows[1]["info"],
        "is_completed": True,
        "is_truncated": False,
    }
    assert rows[1]["info"]["verified"] is True


def test_tool_calls_keep_the_text_of_their_arguments() -> None:
    (found,) = records(tooled())
    first = found["traces"][0]
    assert first["tools"] == [{"type": "function", **TOOL["function"]}]  # type: ignore[dict-item]
    replies = [node["message"] for node in first["nodes"] if node["sampled"]]
    assert [call["arguments"] for reply in replies for call in reply.get("tool_calls", ())] == ['{"code": "2+3"}', "2+3"]
    assert replies[0]["reasoning_content"] == "hm"
    assert first["nodes"][3]["message"] == {"role": "tool", "content": "Output:\n5", "tool_call_id": "cNone", "name": "python"}


def test_a_line_of_retries_shows_what_the_teacher_saw_and_its_tree_does_not_repeat_it() -> None:
    (found,) = records(retried())
    shown = ["2 +", "Error:\nbad\n(The state is back to what it was before this step.)", "That failed. 2 + 3", "Output:\n5", "5"]
    assert lines(found["traces"][1]) == [["Act.", "2+3?", *shown]]
    (whole,) = records(retried(), form="tree")
    assert [len(line) for line in lines(whole["traces"][0])] == [4, 5, 5]


def test_a_failure_is_the_episodes_error_and_a_task_without_turns_is_left_out() -> None:
    failure = Failure(boundary="teacher", kind="gone", message="no answer", retryable=True)
    (found,) = records(trace(leaves=()), trace(*branched().nodes[:1], leaves=(), failure=failure))
    assert (found["ok"], found["errors"], found["traces"]) == (False, [{"type": "gone", "message": "no answer"}], [])
    assert found["task"]["data"]["idx"] == 1


def test_hostile_text_is_kept_as_it_is() -> None:
    (found,) = records(hostile(), form="tree")
    assert [node["message"]["content"] for node in found["traces"][0]["nodes"]][3:5] == [
        f"Output:\n{well_formed(HOSTILE)}",
        well_formed(HOSTILE),
    ]
