"""The JSON of the chat completions API: messages out, replies in. Nothing that comes in is trusted to have the right shape.

Source of the shapes: the OpenAI API reference, "Create chat completion"; reasoning text is `reasoning_content` on SGLang,
llama.cpp and DeepSeek, `reasoning` on vLLM, Ollama and OpenRouter.
"""

from __future__ import annotations

from collections.abc import Callable

from eagdata.contracts import Reply
from eagdata.records import Json, Message, ToolCall, Usage, canonical, well_formed

Cost = Callable[[int | None, int | None, int | None], float | None]
"""Prompt, completion and cached tokens -> USD, or None if unknown."""

_KEPT = ("id", "service_tier", "system_fingerprint", "provider")
"""What a body says beside its choices and is worth keeping: it names the call, and who really served it."""
_SERVERS = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "library": "ollama"}
_CONTINUATION: dict[str, dict[str, Json]] = {
    "vllm": {"continue_final_message": True, "add_generation_prompt": False},
    "sglang": {"continue_final_message": True},
    "llamacpp": {},
}


class WrongShape(ValueError):
    """Valid JSON that is no chat completion; the text says where."""


def message_json(message: Message) -> dict[str, Json]:
    """One message as a request holds it.

    Reasoning goes along only beside tool calls: there DeepSeek answers 400 without it, elsewhere some servers refuse it.
    """
    content = message.content
    body: dict[str, Json] = {"role": message.role, "content": content if content.isascii() else clean(content)}
    if message.tool_calls:
        body["tool_calls"] = [_call_json(call) for call in message.tool_calls]
        if message.reasoning_content:
            body["reasoning_content"] = clean(message.reasoning_content)
    if message.tool_call_id:
        body["tool_call_id"] = message.tool_call_id
    return body


def reply_json(reply: Reply) -> dict[str, Json]:
    """A reply as a server would have sent it; `read_replies` reads it back, but for a `usage` that counts no call: it is left out."""
    extra = reply.extra
    message: dict[str, Json] = {"role": "assistant", "content": extra.get("partial", reply.content)}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = [_call_json(call) for call in reply.tool_calls]
    choice: dict[str, Json] = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    choice |= {key: extra[key] for key in ("logprobs", "error") if key in extra}
    body: dict[str, Json] = {"object": "chat.completion", "model": reply.model, "choices": [choice]}
    if reply.usage.calls:
        body["usage"] = _usage_json(reply.usage, reasoning=extra.get("reasoning_tokens"))
    return body | {key: extra[key] for key in _KEPT if key in extra}


def read_replies(body: Json, *, cost: Cost | None = None) -> tuple[Reply, ...]:
    """All choices of a completion, at least one. Whatever a body with `choices` holds, it was paid for: no choice, or an empty one,
    is a reply without content (`finish_reason` as said, else `empty`); the text of one that ended in `error` is not to be used, and
    lies in `extra["partial"]`.

    The first reply bears the usage of the whole request. Of several choices llama.cpp counts the completion tokens of one alone
    (measured on llama.cpp b11549: 12 tokens for three replies of 12, 10 and 12; its bodies hold `timings`): unknown there.

    Raises: WrongShape for what is no completion: no `choices`, or a value of another type.
    """
    if not isinstance(body, dict):
        raise WrongShape(f"the body is {_kind(body)}, not an object")
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise WrongShape(f"`choices` is {_kind(choices)}")
    used = body.get("usage")
    known = used if isinstance(used, dict) else {}
    usage = _usage(known, cost=cost, uncounted=len(choices) > 1 and "timings" in body)
    first = _reply(choices[0] if choices else None, body, usage)
    details = known.get("completion_tokens_details")
    if isinstance(details, dict) and (thought := _count(details.get("reasoning_tokens"))) is not None:
        first.extra["reasoning_tokens"] = thought
    return (first, *[_reply(choice, body, Usage()) for choice in choices[1:]]) if len(choices) > 1 else (first,)


