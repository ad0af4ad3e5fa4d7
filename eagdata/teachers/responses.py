"""The JSON of the Responses API, `POST /responses`, read and written as a view of chat completions.

It has neither `seed`, `stop` nor `n`, and continues no begun reply. Nothing is stored on the server: each request holds the whole
conversation. Source: the OpenAI API reference, "Create a model response"; the types in `openai.types.responses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eagdata.contracts import Reply
from eagdata.records import Json, Message
from eagdata.teachers.wire import Cost, WrongShape, clean, read_replies

_REASONS = {"max_output_tokens": "length"}
"""Why a response is incomplete -> the `finish_reason` of chat completions; the others have the same name in both."""
_FAILED = frozenset({"failed", "cancelled"})


def responses_body(messages: Sequence[Message], *, tools: Sequence[dict[str, Json]] = ()) -> dict[str, Json]:
    """Conversation and tools as a request holds them; `tools` come as chat completions have them. Model and dials are the caller's.

    Reasoning is left out: the API takes back its own encrypted items alone. A tool is `strict` only where it says so itself: the API's
    default would rewrite its schema.
    """
    body: dict[str, Json] = {"input": [item for message in messages for item in _items(message)], "store": False}
    return body | {"tools": [_flat(tool) for tool in tools]} if tools else body


def read_response(body: Json, *, cost: Cost | None = None) -> tuple[Reply, ...]:
    """The one reply of a response. `finish_reason`: `stop`, `tool_calls`, `length`, `content_filter`, or `error` where it failed: its
    text is then not to be used, and lies in `extra["partial"]`. llama.cpp says `completed` of a reply cut at its bound, too (measured).

    Raises: WrongShape for what is no response.
    """
    output = body.get("output") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(output, list):
        raise WrongShape("the body has no list `output`")
    items = [item for item in output if isinstance(item, dict)]
    message = _message(items)
    choice: dict[str, Json] = {"message": message, "finish_reason": _finish(body, called=bool(message["tool_calls"]))}
    if logprobs := [one for part in _parts(items, "message", "content") for one in _listed(part.get("logprobs"))]:
        choice["logprobs"] = logprobs
    return read_replies({**body, "choices": [choice], "usage": _usage(body.get("usage"))}, cost=cost)


def _items(message: Message) -> Iterator[Json]:
    content = clean(message.content)
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": content}
        return
    if content or not message.tool_calls:
        yield {"type": "message", "role": message.role, "content": content}
    for call in message.tool_calls or ():
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": clean(call.arguments)}


def _flat(tool: dict[str, Json]) -> dict[str, Json]:
    function = tool.get("function")
    return {"type": "function", "strict": False, **(function if isinstance(function, dict) else {})}


def _message(items: list[dict[str, Json]]) -> dict[str, Json]:
    """All output items as one message of chat completions. Reasoning: its text where the server shows it, else its summary."""
    thought = "".join(_texts(items, "reasoning", "reasoning_text"))
    calls: list[Json] = [
        {"id": item.get("call_id"), "function": {"name": item.get("name"), "arguments": item.get("arguments")}}
        for item in items
        if item.get("type") == "function_call"
    ]
    return {
        "content": "".join(_texts(items, "message", "output_text")),
        "refusal": "".join(_texts(items, "message", "refusal", key="refusal")),
        "reasoning_content": thought or "\n\n".join(_texts(items, "reasoning", "summary_text", within="summary")) or None,
        "tool_calls": calls,
    }


def _finish(body: dict[str, Json], *, called: bool) -> Json:
    status, details = body.get("status"), body.get("incomplete_details")
    if status in _FAILED:
        return "error"
    if status == "completed":
        return "tool_calls" if called else "stop"
    reason = details.get("reason") if isinstance(details, dict) else None
    return _REASONS.get(reason, reason) if isinstance(reason, str) else status


def _texts(items: list[dict[str, Json]], item: str, part: str, *, within: str = "content", key: str = "text") -> list[str]:
    """The texts of all parts of one kind, in all items of one kind."""
    parts = [one for one in _parts(items, item, within) if one.get("type") == part]
    return [text for one in parts if isinstance(text := one.get(key), str)]


def _parts(items: list[dict[str, Json]], kind: str, within: str) -> list[dict[str, Json]]:
    return [part for item in items if item.get("type") == kind for part in _listed(item.get(within)) if isinstance(part, dict)]


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _usage(value: Json) -> Json:
    """The counts under the names of chat completions."""
    if not isinstance(value, dict):
        return None
    return {
        "prompt_tokens": value.get("input_tokens"),
        "completion_tokens": value.get("output_tokens"),
        "prompt_tokens_details": value.get("input_tokens_details"),
        "completion_tokens_details": value.get("output_tokens_details"),
        "cost": value.get("cost"),
    }
