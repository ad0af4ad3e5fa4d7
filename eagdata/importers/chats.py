"""Conversations: `messages` as OpenAI and TRL write them, `conversations` of ShareGPT and OpenThoughts.

    {"messages": [{"role": "user", "content": "2+3?"}, {"role": "assistant", "content": "5"}]}
    {"conversations": [{"from": "human", "value": "2+3?"}, {"from": "gpt", "value": "5"}]}
    {"system": "...", "conversations": [{"from": "user", "value": "2+3?"},
      {"from": "assistant", "value": "<|begin_of_thought|>...<|end_of_thought|><|begin_of_solution|>5<|end_of_solution|>"}]}

ToRA and NuminaMath-TIR put actions and outputs into one message of the assistant, between fences.
Sources: TRL, docs/source/dataset_formats.md; OpenThoughts, open_thoughts/ (conversion to ShareGPT); ToRA, data/tora/examples.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from eagdata.importers.columns import Columns, spelt
from eagdata.importers.seen import Format, Seen, SeenRow, by_row
from eagdata.importers.speech import Part, parts, turns

_ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "chatgpt"), "assistant"),
    **dict.fromkeys(("tool", "function", "ipython", "observation", "function_response", "tool_response"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}
_ANSWERS = ("answer", "gt", "expected_answer", "ground_truth")


def see_chat(messages: Sequence[Mapping[str, object]], *, answer: str | None = None, acts: bool = False) -> SeenRow:
    """A conversation. What users say before the first reply is the problem; what they or tools say later is an observation.

    System prompts are left out. `acts`: see `speech.parts`. Raises: ValueError for a role or a content that is none.
    """
    problem: list[str] = []
    found: list[Part] = []
    for message in messages:
        name = str(message.get("role") or message.get("from")).lower()
        role = _ROLES.get(name)
        if role is None:
            raise ValueError(f"{name!r} is no role of a message")
        text = _content(message)
        if role == "assistant":
            found += _replied(message, text, acts=acts)
        elif role == "call":
            found.append(("action", text))
        elif role == "tool" or (role == "user" and found):
            found.append(("observation", text))
        elif role == "user":
            problem.append(text)
    return SeenRow(problem="\n".join(problem) if problem else None, answer=answer, turns=turns(found))


def _replied(message: Mapping[str, object], text: str, *, acts: bool) -> Iterator[Part]:
    if reasoning := message.get("reasoning_content") or message.get("reasoning"):
        yield "thought", str(reasoning)
    yield from parts(text, acts=acts)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield "action", _called(call["function"])


def _called(function: Mapping[str, object]) -> str:
    """What a tool was called with: its one argument if that is a text, such as code; else name and arguments."""
    arguments = function["arguments"]
    try:
        named = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        named = arguments
    given = [value for value in named.values() if value is not None] if isinstance(named, dict) else []
    return given[0] if len(given) == 1 and isinstance(given[0], str) else f"{function['name']}({spelt(arguments)})"


def _content(message: Mapping[str, object]) -> str:
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if part.get("text") is not None)
    if content is None or isinstance(content, str):
        return content or ""
    raise ValueError(f"the content of a message is a text, not {type(content).__name__}")


def _see(columns: Columns, *, name: str, acts: bool = False) -> Seen:
    return by_row(columns, (name, *_ANSWERS), partial(_see_row, name=name, acts=acts))


def _see_row(row: Mapping[str, object], *, name: str, acts: bool) -> SeenRow:
    return see_chat(_messages(row, name), answer=next((spelt(row[key]) for key in _ANSWERS if row.get(key) is not None), None), acts=acts)


def _messages(row: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    """Raises: KeyError; TypeError."""
    messages = row[name]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise TypeError(f"{name!r} is no list of messages")
    return messages


TORA = Format(
    name="tora",
    needs=(frozenset({"messages", "gt"}), frozenset({"messages", "problem", "solution"})),
    see=partial(_see, name="messages", acts=True),
)
MESSAGES = Format(name="messages", needs=(frozenset({"messages"}),), see=partial(_see, name="messages"))
SHAREGPT = Format(name="sharegpt", needs=(frozenset({"conversations"}),), see=partial(_see, name="conversations"))
