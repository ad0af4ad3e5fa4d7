"""Which mistake a turn makes, against traces whose mistakes are known."""

from __future__ import annotations

import pytest

from eagdata.mistakes import MISTAKES, Mistake, false_equations, mistakes
from eagdata.records import Action, Check, Leaf, Node, NodeStatus, Observation, Task, Trace, Verdict


def kind_of(node: Node, *, verifier: str = "countdown", leaf: Leaf | None = None) -> Mistake | None:
    task = Task(id="t", question="q", verifier=verifier)
    return mistakes(Trace(task=task, prompt=(), nodes=(node,), leaves=(leaf,) if leaf else ()))[0]


def acted(code: str, error: str | None = None, text: str = "", *, thought: str = "") -> Node:
    seen = Observation(status="error" if error else "ok", text=text, kind=error)
    return Node(parent=None, sample=0, call="", status="acted", thought=thought, action=Action(kind="python", text=code), observation=seen)


def other(status: NodeStatus, thought: str = "") -> Node:
    return Node(parent=None, sample=0, call="", status=status, thought=thought, answer="1" if status == "answered" else None)


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (other("void"), "format"),
        (other("truncated", "5 + 8 = 14"), "format"),
        (acted("prin(", "SyntaxError"), "format"),
        (acted("assert 66 - 42 == 26, 'no'", "AssertionError"), "arithmetic"),
        (acted("print(66 - 42)", thought="66 - 42 = 26, so I go on."), "arithmetic"),
        (acted("1 / 0", "ZeroDivisionError"), "arithmetic"),
        (other("repeated"), "exploration"),
        (acted("numbers.remove(7)", "ValueError", "ValueError: list.remove(x): x not in list"), "exploration"),
        (acted("print(rest)", "NameError"), "exploration"),
        (acted("int('x')", "ValueError", "ValueError: invalid literal"), "environment"),
        (acted("open('x')", "FileNotFoundError"), "environment"),
        (acted("assert 61 - 24 == 37, 'a'\nassert 37 == target, 'b'", "AssertionError"), None),
        (acted("print(66 - 42)", thought="66 - 42 = 24."), None),
        (acted("x = 5 if 5 + 8 == 26 else 0"), None),
        (other("failed"), None),
        (other("answered"), None),
    ],
)
def test_each_turn_has_the_kind_of_its_mistake(node: Node, kind: Mistake | None) -> None:
    assert kind_of(node) == kind


def test_a_program_cut_by_the_clock_or_a_limit_failed_in_the_environment() -> None:
    for status in ("timeout", "limit"):
        seen = Observation(status=status, text="")  # type: ignore[arg-type]
        assert (
            kind_of(Node(parent=None, sample=0, call="", status="acted", action=Action(kind="python", text="1"), observation=seen))
            == "environment"
        )


def test_a_refused_answer_is_known_by_the_check_that_refused_it_and_only_in_its_family() -> None:
    for check, kind in (("expression", "format"), ("numbers", "exploration"), ("target", "arithmetic")):
        verdict = Verdict(status="fail", reward=0.0, checks=(Check(id=check, status="fail"),))
        assert kind_of(other("answered"), leaf=Leaf(node=0, verdict=verdict)) == kind
        assert kind_of(other("answered"), leaf=Leaf(node=0, verdict=verdict), verifier="math") is None
    unread = Verdict(status="fail", reward=0.0, checks=(Check(id="read", status="fail"),))
    assert kind_of(other("answered"), leaf=Leaf(node=0, verdict=unread), verifier="math") == "format"
    no_reference = Verdict(status="unscored", checks=(Check(id="reference", status="unscored"),))
    assert kind_of(other("answered"), leaf=Leaf(node=0, verdict=no_reference), verifier="math") is None
    passed = Leaf(node=0, verdict=Verdict(status="pass", reward=1.0), drop="unsupported_answer")
    assert kind_of(other("answered"), leaf=passed) == "exploration"


def test_kinds_are_named_and_ordered() -> None:
    assert list(MISTAKES) == ["format", "arithmetic", "exploration", "environment"]
    assert kind_of(acted("assert 1 + 1 == 3, rest", "NameError")) == "arithmetic"


@pytest.mark.parametrize(
    "text",
    ["66-42=26", "so 5 + 8 = 14.", "13+13 == 27", "(1+2)*3=10", "3 × 4 = 13", "10/3 = 3.34", "1.5 * 2 = 4", "2 - 5 = 3", "a: 1+1=3\n2+2=4"],
)
def test_false_equations_are_found(text: str) -> None:
    assert len(false_equations(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "66-42=24", "1+2*3=7", "x*2 + 3 = 7", "10/3 = 3.33", "2/3 = 0.67", "2**3 = 9", "7 // 2 == 3", "5 % 2 + 1 == 2",
        "n = 3", "2024-01-02 = x",
        "f(2) + 1 = 9", "1/0 = 5", "4 = 2 + 2", "2 + 2 = 3 + 1", "2 + 3 = 5 * x", "a[0] + 1 = 7", "1 + 1 = 20 % 6", "v2 + 1 = 9",
        "(" * 300 + "1+1=3",
    ],
)  # fmt: skip
def test_true_equations_and_what_is_none_are_left_alone(text: str) -> None:
    assert false_equations(text) == ()
