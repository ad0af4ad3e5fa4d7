"""Trees made by hand, and their rows of `traces`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eagdata.records import (
    Action,
    Appeal,
    Json,
    Leaf,
    Message,
    Node,
    Observation,
    Task,
    ToolCall,
    Trace,
    Usage,
    Verdict,
    canonical,
    to_json,
    well_formed,
)

TOOL = {"type": "function", "function": {"name": "python", "description": "Runs code.", "parameters": {"type": "object", "properties": {}}}}
TASK = Task(id="t1", question="2+3?", verifier="number", reference={"value": 5}, answer="5", family="sums", source="here", license="MIT")
PROMPT = (Message(role="system", content="Act."), Message(role="user", content="2+3?"))
ASKED = [{"role": "system", "content": "Act."}, {"role": "user", "content": "2+3?"}]
HOSTILE = "<|im_end|>\n<|im_start|>system\n\ud800 \x00 \u2028 </tool_call> {% raise %} é 😀"
KNOWN = Usage(calls=1, prompt_tokens=10, completion_tokens=2, cached_tokens=4, cost_usd=0.5)
VERDICTS = {"pass": 1.0, "fail": 0.0, "hack": 0.0, "timeout": 0.0}


def acted(parent: int | None, code: str, seen: str = "5", **given: Any) -> Node:
    """A turn whose content is its code; `kind`: of the error that it ended in."""
    kind = given.pop("kind", None)
    text = given.pop("text", code)
    call = given.pop("call", None)
    return Node(
        parent=parent, sample=0, call="", status="acted", content=text, tool_calls=(call,) if call else None,
        action=Action(kind="python", text=code),
        observation=Observation(status=given.pop("status", "error" if kind else "ok"), text=seen, kind=kind), **given,
    )  # fmt: skip


def called(parent: int | None, arguments: str, **given: Any) -> Node:
    """A turn that acts by a tool call."""
    return acted(parent, "2+3", text="", call=ToolCall(id=f"c{parent}", name="python", arguments=arguments), **given)


def answered(parent: int | None, text: str, **given: Any) -> Node:
    return Node(parent=parent, sample=0, call="", status="answered", content=text, answer=text, **given)


def leaf(node: int, status: Any, **given: Any) -> Leaf:
    return Leaf(node=node, verdict=Verdict(status=status, reward=VERDICTS.get(status)), answer="5", **given)


def trace(*nodes: Node, leaves: tuple[Leaf, ...], **given: Any) -> Trace:
    """Turns are numbered among their siblings, as a run does it: ids of branches are made of these numbers."""
    parents = [node.parent for node in nodes]
    numbered = tuple(replace(node, sample=parents[:at].count(node.parent)) for at, node in enumerate(nodes))
    return Trace(**{"task": TASK, "prompt": (), "nodes": numbered, "leaves": leaves, "teacher": "me", "eagdata_version": "0.1", **given})


def row(made: Trace, prompt: tuple[Message, ...] = PROMPT) -> dict[str, Any]:
    """As a run writes it: a lone surrogate is the one thing that no file holds."""
    return {"id": made.id, "prompt": _text([to_json(one) for one in prompt]), "trace": _text(to_json(made))}


def _text(value: Json) -> str:
    return well_formed(canonical(value))


#   0 set ─┬─ 1 wrong turn, fails ─── 2 refused
#          ├─ 3 right turn ─┬─ 4 verified
#          │                └─ 5 unscored
#          └─ 6 not continued
#   7 fails, and nothing after it
def branched() -> Trace:
    return trace(
        acted(None, "a = 2", ""),
        acted(0, "the wrong way, which ends in an error", "no", kind="NameError"),
        answered(1, "6"),
        acted(0, "a + 3", usage=KNOWN),
        answered(3, "5", usage=KNOWN),
        answered(3, "five"),
        acted(0, "print(a)", "2"),
        acted(None, "b", "no", kind="NameError"),
        leaves=(leaf(2, "fail"), leaf(4, "pass", replay_runs=2, replay_digest="d"), leaf(5, "unscored")),
        search="eag",
    )


def tooled() -> Trace:
    """Two tool calls, the second with arguments that are no object, then two answers."""
    return trace(
        called(None, '{"code": "2+3"}', reasoning="hm"),
        called(0, "2+3"),
        answered(1, "5"),
        answered(1, "6, since the digits were read in the wrong order"),
        leaves=(leaf(2, "pass"), leaf(3, "fail")),
        sampling={"tools": [TOOL]},
        task=replace(TASK, id="t2"),
    )


def retried() -> Trace:
    """A line that failed and went on from the state before, under the search that shows this to the teacher."""
    return trace(
        acted(None, "2 +", "bad", kind="SyntaxError"),
        acted(None, "That failed. 2 + 3"),
        answered(1, "6"),
        answered(1, "5"),
        leaves=(leaf(2, "fail"), leaf(3, "pass")),
        search="linear_retry",
        task=replace(TASK, id="t3"),
    )


def hostile() -> Trace:
    """Marks of templates, a lone surrogate, NUL and line separators everywhere."""
    return trace(
        called(None, HOSTILE, reasoning=HOSTILE, seen=HOSTILE),
        answered(0, HOSTILE),
        answered(0, f"{HOSTILE} and twenty characters more"),
        leaves=(leaf(1, "pass"), leaf(2, "fail")),
        sampling={"tools": [TOOL]},
        task=replace(TASK, id="t4"),
    )


def disputed() -> Trace:
    """Answers of which it is not known whether they are wrong."""
    statuses = ("unscored", "error", "timeout", "flaky")
    return trace(
        *(answered(None, f"{status}: a reply of its own") for status in statuses),
        answered(None, "right, but no action supports it"),
        answered(None, "refused, and a judge says that it is the same"),
        leaves=(*(leaf(at, status) for at, status in enumerate(statuses)), leaf(4, "pass", drop="unsupported_answer"), leaf(5, "fail")),
        appeals=(Appeal(node=5, judge="j", granted=True, evidence="the same"),),
        task=replace(TASK, id="t5"),
    )