def clean(text: str) -> str:
    """`text` with each lone surrogate, which no UTF-8 body and no Parquet file can hold, replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return well_formed(text)
    return text


def server_kind(models_body: Json) -> str | None:
    """Which program serves, by the `owned_by` of its `GET /models`: `vllm`, `sglang`, `llamacpp`, `ollama`; None if it does not say.

    Source: vLLM `entrypoints/openai/engine/protocol.py`, SGLang `srt/entrypoints/openai/protocol.py`, llama.cpp
    `tools/server/server-context.cpp`; Ollama `openai/openai.go` gives the model's namespace, which is `library` for its own models.
    """
    listed = models_body.get("data") if isinstance(models_body, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    owner = first.get("owned_by") if isinstance(first, dict) else None
    return _SERVERS.get(owner) if isinstance(owner, str) else None


def continuation_keys(server: str) -> dict[str, Json] | None:
    """Keys of a request whose last message is the assistant's, that make the server go on with it. None: it cannot.

    Left out, vLLM begins another turn after it, and SGLang takes it for the user's. vLLM refuses to be asked for both a continuation
    and a generation prompt. llama.cpp continues by itself, and answers 400 where the model's template thinks.

    Source: vLLM `entrypoints/openai/chat_completion/protocol.py`; SGLang `srt/entrypoints/openai/serving_chat.py`,
    `_handle_last_assistant_message`; llama.cpp pull requests 13174 and 23012.
    """
    return _CONTINUATION.get(server)


def new_text(content: str, *, begun: str, server: str) -> str:
    """What a server added to the reply that it was asked to continue.

    vLLM (without `echo`) and SGLang answer with the added text alone; llama.cpp b11549 says the begun text again, and does not count
    it as completion tokens (measured). Sources as of `continuation_keys`.
    """
    return content.removeprefix(begun) if server == "llamacpp" else content


def _reply(choice: Json, body: dict[str, Json], usage: Usage) -> Reply:
    """One choice of `body`. None: there is none."""
    if not isinstance(choice, dict):
        if choice is not None:
            raise WrongShape(f"a choice is {_kind(choice)}, not an object")
        choice = {}
    message = choice.get("message")
    if not isinstance(message, dict):
        if message is not None:
            raise WrongShape(f"`message` is {_kind(message)}, not an object")
        message = {}
    content = _text(message.get("content") or message.get("refusal"), "content") or ""
    reasoning = _text(message.get("reasoning_content") or message.get("reasoning"), "reasoning")
    calls = _calls(message["tool_calls"]) if "tool_calls" in message else None
    finish, model = choice.get("finish_reason"), body.get("model")
    if not isinstance(finish, str):
        finish = None if content or calls or reasoning else "empty"
    extra: dict[str, Json] = {}
    for key in _KEPT:
        if isinstance(value := body.get(key), str):
            extra[key] = value
    if (logprobs := choice.get("logprobs")) is not None:
        extra["logprobs"] = logprobs
    reply = Reply(
        content=content,
        reasoning=reasoning,
        tool_calls=calls,
        finish_reason=finish,
        usage=usage,
        model=model if isinstance(model, str) else None,
        extra=extra,
    )
    return reply if finish != "error" else _broken_off(reply, choice.get("error") or body.get("error"))


def _broken_off(reply: Reply, error: Json) -> Reply:
    """A reply that the server gave up: its half is evidence, not an answer. A half tool call is not to be run either."""
    extra = reply.extra | {"partial": reply.content or reply.reasoning or ""} | ({} if error is None else {"error": error})
    return Reply(content="", finish_reason="error", usage=reply.usage, model=reply.model, extra=extra)


def _text(value: Json, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise WrongShape(f"`{name}` is {_kind(value)}, not a text")
    return value if value.isascii() else clean(value)


def _calls(value: Json) -> tuple[ToolCall, ...] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise WrongShape(f"`tool_calls` is {_kind(value)}, not a list")
    return tuple(_call(call, place) for place, call in enumerate(value))


def _call(value: Json, place: int) -> ToolCall:
    """Arguments that are none, or JSON instead of its text, are the model's affair, not another try's."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(function, dict):
        raise WrongShape("a tool call has no `function`")
    name, arguments, call_id = function.get("name"), function.get("arguments"), value.get("id")
    if not isinstance(name, str):
        raise WrongShape("a tool call has no name")
    written = arguments if isinstance(arguments, str) else "" if arguments is None else canonical(arguments)
    return ToolCall(id=call_id if isinstance(call_id, str) and call_id else f"call_{place}", name=name, arguments=clean(written))


def _call_json(call: ToolCall) -> dict[str, Json]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": clean(call.arguments)}}


def _usage(used: dict[str, Json], *, cost: Cost | None, uncounted: bool) -> Usage:
    """What a server counts; unknown stays None. Cached tokens: OpenAI's field, else DeepSeek's; cost: OpenRouter's field.

    `uncounted`: what it says of the completion is not of all that it wrote.
    """
    details = used.get("prompt_tokens_details")
    prompt, completion = _count(used.get("prompt_tokens")), None if uncounted else _count(used.get("completion_tokens"))
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    if cached is None:
        cached = _count(used.get("prompt_cache_hit_tokens"))
    usd = _number(used.get("cost"))
    if usd is None and cost:
        usd = cost(prompt, completion, cached)
    return Usage(calls=1, prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached, cost_usd=usd)


def _usage_json(usage: Usage, *, reasoning: Json) -> dict[str, Json]:
    body: dict[str, Json] = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "cost": usage.cost_usd}
    body["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    return body if reasoning is None else body | {"completion_tokens_details": {"reasoning_tokens": reasoning}}


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, float) or type(value) is int else None


def _kind(value: Json) -> str:
    return "missing" if value is None else type(value).__name__
