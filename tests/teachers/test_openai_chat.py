from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from eagdata.contracts import Reply, Request
from eagdata.errors import PrerequisiteError, RecipeError, TeacherError
from eagdata.records import Message, ToolCall
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from tests.teachers.endpoint import Answer, Endpoint, completion

KEY = "sk-test-1234567890abcdef"
GOOD = Answer(body=completion())


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def request(*, seed: int = 7, **more: object) -> Request:
    return Request(messages=(Message(role="user", content="2+2?"),), seed=seed, **more)  # type: ignore[arg-type]


def teacher(server: Endpoint, **settings: object) -> OpenAIChatTeacher:
    given = {"model": "tiny-1", "base_url": server.url, "wait_s": 0.01, **settings}
    return OpenAIChatTeacher(OpenAIChatTeacher.Config(**given))  # type: ignore[arg-type]


async def ask(*script: Answer, **settings: object) -> tuple[Reply, Endpoint]:
    async with Endpoint(script) as server, teacher(server, **settings) as asked:
        return await asked.propose(request()), server


async def test_a_reply_keeps_all_that_the_server_said() -> None:
    reply, _ = await ask(Answer(body=completion("hi", reasoning_content="hm", finish_reason="length")))
    assert (reply.content, reply.reasoning, reply.finish_reason, reply.model) == ("hi", "hm", "length", "tiny-1")
    usage = reply.usage
    assert (usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost_usd) == (1, 10, 5, 4, None)


async def test_reasoning_is_read_from_either_field() -> None:
    reply, _ = await ask(Answer(body=completion(None, reasoning="hm", finish_reason="length")))
    assert (reply.content, reply.reasoning) == ("", "hm")


async def test_tool_calls_are_kept_as_written() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"code": "1"}'}}
    reply, _ = await ask(Answer(body=completion(None, tool_calls=[call], finish_reason="tool_calls")))
    assert reply.tool_calls == (ToolCall(id="c1", name="run", arguments='{"code": "1"}'),)


async def test_unknown_usage_stays_unknown() -> None:
    body = completion()
    del body["usage"]
    reply, _ = await ask(Answer(body=body))
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.cached_tokens) == (None, None, None)


async def test_cost_follows_the_prices_given() -> None:
    reply, _ = await ask(GOOD, price_prompt_usd_per_mtok=1.0, price_completion_usd_per_mtok=10.0, price_cached_usd_per_mtok=0.5)
    assert reply.usage.cost_usd == pytest.approx((6 * 1.0 + 4 * 0.5 + 5 * 10.0) / 1e6)


async def test_the_request_holds_the_settings_and_the_seed_below_two_to_the_31() -> None:
    async with Endpoint() as server, teacher(server, top_p=0.9, extra_body={"top_k": 20, "temperature": 0.1}) as asked:
        await asked.propose(request(seed=2**31 + 5, stop=("\n```\n",), tools=({"type": "function"},)))
    body = server.seen[0].body
    assert (body["model"], body["seed"], body["top_p"], body["top_k"], body["temperature"]) == ("tiny-1", 5, 0.9, 20, 0.1)
    assert (body["stop"], body["tools"], body["messages"]) == (["\n```\n"], [{"type": "function"}], [{"role": "user", "content": "2+2?"}])


async def test_what_a_model_refuses_can_be_left_out() -> None:
    async with Endpoint() as server, teacher(server, temperature=None, max_tokens=None, stop=False, seed=False) as asked:
        await asked.propose(request(stop=("x",)))
    assert set(server.seen[0].body) == {"model", "messages"}


async def test_history_with_tool_calls_carries_its_reasoning_and_lone_surrogates_are_replaced() -> None:
    messages = (
        Message(role="assistant", content="a", reasoning_content="left out"),
        Message(role="assistant", content="", reasoning_content="kept", tool_calls=(ToolCall(id="c", name="run", arguments="{}"),)),
        Message(role="tool", content="out \ud800 €", tool_call_id="c", name="run"),
    )
    async with Endpoint() as server, teacher(server) as asked:
        await asked.propose(Request(messages=messages, seed=0))
    plain, called, tool = server.seen[0].body["messages"]  # type: ignore[misc]
    assert plain == {"role": "assistant", "content": "a"}
    assert called["reasoning_content"] == "kept"
    assert called["tool_calls"][0]["function"] == {"name": "run", "arguments": "{}"}
    assert tool == {"role": "tool", "content": "out \ufffd €", "tool_call_id": "c"}


@pytest.mark.parametrize(
    "bad",
    [
        Answer(status=500, body={"error": {"message": "boom"}}),
        Answer(status=503, body="<html>down</html>", headers={"content-type": "text/html"}),
        Answer(status=408, body={}),
        Answer(status=409, body={}),
        Answer(fault="reset"),
        Answer(body=completion(), fault="cut"),
        Answer(body='{"choices": [{"mess'),
        Answer(body="<html>hello</html>", headers={"content-type": "text/html"}),
        Answer(body=""),
        Answer(body=[]),
        Answer(body={"error": {"message": "overloaded"}}),
        Answer(body={"error": {"message": "slow down", "code": 429}}),
        Answer(body={"choices": None}),
        Answer(body={"choices": []}),
        Answer(body={"choices": [{"message": None}]}),
        Answer(body={"choices": [{"message": {"content": None}}]}),
        Answer(body={"choices": [{"message": {"content": 3}}]}),
        Answer(body=completion("half", finish_reason="error")),
        Answer(body=completion(None, tool_calls=[{"function": {"name": "run"}}])),
    ],
    ids=lambda answer: f"{answer.status}-{answer.fault}-{str(answer.body)[:40]}",
)
async def test_a_passing_fault_is_retried(bad: Answer) -> None:
    reply, server = await ask(bad, GOOD)
    assert reply.content == "hello"
    assert len(server.seen) == 2


