"""The JSON of the chat completions API: messages out, replies in. Nothing that comes in is trusted to have the right shape.

Source of the shapes: the OpenAI API reference, "Create chat completion"; reasoning text is `reasoning_content` on SGLang,
llama.cpp and DeepSeek, `reasoning` on vLLM, Ollama and OpenRouter.
"""

from __future__ import annotations

from collections.abc import Callable

from eagdata.contracts import Reply
from eagdata.records import Json, Message, ToolCall, Usage

Cost = Callable[[int | None, int | None, int | None], float | None]
"""Prompt, completion and cached tokens -> USD, or None if unknown."""


class WrongShape(ValueError):
    """Valid JSON that is no chat completion; the text says where."""


def message_json(message: Message) -> dict[str, Json]:
    """One message as a request holds it.

    Reasoning goes along only beside tool calls: there DeepSeek answers 400 without it, elsewhere some servers refuse it.
    """
    body: dict[str, Json] = {"role": message.role, "content": clean(message.content)}
    if message.tool_calls:
        body["tool_calls"] = [_call_json(call) for call in message.tool_calls]
        if message.reasoning_content:
            body["reasoning_content"] = clean(message.reasoning_content)
    if message.tool_call_id:
        body["tool_call_id"] = message.tool_call_id
    return body


def reply_json(reply: Reply) -> dict[str, Json]:
    """A reply as a server would have sent it; `read_replies` reads it back."""
    message: dict[str, Json] = {"role": "assistant", "content": reply.content}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = [_call_json(call) for call in reply.tool_calls]
    used = reply.usage
    usage: dict[str, Json] = {"prompt_tokens": used.prompt_tokens, "completion_tokens": used.completion_tokens, "cost": used.cost_usd}
    usage["prompt_tokens_details"] = {"cached_tokens": used.cached_tokens}
    choice: Json = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    return {"object": "chat.completion", "model": reply.model, "choices": [choice], "usage": usage}


def read_replies(body: Json, *, cost: Cost | None = None) -> tuple[Reply, ...]:
    """All choices of a completion. With several, the completion tokens are unknown: llama.cpp counts one choice only.

    Raises: WrongShape.
    """
    if not isinstance(body, dict):
        raise WrongShape(f"the body is {_kind(body)}, not an object")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise WrongShape(f"`choices` is {'empty' if choices == [] else _kind(choices)}")
    model = body.get("model")
    usage = _usage(body.get("usage"), cost=cost, shared=len(choices) > 1)
    return tuple(_reply(choice, model=model if isinstance(model, str) else None, usage=usage) for choice in choices)


def clean(text: str) -> str:
    """`text` with each lone surrogate, which no UTF-8 body and no Parquet file can hold, replaced by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _reply(choice: Json, *, model: str | None, usage: Usage) -> Reply:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise WrongShape("a choice has no `message`")
    finish = choice.get("finish_reason")
    if finish == "error":
        raise WrongShape("the server broke off: finish_reason is 'error'")
    reasoning = _text(message, "reasoning_content") or _text(message, "reasoning")
    calls = _calls(message.get("tool_calls"))
    content = _text(message, "content")
    if content is None:
        content = _text(message, "refusal")
    if content is None and not calls and reasoning is None:
        raise WrongShape("a message has neither content nor tool calls")
    return Reply(
        content=content or "",
        reasoning=reasoning,
        tool_calls=calls,
        finish_reason=finish if isinstance(finish, str) else None,
        usage=usage,
        model=model,
    )


def _text(message: dict[str, Json], key: str) -> str | None:
    value = message.get(key)
    if value is not None and not isinstance(value, str):
        raise WrongShape(f"`{key}` is {_kind(value)}, not a text")
    return None if value is None else clean(value)


def _calls(value: Json) -> tuple[ToolCall, ...] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise WrongShape(f"`tool_calls` is {_kind(value)}, not a list")
    return tuple(_call(call, place) for place, call in enumerate(value))


def _call(value: Json, place: int) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(function, dict):
        raise WrongShape("a tool call has no `function`")
    name, arguments, call_id = function.get("name"), function.get("arguments"), value.get("id")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise WrongShape("a tool call has no name or no arguments")
    return ToolCall(id=call_id if isinstance(call_id, str) and call_id else f"call_{place}", name=name, arguments=clean(arguments))


def _call_json(call: ToolCall) -> dict[str, Json]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": clean(call.arguments)}}


def _usage(value: Json, *, cost: Cost | None, shared: bool) -> Usage:
    """What a server counts; unknown stays None. Cached tokens: OpenAI's field, else DeepSeek's; cost: OpenRouter's field."""
    used = value if isinstance(value, dict) else {}
    details = used.get("prompt_tokens_details")
    prompt, completion = _count(used.get("prompt_tokens")), None if shared else _count(used.get("completion_tokens"))
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    cached = _count(used.get("prompt_cache_hit_tokens")) if cached is None else cached
    said = used.get("cost")
    known = float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
    return Usage(
        calls=1,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cost_usd=cost(prompt, completion, cached) if cost and known is None else known,
    )


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _kind(value: Json) -> str:
    return "missing" if value is None else type(value).__name__
