"""Pairs for DPO, from trees made by hand."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from eagdata.exporters.distance import LONGEST, edit_distance
from eagdata.exporters.preference import PreferenceExporter
from eagdata.records import Trace, well_formed
from tests.exporters.grown import ASKED, HOSTILE, TOOL, acted, answered, branched, disputed, hostile, leaf, retried, row, tooled, trace


def pairs(*made: Trace, **given: Any) -> list[dict[str, Any]]:
    exporter = PreferenceExporter(PreferenceExporter.Config(**{"edit_distance": 0, **given}))
    return [dict(found) for found in exporter.rows(map(row, made))]


def said(found: dict[str, Any]) -> tuple[str, str]:
    return found["chosen"][0]["content"], found["rejected"][0]["content"]


def many(*, verified: int, refused: int) -> Trace:
    """Answers at once: each a turn of its own."""
    nodes = [answered(None, f"{'right' if at < verified else 'wrong'} {at}") for at in range(verified + refused)]
    return trace(*nodes, leaves=tuple(leaf(at, "pass" if at < verified else "fail") for at in range(len(nodes))))


def test_a_pair_is_the_first_turn_in_which_a_verified_and_a_refused_branch_differ() -> None:
    below, at_the_root = pairs(branched())
    assert below == {
        "prompt": [*ASKED, {"role": "assistant", "content": "a = 2"}, {"role": "user", "content": "Output:\n(no output)"}],
        "chosen": [{"role": "assistant", "content": "a + 3"}],
        "rejected": [{"role": "assistant", "content": "the wrong way, which ends in an error"}],
        "tools": None,
        "task_id": "t1",
        "margin": 2.0,
        "edit_distance": 34,
    }
    assert at_the_root["prompt"] == ASKED
    assert said(at_the_root) == ("a = 2", "b")
    assert at_the_root["margin"] == 1.0, "one of the two scored leaves below `a = 2` is verified: its value is 0"


def test_a_branch_goes_on_to_its_answer_or_to_the_action_that_failed() -> None:
    below, at_the_root = pairs(branched(), unit="branch")
    assert [message["content"] for message in below["chosen"]] == ["a + 3", "Output:\n5", "5"]
    assert [message["content"] for message in below["rejected"]] == ["the wrong way, which ends in an error", "Error:\nno", "6"]
    assert [message["content"] for message in at_the_root["rejected"]] == ["b"], "what it observed is nothing that it wrote"


def test_the_margin_and_the_edit_distance_have_least_values() -> None:
    (found,) = pairs(branched(), edit_distance=20)
    assert found["edit_distance"] == 34
    assert [found["margin"] for found in pairs(branched(), margin=1.5)] == [2.0]
    assert PreferenceExporter.Config() == PreferenceExporter.Config(margin=0.5, edit_distance=20)


def test_both_bounds_are_reached_by_what_is_equal_to_them() -> None:
    #   0 one of its two leaves is right: value 0      1 wrong: value -1      so the margin is 1
    #   "kitten" to "sitting" is 3: k for s, e for i, and a g
    made = trace(
        acted(None, "kitten"), acted(None, "sitting"), answered(0, "5"), answered(0, "6"), answered(1, "7"),
        leaves=(leaf(2, "pass"), leaf(3, "fail"), leaf(4, "fail")),
    )  # fmt: skip
    below = ("5", "6")  # value 1 against -1: the margin is 2, the distance 1
    assert [said(found) for found in pairs(made, margin=1.0, edit_distance=3)] == [("kitten", "sitting")]
    assert [said(found) for found in pairs(made, margin=1.0, edit_distance=1)] == [below, ("kitten", "sitting")]
    assert pairs(made, margin=1.0, edit_distance=4) == []
    assert [said(found) for found in pairs(made, margin=1.01)] == [below]
    assert [(found["margin"], found["edit_distance"]) for found in pairs(made)] == [(2.0, 1), (1.0, 3)]


def test_a_turn_of_which_too_few_leaves_are_verified_is_in_no_pair() -> None:
    nodes = [acted(None, "mostly wrong"), acted(None, "wrong")]
    nodes += [answered(0, str(at)) for at in range(5)] + [answered(1, "9")]
    made = trace(*nodes, leaves=(leaf(2, "pass"), *(leaf(at, "fail") for at in range(3, 8))))
    assert [said(found) for found in pairs(made, margin=0.4)] == [("0", "1"), ("0", "2"), ("0", "3"), ("0", "4"), ("mostly wrong", "wrong")]
    assert ("mostly wrong", "wrong") not in map(said, pairs(made)), "one of five: the margin is 0.4"


def test_unknown_is_not_rejected() -> None:
    verified = trace(*disputed().nodes, answered(None, "5"), leaves=(*disputed().leaves, leaf(6, "pass")), appeals=disputed().appeals)
    assert pairs(verified) == []
    below = trace(acted(None, "x", "no", kind="E"), answered(0, "?"), answered(0, "6"), answered(None, "5"), leaves=(
        leaf(1, "unscored"), leaf(2, "fail"), leaf(3, "pass")))  # fmt: skip
    assert pairs(below) == [], "one leaf below it may be right"


def test_siblings_that_differ_in_white_space_alone_are_one() -> None:
    same = trace(answered(None, "it is 5"), answered(None, "it  is\n5"), leaves=(leaf(0, "pass"), leaf(1, "fail")))
    assert pairs(same) == []
    twice = trace(
        answered(None, "5"), answered(None, "6"), answered(None, " 6"), leaves=(leaf(0, "pass"), leaf(1, "fail"), leaf(2, "fail"))
    )
    assert [said(found) for found in pairs(twice)] == [("5", "6")]


def test_pairs_are_bounded_per_node_and_per_trace() -> None:
    assert [said(found) for found in pairs(many(verified=2, refused=3))] == [
        ("right 0", "wrong 2"), ("right 0", "wrong 3"), ("right 1", "wrong 2"), ("right 0", "wrong 4"),
    ]  # fmt: skip
    assert len(pairs(many(verified=2, refused=3), per_node=6)) == 6
    (best,) = pairs(branched(), per_trace=1)
    assert best["margin"] == 2.0


def test_a_turn_that_was_written_in_view_of_a_failure_is_no_rival_of_that_failure() -> None:
    (found,) = pairs(retried())
    assert said(found) == ("5", "6")
    assert [message["content"] for message in found["prompt"]][2:] == [
        "2 +",
        "Error:\nbad\n(The state is back to what it was before this step.)",
        "That failed. 2 + 3",
        "Output:\n5",
    ]


def test_tool_calls_are_objects_and_come_with_their_schemas() -> None:
    (found,) = pairs(tooled())
    assert found["tools"] == [TOOL]
    first, second = (message["tool_calls"][0]["function"]["arguments"] for message in found["prompt"] if "tool_calls" in message)
    assert (first, second) == ({"code": "2+3"}, "2+3")


def test_hostile_text_is_kept_as_it_is() -> None:
    (found,) = pairs(hostile(), edit_distance=20)
    assert found["chosen"] == [{"role": "assistant", "content": well_formed(HOSTILE)}]


@pytest.mark.parametrize("wrong", [{"per_node": 0}, {"per_trace": 0}, {"margin": 2.5}, {"edit_distance": -1}])
def test_settings_that_give_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        PreferenceExporter.Config(**wrong)


def by_the_table(a: str, b: str) -> int:
    """The textbook's way."""
    line = list(range(len(b) + 1))
    for row_number, x in enumerate(a, 1):
        before, line = line, [row_number]
        for place, y in enumerate(b, 1):
            line.append(min(before[place] + 1, line[-1] + 1, before[place - 1] + (x != y)))
    return line[-1]


@drawn(st.text("ab é", max_size=80), st.text("ab é", max_size=80))
def test_edit_distance_is_that_of_the_table(a: str, b: str) -> None:
    assert edit_distance(a, b) == by_the_table(a, b)


def test_the_edit_distance_of_long_texts_is_never_too_large() -> None:
    words = random.Random(0).choices("abcdefgh ", k=3 * LONGEST)
    text = "".join(words)
    assert 20 <= edit_distance("x" * 30 + text + "y", "z" + text + "q" * 30) <= 62
    assert edit_distance(text, text[::-1]) > 1_000