async def test_json_under_another_content_type_is_read() -> None:
    reply, server = await ask(Answer(body=completion(), headers={"content-type": "text/plain"}))
    assert (reply.content, len(server.seen)) == ("hello", 1)


async def test_a_stall_with_keep_alive_bytes_ends_at_the_timeout() -> None:
    reply, server = await ask(Answer(fault="stall"), GOOD, timeout_s=0.3)
    assert (reply.content, len(server.seen)) == ("hello", 2)


async def test_throttling_costs_no_attempt_and_retry_after_is_never_cut_short() -> None:
    throttled = [Answer(status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "0.05"})] * 4
    started = time.monotonic()
    reply, server = await ask(*throttled, GOOD, attempts=1)
    assert (reply.content, len(server.seen)) == ("hello", 5)
    assert 4 * 0.05 <= time.monotonic() - started < 4


async def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    started = time.monotonic()
    await ask(Answer(status=503, body={}, headers={"retry-after": later}), GOOD)
    assert time.monotonic() - started > 0.9


async def test_endless_throttling_ends_before_the_deadline() -> None:
    throttled = Answer(status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "0.05"})
    started = time.monotonic()
    with pytest.raises(TeacherError, match="got 429") as caught:
        await ask(throttled, deadline_s=0.3)
    assert caught.value.retryable
    assert time.monotonic() - started < 2


async def test_spent_quota_is_not_waited_for() -> None:
    with pytest.raises(TeacherError, match="no money") as caught:
        await ask(Answer(status=429, body={"error": {"message": "no money", "code": "insufficient_quota"}}))
    assert "top up" in caught.value.mend


async def test_it_gives_up_after_the_attempts_and_can_be_resumed() -> None:
    with pytest.raises(TeacherError, match="3 times") as caught:
        await ask(Answer(status=500, body={"error": {"message": "boom"}}), attempts=3)
    assert caught.value.retryable
    assert "boom" in caught.value.why


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_wrong_request_is_not_repeated(status: int) -> None:
    async with Endpoint([Answer(status=status, body={"error": {"message": "bad model"}})]) as server, teacher(server) as asked:
        with pytest.raises(TeacherError, match="bad model") as caught:
            await asked.propose(request())
    assert not caught.value.retryable
    assert len(server.seen) == 1


async def test_a_refused_key_is_a_prerequisite_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with Endpoint([Answer(status=401, body={"error": {"message": f"Incorrect API key provided: {KEY}"}})]) as server:
        async with teacher(server) as asked:
            with pytest.raises(PrerequisiteError) as caught:
                await asked.propose(request())
            assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
            assert KEY not in repr(asked.sampling())
        assert f"got 401 from {server.url}" in caught.value.what
    assert KEY not in str(caught.value)
    assert "export OPENAI_API_KEY=..." in caught.value.mend


async def test_a_missing_key_is_named_when_a_server_wants_one() -> None:
    with pytest.raises(PrerequisiteError, match="MY_KEY is unset"):
        await ask(Answer(status=401, body={"error": "who are you?"}), api_key_env="MY_KEY")


async def test_openai_without_a_key_is_refused_before_any_call() -> None:
    with pytest.raises(PrerequisiteError, match="OPENAI_API_KEY is unset"):
        async with OpenAIChatTeacher(OpenAIChatTeacher.Config(model="gpt")):
            pass


async def test_the_base_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Endpoint() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        async with OpenAIChatTeacher(OpenAIChatTeacher.Config(model="tiny-1")) as asked:
            await asked.propose(request())
    assert server.seen[0].path == "/v1/chat/completions"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http://", "http://me:secret@localhost/v1"])
async def test_a_base_url_that_is_none_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(RecipeError) as caught:
        async with OpenAIChatTeacher(OpenAIChatTeacher.Config(model="m", base_url=url)):
            pass
    assert "secret" not in str(caught.value)


async def test_an_unreachable_endpoint_says_where_and_how_to_mend_it() -> None:
    async with Endpoint() as server:
        url = server.url
    settings = OpenAIChatTeacher.Config(model="m", base_url=url, attempts=2, wait_s=0.0)
    async with OpenAIChatTeacher(settings) as asked:
        with pytest.raises(TeacherError, match=url) as caught:
            await asked.propose(request())
    assert caught.value.retryable
    assert "--base-url" in caught.value.mend


async def test_the_only_model_of_an_endpoint_is_taken() -> None:
    async with Endpoint() as server, teacher(server, model=None) as asked:
        assert asked.name == "tiny-1"
        await asked.propose(request())
    assert server.seen[1].body["model"] == "tiny-1"


async def test_several_models_are_listed_instead_of_guessing() -> None:
    async with Endpoint(models=("small", "large")) as server:
        with pytest.raises(PrerequisiteError, match="small, large"):
            async with teacher(server, model=None):
                pass


async def test_many_calls_at_once_are_kept_apart() -> None:
    async with Endpoint() as server, teacher(server) as asked:
        replies = await asyncio.gather(*(asked.propose(request(seed=i)) for i in range(50)))
    assert len(replies) == 50
    assert {seen.body["seed"] for seen in server.seen} == set(range(50))


def test_openai_is_imported_only_when_opened() -> None:
    code = "import sys, eagdata.teachers.openai_chat; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
