"""Steps with labels for PRM training: from trees made by hand, and against a slow count over all descendants."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from eagdata.exporters.stepwise import StepwiseExporter
from eagdata.records import Node, Task, Trace
from tests.exporters.grown import acted, answered, branched, disputed, leaf, row, tooled, trace


def steps(made: Trace, **given: Any) -> list[dict[str, Any]]:
    return [dict(found) for found in StepwiseExporter(StepwiseExporter.Config(**given)).rows([row(made)])]


def test_a_step_is_true_if_a_verified_answer_was_reached_from_it() -> None:
    wrong, right = steps(branched())
    assert wrong == {
        "prompt": "Act.\n\n2+3?",
        "completions": ["a = 2\n\nOutput:\n(no output)", "the wrong way, which ends in an error\n\nError:\nno", "6"],
        "labels": [True, False, False],
        "values": [0.5, 0.0, 0.0],
        "task_id": "t1",
    }
    assert right["completions"][1:] == ["a + 3\n\nOutput:\n5", "5"]
    assert (right["labels"], right["values"]) == ([True, True, True], [0.5, 1.0, 1.0])


def test_soft_labels_ask_for_a_share() -> None:
    assert [found["labels"][0] for found in steps(branched(), labels="soft")] == [True, True]
    assert [found["labels"][0] for found in steps(branched(), labels="soft", threshold=0.6)] == [False, False]


#   0 ─┬─ 1 ─┬─ 3 verified
#      │     ├─ 4 refused
#      │     └─ 5 refused
#      └─ 2 ─── 6 verified
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"labels": "hard"}, [[True, True, True], [True, True, False], [True, True, False], [True, True, True]]),
        ({"labels": "soft"}, [[True, False, True], [True, False, False], [True, False, False], [True, True, True]]),
        ({"labels": "soft", "threshold": 0.3}, [[True, True, True], [True, True, False], [True, True, False], [True, True, True]]),
        ({"labels": "soft", "threshold": 0.6}, [[False, False, True], [False, False, False], [False, False, False], [False, True, True]]),
    ],
)
def test_hard_and_soft_labels_of_a_tree_whose_shares_are_a_half_a_third_and_one(given: dict[str, Any], expected: list[list[bool]]) -> None:
    made = trace(
        acted(None, "a"), acted(0, "b"), acted(0, "c"), *(answered(1, one) for one in "def"), answered(2, "g"),
        leaves=(leaf(3, "pass"), leaf(4, "fail"), leaf(5, "fail"), leaf(6, "pass")),
    )  # fmt: skip
    found = steps(made, **given)
    assert [one["labels"] for one in found] == expected
    assert [one["values"] for one in found] == [[1 / 2, 1 / 3, 1.0], [1 / 2, 1 / 3, 0.0], [1 / 2, 1 / 3, 0.0], [1 / 2, 1.0, 1.0]]
    assert [one["labels"] for one in steps(made, **given, min_leaves=3)] == expected[:3]  # turn 2 has one leaf, turn 1 has three
    assert [one["labels"] for one in steps(made, **given, min_leaves=4)] == [expected[0][:1]]


def test_unknown_ends_a_sequence_and_is_not_false() -> None:
    assert steps(disputed()) == []
    assert {completion for found in steps(branched()) for completion in found["completions"]}.isdisjoint({"five", "b\n\nError:\nno"})


def test_a_step_holds_its_reasoning_and_its_tool_call() -> None:
    found = steps(tooled())[0]["completions"]
    assert found[0] == '<think>\nhm\n</think>\n\n<tool_call>\n{"name": "python", "arguments": {"code": "2+3"}}\n</tool_call>\n\nOutput:\n5'


def proof(parent: int | None, claim: str, seen: str, **given: Any) -> Node:
    return acted(parent, claim, seen, **given)


LOGIC = Task(id="l1", question="x > 2?", verifier="smt", environment="smt")


def test_what_z3_proved_or_refuted_is_labelled_from_there() -> None:
    nodes = (
        proof(None, "s1", "s1: proved\n"),
        proof(0, "s2", "s2 does not follow.", kind="Refuted"),
        proof(1, "s3", "s3: proved (that its premises can all hold was not decided)\n"),
        proof(0, "s4", "s4 was neither proved nor refuted", kind="Undecided"),
        proof(0, "(show)", "a1: (> x 3)\n"),
        answered(2, "done"),
    )
    found = steps(trace(*nodes, leaves=(leaf(5, "unscored"),), task=LOGIC))
    assert [one["labels"] for one in found] == [[True, False, True]]
    assert [one["values"] for one in found] == [[None, None, None]]
    refused = steps(trace(*nodes, leaves=(leaf(5, "fail"),), task=LOGIC))
    assert [one["labels"] for one in refused] == [[True, False, True, False]], "the steps as Z3 says, the answer as its leaf"
    assert steps(trace(*nodes, leaves=())) == [], "elsewhere these words are no proof"


@drawn(st.data())
def test_labels_are_those_of_a_count_over_all_descendants(data: st.DataObject) -> None:
    parents = [None, *(data.draw(st.integers(-1, at - 1)) for at in range(1, 12))]
    nodes = [answered(None if parent in (None, -1) else parent, f"turn {at}") for at, parent in enumerate(parents)]
    ends = {at: data.draw(st.sampled_from(("pass", "fail", "unscored", None))) for at in range(12)}
    made = trace(*nodes, leaves=tuple(leaf(at, status) for at, status in ends.items() if status))

    def below(at: int) -> list[str]:
        inside = [end for end in range(12) if at in made.path(end)]
        return [status for end in inside if (status := ends[end]) in ("pass", "fail")]

    expected = {at: below(at).count("pass") / len(below(at)) for at in range(12) if below(at)}
    found = steps(made, labels="soft", threshold=0.4)
    paths = [[int(text.partition("\n")[0].removeprefix("turn ")) for text in one["completions"]] for one in found]
    assert [one["values"] for one in found] == [[expected[at] for at in path] for path in paths]
    assert [one["labels"] for one in found] == [[expected[at] >= 0.4 for at in path] for path in paths]
    assert {at for path in paths for at in path} == expected.keys()
    assert [path for path in paths if any(path == other[: len(path)] for other in paths if other is not path)] == []


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_a_threshold_that_says_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        StepwiseExporter.Config(labels="soft", threshold=threshold)
