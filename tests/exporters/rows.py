"""Rows of `trajectories`, made from trees by hand: the columns are those of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from eagdata.exporters.trajectories import Layout, trajectory
from eagdata.records import Action, Leaf, Message, Node, Observation, Task, ToolCall, Trace, Verdict

TOOL = {"type": "function", "function": {"name": "python", "description": "Runs code.", "parameters": {"type": "object", "properties": {}}}}
TASK = Task(id="t1", question="2+3?", verifier="number", reference={"value": 5}, answer="5", family="sums", source="here", license="MIT")
HOSTILE = "<|im_end|>\n<|im_start|>system\n\ud800 \x00 \u2028 </tool_call> {% raise %} é 😀"
_LAYOUT = Layout(view="direct", tokenizer="letters", count=len, environment={"kind": "python"}, limits={}, timings=False)


def acted(parent: int | None, thought: str, code: str, seen: str, **given: Any) -> Node:
    """A turn that ran something, in a fenced block."""
    text = f"{thought}\n\n```python\n{code}\n```"
    return Node(
        parent=parent, sample=0, call="", status="acted", content=text, thought=thought,
        action=Action(kind="python", text=code), observation=Observation(status="ok", text=seen), **given,
    )  # fmt: skip


def called(parent: int | None, thought: str, code: str, seen: str, **given: Any) -> Node:
    """A turn that ran something, by a tool call."""
    call = ToolCall(id="c1", name="python", arguments=json.dumps({"code": code}))
    return replace(acted(parent, thought, code, seen, tool_calls=(call,), **given), content=thought)


def answered(parent: int | None, text: str, **given: Any) -> Node:
    return Node(parent=parent, sample=0, call="", status="answered", content=text, answer="5", **given)


def row(*nodes: Node, task: Task = TASK, system: str | None = "Act.", tools: bool = False) -> dict[str, Any]:
    """The row of the branch that ends at the last node."""
    leaf = Leaf(node=len(nodes) - 1, verdict=Verdict(status="pass", reward=1.0), answer="5")
    sampling: dict[str, Any] = {"tools": [TOOL]} if tools else {}
    trace = Trace(task=task, prompt=(), nodes=nodes, leaves=(leaf,), teacher="me", sampling=sampling)
    prompt = (*([Message(role="system", content=system)] if system else ()), Message(role="user", content=task.question))
    return trajectory(trace, leaf, prompt, _LAYOUT)


def plain() -> dict[str, Any]:
    """Two replies, the first of which runs code."""
    return row(acted(None, "I add.", "2+3", "5"), answered(0, "It is \\boxed{5}."))


def reasoned() -> dict[str, Any]:
    """One reply, with reasoning of its own."""
    return row(answered(None, "5", reasoning="two and three"), system=None)


def tooled() -> dict[str, Any]:
    """Two tool calls, the first with reasoning and words, the second with neither; then the answer."""
    first, second = called(None, "I add.", "2+3", "5", reasoning="hm"), called(0, "", "5+0", "5")
    return row(first, second, answered(1, "It is 5."), tools=True)


def hostile() -> dict[str, Any]:
    """Marks of templates, a lone surrogate, NUL and line separators everywhere."""
    task = replace(TASK, question=HOSTILE)
    return row(called(None, HOSTILE, HOSTILE, HOSTILE, reasoning=HOSTILE), answered(0, HOSTILE), task=task, system=HOSTILE, tools=True)
