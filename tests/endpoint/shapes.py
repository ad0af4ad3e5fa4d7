"""The JSON of the two protocols: chat completions, and the Responses API, which is read and written as a view of the first.

Source: the OpenAI API reference, "Create chat completion" and "Create a model response".
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]  # any JSON object: what clients send and what scripts say is of any shape


def completion(content: str | None = "hello", **message: object) -> Body:
    """A usual body. `finish_reason` goes to the choice, everything else into its message."""
    finish = message.pop("finish_reason", "stop")
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return {"object": "chat.completion", "model": "tiny-1", "choices": [choice], "usage": usage}


def tokens(text: str) -> int:
    """How many tokens this endpoint takes `text` for: one for every four bytes begun."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def chat_messages(body: Body) -> list[Body]:
    """The conversation of a request of either protocol, in the shape of chat completions."""
    if "input" not in body:
        return list(body.get("messages") or [])
    asked = body["input"]
    items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    system = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    return system + [_message(item) for item in items]


def is_completion(body: object) -> bool:
    """Whether it has the shape of one, as far as `as_response` looks."""
    choices = body.get("choices") if isinstance(body, dict) else None
    return isinstance(choices, list) and bool(choices) and all(isinstance(choice.get("message"), dict) for choice in choices)


def as_response(body: Body) -> Body:
    """A completion as the Responses API would have said it: its first choice, which is all that this protocol has."""
    choice, usage = body["choices"][0], body.get("usage") or {}
    message, cut = choice["message"], choice.get("finish_reason") == "length"
    output: list[Body] = []
    if message.get("reasoning_content"):
        output.append({"type": "reasoning", "summary": [{"type": "summary_text", "text": message["reasoning_content"]}]})
    if message.get("content") is not None:
        output.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": message["content"]}]})
    calls = message.get("tool_calls") or ()
    output += [{"type": "function_call", "call_id": call["id"], **call["function"]} for call in calls]
    return {
        "id": body.get("id"),
        "object": "response",
        "model": body.get("model"),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "output": output,
        "usage": {"input_tokens": usage.get("prompt_tokens"), "output_tokens": usage.get("completion_tokens")},
    }


def _message(item: Body) -> Body:
    if item.get("type") == "function_call":
        call = {"id": item["call_id"], "type": "function", "function": {"name": item["name"], "arguments": item["arguments"]}}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item["output"], "tool_call_id": item["call_id"]}
    content = item.get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return {"role": item.get("role", "user"), "content": text}
