"""The Responses API, held against the types of the `openai` package."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response, ResponseInputItemParam, ToolParam
from pydantic import TypeAdapter

from eagdata.contracts import Reply
from eagdata.records import Json, Message, ToolCall, Usage
from eagdata.teachers.prompts import run_tool
from eagdata.teachers.responses import read_response, responses_body
from eagdata.teachers.wire import WrongShape, reply_json
from tests.endpoint.shapes import chat_messages

CALL = ToolCall(id="c1", name="run", arguments='{"code": "6 * 7"}')
TALK = (
    Message(role="system", content="Run code."),
    Message(role="user", content="6 * 7? \ud800"),
    Message(role="assistant", content="", reasoning_content="hm", tool_calls=(CALL,)),
    Message(role="tool", content="42", tool_call_id="c1"),
    Message(role="assistant", content="It is 42."),
    Message(role="user", content=""),
)


def text(said: str, **more: Json) -> dict[str, Json]:
    return {"type": "output_text", "text": said, "annotations": [], **more}


def message(*parts: Json) -> dict[str, Json]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(parts)}


def response(*output: Json, **more: Json) -> dict[str, Json]:
    """A body that the `openai` package takes for a response."""
    usage: Json = {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 39,
    }
    body: dict[str, Json] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        **more,
    }
    Response.model_validate(body)
    return body


def only(body: Json) -> Reply:
    (reply,) = read_response(body)
    return reply


def test_a_conversation_becomes_items_that_openai_takes() -> None:
    body = responses_body(TALK, tools=[run_tool("python")])
    checked: Any = TypeAdapter(list[ResponseInputItemParam])
    checked.validate_python(body["input"], strict=True)
    assert body["input"] == [
        {"type": "message", "role": "system", "content": "Run code."},
        {"type": "message", "role": "user", "content": "6 * 7? \ufffd"},
        {"type": "function_call", "call_id": "c1", "name": "run", "arguments": CALL.arguments},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        {"type": "message", "role": "assistant", "content": "It is 42."},
        {"type": "message", "role": "user", "content": ""},
    ]
    assert body["store"] is False
    assert [(item["role"], item["content"]) for item in chat_messages(body)] == [
        (m.role, m.content.replace("\ud800", "\ufffd")) for m in TALK
    ]


def test_a_tool_is_flat_and_strict_only_where_it_says_so() -> None:
    tool = run_tool("python")
    (flat,) = responses_body(TALK, tools=[tool])["tools"]  # type: ignore[misc, union-attr]
    checked: Any = TypeAdapter(ToolParam)
    checked.validate_python(flat, strict=True)
    assert flat == {"type": "function", "strict": False, **tool["function"]}  # type: ignore[dict-item]
    strict = {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}
    assert responses_body((), tools=[strict])["tools"][0]["strict"] is True  # type: ignore[index, call-overload, list-item]
    assert "tools" not in responses_body(TALK)


def test_a_whole_response_is_one_reply() -> None:
    thought: Json = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": s} for s in ("First.", "Then.")]}
    body = response(thought, message(text("It "), text("is 42.")), service_tier="flex")
    reply = only(body)
    assert reply.content == Response.model_validate(body).output_text == "It is 42."
    assert (reply.reasoning, reply.tool_calls, reply.finish_reason, reply.model) == ("First.\n\nThen.", None, "stop", "m")
    assert reply.usage == Usage(calls=1, prompt_tokens=30, completion_tokens=9, cached_tokens=20)
    assert reply.extra == {"id": "resp_1", "service_tier": "flex", "reasoning_tokens": 4}


def test_open_reasoning_is_preferred_to_its_summary() -> None:
    thought: Json = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "long"}],
    }
    assert only(response(thought, message(text("x")))).reasoning == "long"


def test_function_calls_become_tool_calls() -> None:
    call: Json = {"type": "function_call", "call_id": CALL.id, "name": CALL.name, "arguments": CALL.arguments, "id": "fc_1"}
    reply = only(response(message(text("I run it.")), call))
    assert (reply.content, reply.tool_calls, reply.finish_reason) == ("I run it.", (CALL,), "tool_calls")


@pytest.mark.parametrize(("why", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_an_incomplete_response_says_why(why: str, finish: str) -> None:
    reply = only(response(message(text("half")), status="incomplete", incomplete_details={"reason": why}))
    assert (reply.content, reply.finish_reason) == ("half", finish)
    assert only(response(status="incomplete", incomplete_details={"reason": why})).content == ""


def test_a_failed_response_is_evidence_and_no_text() -> None:
    error: Json = {"code": "server_error", "message": "boom"}
    reply = only(response(message(text("half")), status="failed", error=error))
    assert (reply.content, reply.finish_reason, reply.extra["partial"], reply.extra["error"]) == ("", "error", "half", error)
    assert only(response(status="cancelled")).finish_reason == "error"


def test_a_refusal_is_what_it_says() -> None:
    assert only(response(message({"type": "refusal", "refusal": "I will not."}))).content == "I will not."


def test_logprobs_are_kept_as_they_came() -> None:
    logprob: Json = {"token": "x", "bytes": [120], "logprob": -0.5, "top_logprobs": []}
    assert only(response(message(text("x", logprobs=[logprob])))).extra["logprobs"] == [logprob]
    assert "logprobs" not in only(response(message(text("x", logprobs=[])))).extra


def test_what_an_item_of_another_kind_holds_is_no_text() -> None:
    search: Json = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
    assert only(response(search, message(text("x")))).content == "x"


def test_missing_usage_is_unknown_and_the_price_counts_what_is_known() -> None:
    assert only(response(message(text("x")), usage=None)).usage == Usage(calls=1, prompt_tokens=None, completion_tokens=None)
    (reply,) = read_response(response(message(text("x"))), cost=lambda *counts: float(sum(count or 0 for count in counts)))
    assert reply.usage.cost_usd == 30 + 9 + 20


@pytest.mark.parametrize("body", [None, [], {}, {"output": None}, {"choices": []}, {"output": [{"type": "function_call"}]}], ids=str)
def test_what_is_no_response_is_refused(body: Json) -> None:
    with pytest.raises(WrongShape):
        read_response(body)


def test_a_reply_of_a_response_can_be_recorded_as_a_chat_completion() -> None:
    assert reply_json(only(response(message(text("x")))))["choices"][0]["message"]["content"] == "x"  # type: ignore[index, call-overload]
