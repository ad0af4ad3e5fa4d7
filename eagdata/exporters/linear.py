"""Linear views of a tree: chat messages of one branch, made by a named policy.

`direct`: the branch alone. `linear_retry`: before each turn also its siblings that failed earlier, each followed by its
observation and the word that the state is back, so that the text shows the error, the feedback and the recovery. How the
a1 paper flattens a tree is not public beyond the title of a theorem ("Linear Retry Approximation"); both policies are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eagdata.records import Message, Node, Observation

View = Literal["direct", "linear_retry"]
HEADS = {"ok": "Output", "error": "Error", "timeout": "Timeout", "limit": "Limit"}
STATE_IS_BACK = "(The state is back to what it was before this step.)"
VOID_REMINDER = "There was neither an action nor a final answer in that reply."


@dataclass(frozen=True, slots=True)
class LinearView:
    """Messages, whether each may be trained on, and the nodes that they show."""

    messages: tuple[Message, ...]
    loss: tuple[bool, ...]
    shown: tuple[int, ...]


def linearize(prompt: Sequence[Message], nodes: Sequence[Node], *, end: int | None, view: View, ahead: bool = False) -> LinearView:
    """The branch that ends at node `end` (None: before the first turn), as messages.

    `ahead`: also show what failed below `end` so far, for a teacher that is about to try again there. Loss flags: true for
    the teacher's turns, false for the prompt and the observations.
    """
    shown: list[tuple[int, bool]] = []
    at = end
    if ahead and view == "linear_retry":
        shown.extend((i, True) for i in reversed(_failed(nodes, end, before=len(nodes))))
    while at is not None:
        shown.append((at, False))
        parent = nodes[at].parent
        if view == "linear_retry":
            shown.extend((i, True) for i in reversed(_failed(nodes, parent, before=at)))
        at = parent
    messages = list(prompt)
    loss = [False] * len(messages)
    for index, is_back in reversed(shown):
        turn = turn_messages(nodes[index], state_is_back=is_back)
        messages.extend(turn)
        loss.extend(message.role == "assistant" for message in turn)
    return LinearView(tuple(messages), tuple(loss), tuple(index for index, _ in reversed(shown)))


def turn_messages(node: Node, *, state_is_back: bool = False) -> tuple[Message, ...]:
    """One turn: the reply, and the observation if there is one."""
    reply = Message(role="assistant", content=node.content, reasoning_content=node.reasoning, tool_calls=node.tool_calls)
    if node.observation is None:
        return (reply,) if node.status == "answered" else (reply, Message(role="user", content=VOID_REMINDER))
    text = observation_text(node.observation, state_is_back=state_is_back)
    if node.tool_calls:
        call = node.tool_calls[0]
        return replace(reply, tool_calls=(call,)), Message(role="tool", content=text, tool_call_id=call.id, name=call.name)
    return reply, Message(role="user", content=text)


def observation_text(observation: Observation, *, state_is_back: bool = False) -> str:
    """An observation as the teacher reads it."""
    text = f"{HEADS[observation.status]}:\n{observation.text or '(no output)'}"
    return f"{text}\n{STATE_IS_BACK}" if state_is_back else text


def _failed(nodes: Sequence[Node], parent: int | None, *, before: int) -> list[int]:
    """Children of `parent` born before `before` whose own action failed. Wrong answers are no feedback of the environment."""
    return [
        i
        for i, node in enumerate(nodes[:before])
        if node.parent == parent and node.observation is not None and node.observation.status != "ok"
    ]
