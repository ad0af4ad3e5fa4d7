"""What is made of the JSON of chat completions, whoever serves it."""

from __future__ import annotations

import json

import pytest

from eagdata.contracts import Reply
from eagdata.records import Json, Message, ToolCall, Usage
from eagdata.teachers.wire import (
    WrongShape,
    clean,
    continuation_keys,
    message_json,
    new_text,
    read_replies,
    reply_json,
    server_kind,
)


def choice(content: Json = "hello", *, finish: Json = "stop", **message: Json) -> dict[str, Json]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}


def body(*choices: Json, **more: Json) -> dict[str, Json]:
    usage: Json = {"prompt_tokens": 10, "completion_tokens": 5}
    return {"object": "chat.completion", "model": "m", "choices": list(choices), "usage": usage, **more}


def only(answer: Json) -> Reply:
    (reply,) = read_replies(answer)
    return reply


def used(**usage: Json) -> Usage:
    return only(body(choice(), usage=usage)).usage


@pytest.mark.parametrize(
    ("answer", "finish"),
    [
        (body(), "empty"),
        (body(None), "empty"),
        (body({}), "empty"),
        (body({"message": None}), "empty"),
        (body({"message": {"content": ""}}), "empty"),
        (body(choice(None, finish=None)), "empty"),
        (body(choice(None, finish="stop")), "stop"),
        (body(choice(None, finish="length")), "length"),
        (body(choice("", finish="content_filter")), "content_filter"),
        (body(choice("", tool_calls=[], finish="tool_calls")), "tool_calls"),
        (body(choice("half", finish="error")), "error"),
    ],
    ids=str,
)
def test_an_answer_without_text_is_a_reply_that_was_paid_for(answer: Json, finish: str) -> None:
    reply = only(answer)
    assert (reply.content, reply.reasoning, reply.tool_calls, reply.finish_reason) == ("", None, None, finish)
    assert reply.usage == Usage(calls=1, prompt_tokens=10, completion_tokens=5)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_text_that_was_cut_is_kept_with_the_reason(finish: str) -> None:
    reply = only(body(choice("half a", finish=finish)))
    assert (reply.content, reply.finish_reason, reply.extra) == ("half a", finish, {})


def test_what_a_server_broke_off_is_evidence_and_no_text() -> None:
    call: Json = {"id": "c", "function": {"name": "run", "arguments": '{"co'}}
    error: Json = {"code": 502, "message": "upstream died"}
    reply = only(body(choice("half", finish="error", reasoning="hm", tool_calls=[call]) | {"error": error}, id="x"))
    assert (reply.content, reply.reasoning, reply.tool_calls) == ("", None, None)
    assert reply.extra == {"id": "x", "partial": "half", "error": error}
    assert only(body(choice(None, finish="error", reasoning="hm"))).extra == {"partial": "hm"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "x",
        {},
        {"choices": None},
        {"choices": {}},
        body("x"),
        body({"message": "x"}),
        body(choice(3)),
        body(choice("x", reasoning=3)),
        body(choice("x", tool_calls={})),
        body(choice("x", tool_calls=[{}])),
        body(choice("x", tool_calls=[{"function": {"arguments": "{}"}}])),
    ],
    ids=str,
)
def test_what_is_no_completion_is_refused(answer: Json) -> None:
    with pytest.raises(WrongShape):
        read_replies(answer)


def test_several_choices_count_one_call_between_them() -> None:
    replies = read_replies(body(choice("a"), choice("b", finish="length"), choice("c")), cost=lambda *_: 0.25)
    assert [(reply.content, reply.finish_reason, reply.usage.calls) for reply in replies] == [
        ("a", "stop", 1),
        ("b", "length", 0),
        ("c", "stop", 0),
    ]
    total = Usage(calls=1, prompt_tokens=10, completion_tokens=5, cost_usd=0.25)
    first, second, third = (reply.usage for reply in replies)
    assert first + second + third == third + second + first == total


def test_llama_cpp_counts_one_of_several_choices_so_that_the_count_is_unknown() -> None:
    timings: Json = {"predicted_n": 5}
    several = read_replies(body(choice("a"), choice("b"), timings=timings), cost=lambda p, c, h: None if c is None else 1.0)
    assert several[0].usage == Usage(calls=1, prompt_tokens=10, completion_tokens=None, cost_usd=None)
    assert only(body(choice("a"), timings=timings)).usage.completion_tokens == 5


def test_usage_is_read_from_each_servers_fields_and_unknown_stays_unknown() -> None:
    assert used() == Usage(calls=1, prompt_tokens=None, completion_tokens=None)
    assert used(prompt_tokens=-1, completion_tokens=True).prompt_tokens is None
    assert used(prompt_tokens=9, prompt_tokens_details={"cached_tokens": 0}).cached_tokens == 0
    assert used(prompt_tokens=9, prompt_tokens_details=None, prompt_cache_hit_tokens=7).cached_tokens == 7
    assert used(cost=0.5).cost_usd == 0.5
    assert used(cost=True).cost_usd is None
    assert only({"choices": [choice()], "usage": None}).usage == Usage(calls=1, prompt_tokens=None, completion_tokens=None)


