"""One turn as chat messages: the reply, and what was heard after it. The words that all linear views share."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

from eagdata.records import Message, Node, Observation, ObservationStatus

HEADS = {"ok": "Output", "error": "Error", "timeout": "Timeout", "limit": "Limit"}
STATE_IS_BACK = "(The state is back to what it was before this step.)"
VOID_REMINDER = "There was neither an action nor a final answer in that reply."
_NOTHING = "(no output)"
_LIKE_NOTHING = re.compile(r"\\*\(no output\)")
_OBSERVED = re.compile(rf"(?P<head>{'|'.join(HEADS.values())}):\n(?P<text>.*)", re.DOTALL)


def turn_messages(node: Node, *, state_is_back: bool = False) -> tuple[Message, ...]:
    """One turn: the reply, and the observation if there is one."""
    reply = Message(role="assistant", content=node.content, reasoning_content=node.reasoning, tool_calls=node.tool_calls)
    if node.observation is None:
        return (reply,) if node.status == "answered" else (reply, Message(role="user", content=VOID_REMINDER))
    return with_heard(reply, observation_text(node.observation, state_is_back=state_is_back))


def with_heard(reply: Message, text: str) -> tuple[Message, Message]:
    """The reply and `text` as what answers it: the result of its tool call if it made one, of the first if it made several."""
    if not reply.tool_calls:
        return reply, Message(role="user", content=text)
    call = reply.tool_calls[0]
    return replace(reply, tool_calls=(call,)), Message(role="tool", content=text, tool_call_id=call.id, name=call.name)


def observation_text(observation: Observation, *, state_is_back: bool = False) -> str:
    """An observation as the teacher reads it. An output that spells our word for none gets a backslash, so that the two differ."""
    shown = f"\\{observation.text}" if _LIKE_NOTHING.fullmatch(observation.text) else observation.text or _NOTHING
    text = f"{HEADS[observation.status]}:\n{shown}"
    return f"{text}\n{STATE_IS_BACK}" if state_is_back else text


def read_observation(text: str) -> Observation | None:
    """Inverse of `observation_text` without a state that is back: status and text. None if it is no observation."""
    found = _OBSERVED.fullmatch(text)
    if not found:
        return None
    status = cast("ObservationStatus", next(status for status, head in HEADS.items() if head == found["head"]))
    shown = found["text"]
    if _LIKE_NOTHING.fullmatch(shown):
        shown = "" if shown == _NOTHING else shown[1:]
    return Observation(status=status, text=shown)
