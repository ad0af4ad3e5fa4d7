"""Linear views of a tree."""

from __future__ import annotations

from eagdata.exporters.linear import STATE_IS_BACK, linearize
from eagdata.exporters.trajectories import subset_of
from eagdata.records import Action, Leaf, Message, Node, Observation, Task, Trace, Verdict

PROMPT = (Message(role="system", content="s"), Message(role="user", content="q"))


def acted(parent: int | None, code: str, *, status: str = "ok", sample: int = 0) -> Node:
    observation = Observation(status=status, text=f"saw {code}")  # type: ignore[arg-type]
    return Node(
        parent=parent,
        sample=sample,
        call="",
        status="acted",
        content=code,
        action=Action(kind="python", text=code),
        observation=observation,
    )


def answered(parent: int | None, text: str) -> Node:
    return Node(parent=parent, sample=0, call="", status="answered", content=text, answer=text)


#   0 ok ── 1 error ── (nothing)
#        └─ 2 ok ── 3 answer
TREE = (acted(None, "a"), acted(0, "b", status="error"), acted(0, "c", sample=1), answered(2, "done"))


def test_direct_shows_the_branch_alone() -> None:
    view = linearize(PROMPT, TREE, end=3, view="direct")
    assert [m.content for m in view.messages] == ["s", "q", "a", "Output:\nsaw a", "c", "Output:\nsaw c", "done"]
    assert view.loss == (False, False, True, False, True, False, True)
    assert view.shown == (0, 2, 3)


def test_linear_retry_shows_the_failed_sibling_before_the_turn_that_replaced_it() -> None:
    view = linearize(PROMPT, TREE, end=3, view="linear_retry")
    assert view.shown == (0, 1, 2, 3)
    assert view.messages[5].content == f"Error:\nsaw b\n{STATE_IS_BACK}"
    roles = [m.role for m in view.messages[2:]]
    assert roles == ["assistant", "user"] * 3 + ["assistant"]


def test_a_sibling_that_failed_later_is_not_shown() -> None:
    tree = (acted(None, "a"), acted(0, "c"), acted(0, "b", status="error", sample=1), answered(1, "done"))
    assert linearize(PROMPT, tree, end=3, view="linear_retry").shown == (0, 1, 3)


def test_ahead_shows_a_teacher_what_failed_where_it_is_about_to_try_again() -> None:
    view = linearize(PROMPT, TREE[:2], end=0, view="linear_retry", ahead=True)
    assert view.shown == (0, 1)
    assert linearize(PROMPT, TREE[:2], end=0, view="direct", ahead=True).shown == (0,)
    assert linearize(PROMPT, (), end=None, view="direct").messages == PROMPT


def test_subsets_tell_direct_refinement_and_raw_apart() -> None:
    task = Task(id="t", question="q", verifier="exact")
    leaf = Leaf(node=3, verdict=Verdict(status="pass", reward=1.0))
    trace = Trace(task=task, prompt=PROMPT, nodes=TREE, leaves=(leaf,))
    assert subset_of(trace, leaf, view="direct") == "direct"
    assert subset_of(trace, leaf, view="linear_retry") == "refinement"
    raw = Trace(task=task, prompt=PROMPT, nodes=(answered(None, "done"),), leaves=())
    assert subset_of(raw, Leaf(node=0, verdict=Verdict(status="pass")), view="direct") == "raw"