def test_a_cost_that_the_server_states_wins_over_the_price() -> None:
    asked: list[tuple[int | None, int | None, int | None]] = []

    def cost(*counts: int | None) -> float:
        asked.append((counts[0], counts[1], counts[2]))
        return 2.0

    assert read_replies(body(choice(), usage={"prompt_tokens": 1, "cost": 0.5}), cost=cost)[0].usage.cost_usd == 0.5
    assert read_replies(body(choice(), usage={"prompt_tokens": 3, "completion_tokens": 2}), cost=cost)[0].usage.cost_usd == 2.0
    assert asked == [(3, 2, None)]


def test_what_names_the_call_is_kept_and_nothing_else() -> None:
    logprobs: Json = {"content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]}
    usage: Json = {"completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 1}}
    kept: dict[str, Json] = {"id": "c-1", "service_tier": "flex", "system_fingerprint": "fp", "provider": "P"}
    replies = read_replies(body(choice() | {"logprobs": logprobs}, choice(), usage=usage, created=1, timings={}, **kept))
    assert replies[0].extra == {**kept, "logprobs": logprobs, "reasoning_tokens": 0}
    assert replies[1].extra == kept
    assert only(body(choice(), id=None, provider={"much": "more"})).extra == {}


def test_reasoning_tool_calls_and_refusals_are_read_from_every_servers_field() -> None:
    assert only(body(choice("x", reasoning_content="a"))).reasoning == "a"
    assert only(body(choice("x", reasoning="b", reasoning_content=None))).reasoning == "b"
    assert only(body(choice(None, refusal="I will not."))).content == "I will not."
    assert only(body(choice(None, tool_calls=None))).tool_calls is None
    calls: Json = [
        {"id": "c1", "function": {"name": "run", "arguments": '{"code": 1}'}},
        {"function": {"name": "run", "arguments": {"code": "é"}}},
        {"id": "", "function": {"name": "run"}},
    ]
    assert only(body(choice(None, tool_calls=calls))).tool_calls == (
        ToolCall(id="c1", name="run", arguments='{"code": 1}'),
        ToolCall(id="call_1", name="run", arguments='{"code":"é"}'),
        ToolCall(id="call_2", name="run", arguments=""),
    )


@pytest.mark.parametrize(
    "answer",
    [
        body(choice("x", reasoning="hm"), id="i", provider="p"),
        body(choice("x", finish=None) | {"logprobs": {"content": []}}, usage={"cost": 0.1, "prompt_cache_hit_tokens": 3}),
        body(choice(None, tool_calls=[{"id": "c", "function": {"name": "run", "arguments": "{}"}}]), model=None),
        body(choice("half", finish="error") | {"error": {"code": 1}}),
        body(choice("x"), usage={"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}),
        body(),
    ],
    ids=str,
)
def test_a_reply_survives_being_written_and_read_again(answer: Json) -> None:
    reply = only(answer)
    assert only(json.loads(json.dumps(reply_json(reply)))) == reply


def test_lone_surrogates_become_the_replacement_character_and_nothing_else_changes() -> None:
    for text in ("", "plain", "é 漢 🐍", "\x00\n"):
        assert clean(text) is text
    assert clean("a\ud800é") == "a\ufffdé"
    assert only(body(choice("a\ud800", reasoning="\udfff"))).content == "a\ufffd"
    assert message_json(Message(role="user", content="\ud800")) == {"role": "user", "content": "\ufffd"}


def test_reasoning_goes_back_beside_tool_calls_alone() -> None:
    call = ToolCall(id="c", name="run", arguments="{}")
    assert message_json(Message(role="assistant", content="a", reasoning_content="hm")) == {"role": "assistant", "content": "a"}
    assert message_json(Message(role="assistant", content="", reasoning_content="hm", tool_calls=(call,))) == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "run", "arguments": "{}"}}],
        "reasoning_content": "hm",
    }


@pytest.mark.parametrize(
    ("owner", "kind", "keys"),
    [
        ("vllm", "vllm", {"continue_final_message": True, "add_generation_prompt": False}),
        ("sglang", "sglang", {"continue_final_message": True}),
        ("llamacpp", "llamacpp", {}),
        ("library", "ollama", None),
        ("system", None, None),
        (None, None, None),
    ],
)
def test_a_server_is_known_by_its_models_and_by_how_it_continues_a_reply(owner: Json, kind: str | None, keys: Json) -> None:
    assert server_kind({"object": "list", "data": [{"id": "m", "owned_by": owner}]}) == kind
    assert continuation_keys(kind or "other") == keys


@pytest.mark.parametrize("answer", [None, [], {}, {"data": None}, {"data": []}, {"data": ["m"]}])
def test_a_server_that_lists_no_model_is_unknown(answer: Json) -> None:
    assert server_kind(answer) is None


def test_only_what_was_added_counts_as_the_new_text() -> None:
    assert new_text("one, two, three", begun="one, two,", server="llamacpp") == " three"
    assert new_text(" three", begun="one, two,", server="llamacpp") == " three"
    assert new_text("la la", begun="la", server="vllm") == "la la"
