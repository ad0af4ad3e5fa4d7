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
from eagdata.tasks.procedural import ProceduralTasks
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from tests.endpoint import Answer, Dials, Endpoint, Procedural, completion

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


async def test_json_under_another_content_type_is_read() -> None:
    reply, server = await ask(Answer(body=completion(), headers={"content-type": "text/plain"}))
    assert (reply.content, len(server.seen)) == ("hello", 1)


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


async def test_it_gives_up_after_the_attempts_and_can_be_resumed() -> None:
    with pytest.raises(TeacherError, match="3 times") as caught:
        await ask(Answer(status=500, body={"error": {"message": "boom"}}), attempts=3)
    assert caught.value.retryable
    assert "boom" in caught.value.why


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


async def test_siblings_together_are_one_request_with_n() -> None:
    async with Endpoint(Procedural()) as server, teacher(server, siblings="together") as asked:
        replies = await asyncio.gather(*(asked.propose(question(sample=k)) for k in range(3)))
    assert [seen.body.get("n") for seen in server.seen] == [3]
    assert sum(reply.usage.calls for reply in replies) == 1
    assert sum(reply.usage.completion_tokens or 0 for reply in replies) == server.books.completion_tokens


async def test_warm_siblings_follow_the_first() -> None:
    async with Endpoint(Procedural(), dials=Dials(latency_s=0.05)) as server, teacher(server, siblings="warm") as asked:
        await asyncio.gather(*(asked.propose(question(sample=k)) for k in range(4)))
    first, *rest = server.books.entries
    assert first.sent_at is not None
    assert all(entry.at >= first.sent_at for entry in rest)
    assert server.books.peak_in_flight == 3


async def test_the_responses_api_says_the_same_as_chat_completions() -> None:
    async with Endpoint(Procedural()) as server, teacher(server) as chat, teacher(server, api="responses", seed=False) as responses:
        one, other = await chat.propose(question(seed=0)), await responses.propose(question(seed=0))
    assert (one.content, one.finish_reason, one.usage) == (other.content, other.finish_reason, other.usage)
    body = server.seen[1].body
    assert server.seen[1].path == "/v1/responses"
    assert set(body) == {"model", "input", "store", "temperature", "max_output_tokens"}


async def test_a_begun_reply_is_continued_where_the_server_can() -> None:
    begun = Request(messages=(Message(role="user", content="q"), Message(role="assistant", content="hel")), seed=0)
    async with Endpoint(dials=Dials(owned_by="vllm")) as server, teacher(server) as asked:
        await asked.propose(begun)
    assert [seen.path for seen in server.seen] == ["/v1/models", "/v1/chat/completions"]
    assert (server.seen[1].body["continue_final_message"], server.seen[1].body["add_generation_prompt"]) == (True, False)
    async with Endpoint(dials=Dials(owned_by="llamacpp")) as server, teacher(server) as asked:
        assert (await asked.propose(begun)).content == "lo"  # it says the begun text again
    async with Endpoint(dials=Dials(owned_by="openai")) as server, teacher(server) as asked:
        with pytest.raises(TeacherError, match="continues no begun reply"):
            await asked.propose(begun)


async def test_log_probabilities_are_asked_for_and_kept() -> None:
    body = completion("4")
    body["choices"][0]["logprobs"] = {"content": [{"token": "4", "logprob": -0.1}]}
    async with Endpoint([Answer(body=body)]) as server, teacher(server, logprobs=2) as asked:
        reply = await asked.propose(request())
    assert (server.seen[0].body["logprobs"], server.seen[0].body["top_logprobs"]) == (True, 2)
    assert reply.extra["logprobs"] == {"content": [{"token": "4", "logprob": -0.1}]}


@pytest.mark.parametrize("query", ["?key=abc", "?api_key=abc", "?Token=abc"])
async def test_a_key_in_the_base_url_is_refused(query: str) -> None:
    with pytest.raises(RecipeError) as caught:
        async with OpenAIChatTeacher(OpenAIChatTeacher.Config(model="m", base_url=f"http://localhost/v1{query}")):
            pass
    assert "abc" not in str(caught.value)


def question(*, sample: int = 0, seed: int | None = None) -> Request:
    """One that the procedural teacher knows."""
    task = next(ProceduralTasks(ProceduralTasks.Config()).tasks(1, seed=1))
    return Request(messages=(Message(role="user", content=task.question),), seed=sample if seed is None else seed, sample=sample)


def test_openai_is_imported_only_when_opened() -> None:
    code = "import sys, eagdata.teachers.openai_chat; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
