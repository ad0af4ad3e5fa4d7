"""The linear view `sos`: a whole search as messages, which parse back into the tree; and the loss flags of every view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.exporters.linear import HEADS, STATE_IS_BACK, VOID_REMINDER, View, linearize
from eagdata.exporters.sos import NOTES, parse
from eagdata.exporters.trajectories import Layout, Row, read_trajectory, row_leaves, trajectory
from eagdata.records import Action, Message, Node, Observation, ToolCall, Trace
from tests.exporters.grown import PROMPT, acted, answered, branched, leaf, retried, tooled, trace

MARKS = (
    "", "a reply", "[0]", "[0.1]\n", "(0 ended in an error. Back to the start.)\n[1]\n", "(0.1 was left open. Back to 0.)", "\\", "[", "]",
    "\n",    "(no output)", "\\(no output)", "Output:\n", "Error:\n(no output)", STATE_IS_BACK, *NOTES.values(),
    "<|im_end|>\n<|im_start|>assistant\n",
    "\u2028", "\r\n", "```python\n[0]\n```", "the start", "\x00", "0.1.2",
)  # fmt: skip
TEXTS = st.builds("{}{}".format, st.sampled_from(MARKS), st.sampled_from(MARKS)) | st.text(max_size=8)
CALLS = st.none() | st.builds(ToolCall, id=st.text(max_size=3), name=st.just("run"), arguments=TEXTS).map(lambda call: (call,))
VIEWS: tuple[View, ...] = get_args(View)


STATUSES = ("acted", "acted", "acted", "failed", *NOTES)
SEEN = st.builds(Observation, status=st.sampled_from(tuple(HEADS)), text=TEXTS)


def told(place: int, status: Any, content: str, seen: Observation, calls: Any) -> Node:
    """A node whose place is still to be found."""
    observation = seen if status == "acted" else None
    return Node(
        parent=place, sample=0, call="c", status=status, content=content, reasoning=seen.text or None, tool_calls=calls, thought="t",
        observation=observation, score=0.5,
    )  # fmt: skip


def grown(drawn: list[Node]) -> tuple[Node, ...]:
    """Nodes in the order of their birth, each below any earlier one that is no fault, numbered among their siblings."""
    nodes: list[Node] = []
    for node in drawn:
        below = [None, *(i for i, other in enumerate(nodes) if other.status != "failed")]
        parent = below[(node.parent or 0) % len(below)]
        nodes.append(replace(node, parent=parent, sample=sum(other.parent == parent for other in nodes)))
    return tuple(nodes)


TREES = st.lists(st.builds(told, st.integers(0, 99), st.sampled_from(STATUSES), TEXTS, SEEN, CALLS), max_size=10).map(grown)


def held(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """What the view holds of a tree: of each node that is no fault its place, reply, status and observation."""
    kept = [i for i, node in enumerate(nodes) if node.status != "failed"]
    place: dict[int | None, int | None] = {None: None, **{i: at for at, i in enumerate(kept)}}
    return tuple(replace(nodes[i], parent=place[nodes[i].parent], call="", thought="", score=None) for i in kept)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_a_tree_is_told_and_parsed_back_into_the_same_tree(nodes: tuple[Node, ...]) -> None:
    view = linearize(PROMPT, nodes, end=len(nodes) - 1 if nodes else None, view="sos")
    assert parse(view.messages) == held(nodes)
    assert view.messages[: len(PROMPT)] == PROMPT


@settings(max_examples=100, deadline=None)
@given(TREES, st.data())
def test_what_came_after_the_end_is_trimmed_and_the_rest_keeps_its_order(nodes: tuple[Node, ...], data: st.DataObject) -> None:
    end = data.draw(st.sampled_from([None, *range(len(nodes))]))
    view = linearize((), nodes, end=end, view="sos")
    before = nodes[: end + 1] if end is not None else ()
    assert view.shown == tuple(i for i, node in enumerate(before) if node.status != "failed")
    assert parse(view.messages) == held(before)


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=100, deadline=None)
@given(nodes=TREES, prompt=st.sampled_from([(), PROMPT, (*PROMPT, Message(role="assistant", content="a demonstration"))]), data=st.data())
def test_replies_are_trained_and_the_prompt_and_all_that_answers_them_is_not(
    view: View, nodes: tuple[Node, ...], prompt: tuple[Message, ...], data: st.DataObject
) -> None:
    end = data.draw(st.sampled_from([None, *range(len(nodes))]))
    made = linearize(prompt, nodes, end=end, view=view)
    assert len(made.loss) == len(made.messages)
    assert not any(made.loss[: len(prompt)])
    replies = [message for message, trained in zip(made.messages, made.loss, strict=True) if trained]
    assert [message.reasoning_content for message in replies] == [nodes[i].reasoning for i in made.shown]
    assert all(message.content.endswith(nodes[i].content) for message, i in zip(replies, made.shown, strict=True))
    heard = [m for m, trained in zip(made.messages[len(prompt) :], made.loss[len(prompt) :], strict=True) if not trained]
    known = {VOID_REMINDER, *NOTES.values()}
    assert all(m.role in ("user", "tool") and (m.content in known or m.content.partition(":")[0] in HEADS.values()) for m in heard)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_direct_shows_the_path_and_linear_retry_what_failed_beside_it_before(nodes: tuple[Node, ...]) -> None:
    if not nodes:
        return
    end, path, at = len(nodes) - 1, list[int](), list(nodes)
    step: int | None = end
    while step is not None:
        path.insert(0, step)
        step = at[step].parent
    assert linearize((), nodes, end=end, view="direct").shown == tuple(path)
    failed = {i for i, node in enumerate(nodes) if node.observation and node.observation.status != "ok"}
    beside = {i for i in failed if any(nodes[i].parent == nodes[on].parent and i < on for on in path)} - set(path)
    made = linearize((), nodes, end=end, view="linear_retry")
    assert set(made.shown) == set(path) | beside
    backs = [message.content.endswith(STATE_IS_BACK) for message in made.messages if message.content.startswith(tuple(HEADS.values()))]
    assert len(made.shown) == len(set(made.shown))
    assert sum(backs) >= len(beside)


def test_the_text_says_where_each_reply_stands_what_a_branch_came_to_and_where_it_goes_back() -> None:
    nodes = trace(
        acted(None, "a"),
        acted(0, "b", "no", kind="NameError"),
        acted(0, "c"),
        answered(2, "6"),
        acted(None, "d"),
        answered(4, "5"),
        leaves=(),
    ).nodes
    said = [message.content for message in linearize((), nodes, end=5, view="sos").messages]
    assert said == [
        "[0]\na", "Output:\n5", "[0.0]\nb", "Error:\nno", "(0.0 ended in an error. Back to 0.)\n[0.1]\nc", "Output:\n5",
        "[0.1.0]\n6", "(This answer was not accepted.)", "(0.1.0 was not accepted. Back to the start.)\n[1]\nd", "Output:\n5", "[1.0]\n5",
    ]  # fmt: skip


SAID = tuple(Message(role=role, content=text) for role, text in (  # type: ignore[arg-type]
    ("user", "q"), ("assistant", "[0]\na"), ("user", "Error:\nno"), ("assistant", "(0 ended in an error. Back to the start.)\n[1]\nb"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("at", "content", "why"),
    [
        (1, "a", "does not say where it stands"),
        (1, " [0]\na", "does not say where it stands"),
        (1, "[0.0]\na", "below no reply"),
        (3, "(0 ended in an error. Back to the start.)\n[0]\nb", "taken"),
        (3, "[1]\nb", "does not move back"),
        (3, "(0 was left open. Back to the start.)\n[1]\nb", "does not move back"),
        (3, "(0 ended in an error. Back to 0.)\n[1]\nb", "does not move back"),
        (3, "(0 ended in an error. Back to 0.)\n[0.0]\nb", "does not move back"),
        (2, "no", "neither an observation nor a note"),
    ],
)
def test_text_of_another_tree_is_refused_by_message(at: int, content: str, why: str) -> None:
    assert len(parse(SAID)) == 2
    with pytest.raises(ValueError, match=rf"message {at}.*{why}"):
        parse([replace(message, content=content) if place == at else message for place, message in enumerate(SAID)])


def test_two_answers_to_one_reply_are_refused() -> None:
    with pytest.raises(ValueError, match="message 3 answers no reply"):
        parse([*SAID[:3], *SAID[2:]])


LAYOUT = Layout(
    view="sos", tokenizer="words", count=lambda text: len(text.split()), environment={"kind": "python"}, limits={}, timings=False
)


def row_of(tree: Trace) -> Row:
    (chosen,) = row_leaves(tree, view="sos")
    return trajectory(tree, chosen, PROMPT, LAYOUT)


@pytest.mark.parametrize("tree", [branched(), retried(), tooled()])
def test_a_row_holds_the_search_up_to_its_first_verified_answer_and_reads_back(tree: Trace) -> None:
    first = min(one.node for one in tree.verified_leaves())
    row: Any = row_of(tree)
    assert row["linearization"] == "sos"
    assert [turn["node"] for turn in row["turns"]] == list(range(first + 1))
    assert row["n_backtracks"] == sum("Back to" in message["content"].partition("[")[0] for message in row["messages"][2:])
    recorded = read_trajectory(row)
    assert recorded.inconsistent is None
    nodes = [node for node in tree.nodes[: first + 1] if node.observation]
    assert [(step.action, step.text) for step in recorded.steps] == [(node.action, node.observation.text) for node in nodes]  # type: ignore[union-attr]


def test_forks_of_a_row_are_replayed_from_where_they_forked() -> None:
    tree = trace(
        acted(None, "a"), acted(0, "b"), acted(0, "c"), acted(1, "d"), answered(3, "5"),
        leaves=(leaf(4, "pass"),),
    )  # fmt: skip
    assert [step.parent for step in read_trajectory(row_of(tree)).steps] == [None, 0, 0, 1]


def test_two_verified_answers_make_one_row_in_this_view_and_two_in_the_others() -> None:
    tree = trace(acted(None, "a"), answered(0, "5"), answered(0, "five"), leaves=(leaf(2, "pass"), leaf(1, "pass")))
    assert [one.node for one in row_leaves(tree, view="sos")] == [1]
    assert len(row_leaves(tree, view="linear_retry")) == 2


def test_turns_that_ran_nothing_stand_in_the_row_with_a_note() -> None:
    void = Node(parent=0, sample=0, call="", status="void", content="hm", thought="hm")
    again = Node(parent=0, sample=0, call="", status="repeated", content="a", action=Action(kind="python", text="a"))
    row: Any = row_of(trace(acted(None, "a"), void, again, answered(0, "5"), leaves=(leaf(3, "pass"),)))
    assert read_trajectory(row).inconsistent is None
    assert [message["content"] for message in row["messages"][4:8:2]] == ["[0.0]\nhm", "(0.0 came to nothing. Back to 0.)\n[0.1]\na"]
    row["messages"][5]["content"] = "Output:\n5"
    assert "saw nothing" in str(read_trajectory(row).inconsistent)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda row: row["messages"][4].update(content="[0.1]\nthe wrong way, which ends in an error"), "below no reply"),
        (lambda row: row["turns"][2].update(parent=0), "is not told to go on from where turn 2 did"),
        (lambda row: row["messages"][5].update(content="Error:\nsomething else"), "does not show the observation of turn 1"),
        (lambda row: row["messages"].insert(6, row["messages"][5]), "does not show the observation of turn 1"),
        (lambda row: row["messages"].pop(5), "does not show the observation of turn 1"),
        (lambda row: row["messages"].append({"role": "user", "content": NOTES["answered"]}), "is no note on that"),
    ],
)
def test_a_row_whose_text_tells_another_search_than_its_turns_is_found(change: Any, difference: str) -> None:
    row: Any = row_of(branched())
    change(row)
    assert difference in str(read_trajectory(row).inconsistent)
