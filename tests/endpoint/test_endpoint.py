"""The endpoint does what its dials say, exactly, and its books are right: all tests of faults rest on it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from eagdata.tasks.procedural import ProceduralTasks
from tests.endpoint import Answer, Books, Dials, Endpoint, Procedural, completion, serving
from tests.endpoint.dials import CARDS

TASKS = list(ProceduralTasks(ProceduralTasks.Config()).tasks(60, seed=0))
QUICK = aiohttp.ClientTimeout(total=5)


def asking(task: int = 0, **more: object) -> dict[str, object]:
    system = {"role": "system", "content": "Write ```python blocks."}
    return {"model": "m", "messages": [system, {"role": "user", "content": TASKS[task % len(TASKS)].question}], "seed": task, **more}


async def post(
    server: Endpoint, body: object, *, path: str = "/chat/completions", headers: dict[str, str] | None = None
) -> tuple[int, Any, Any]:
    """Status, headers, and the body as text."""
    async with (
        aiohttp.ClientSession(timeout=QUICK) as session,
        session.post(server.url + path, json=body, headers=headers or {}) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


async def said(server: Endpoint, body: object, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await post(server, body, **more))[2])
    return found


async def test_the_same_call_gets_the_same_words_and_another_id() -> None:
    async with Endpoint(Procedural()) as server:
        one, two, other = await said(server, asking(3)), await said(server, asking(3)), await said(server, asking(4))
    assert one["choices"] == two["choices"] != other["choices"]
    assert len({one["id"], two["id"], other["id"]}) == 3
    entries = server.books.entries
    assert [entry.id for entry in entries] == [one["id"], two["id"], other["id"]]
    assert entries[0].calls == entries[1].calls != entries[2].calls
    assert all(entry.answered for entry in entries)


async def test_several_choices_are_several_calls_and_all_are_billed() -> None:
    async with Endpoint(Procedural()) as server:
        one, three = await said(server, asking(1)), await said(server, asking(1, n=3))
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert three["choices"][0] == one["choices"][0]
    assert len(set(server.books.entries[1].calls)) == 3
    assert three["usage"]["completion_tokens"] > 2 * one["usage"]["completion_tokens"] / 3


async def test_a_completion_stops_at_max_tokens() -> None:
    async with Endpoint(Procedural()) as server:
        body = await said(server, asking(1, max_tokens=5))
    assert body["choices"][0]["finish_reason"] == "length"
    assert (body["usage"]["completion_tokens"], len(body["choices"][0]["message"]["content"])) == (5, 20)


async def test_hidden_tokens_are_random_bounded_and_the_same_for_the_same_call() -> None:
    async with Endpoint(Procedural(hidden_tokens=True)) as server:
        counts = [(await said(server, asking(i, max_tokens=900)))["usage"]["completion_tokens"] for i in [*range(30), *range(30)]]
    assert counts[:30] == counts[30:]
    assert max(counts) <= 900
    assert len(set(counts)) > 20
    assert server.books.completion_tokens == sum(counts)


@pytest.mark.parametrize("hand", [1, 7])
async def test_shares_are_exact_in_every_hundred_requests(hand: int) -> None:
    dials = Dials(throttle=0.2, fail=0.05, malformed=0.02, length=0.01, deck=100, seed=hand)
    async with Endpoint(dials=dials) as server:
        for _ in range(2):
            await asyncio.gather(*(post(server, asking(i)) for i in range(100)))
    for start in (0, 100):
        dealt = Counter(entry.card for entry in server.books.entries[start : start + 100])
        assert dealt == {"throttle": 20, "fail": 5, "malformed": 2, "length": 1, None: 72}
    assert server.books.cards["throttle"] == 40
    assert len(server.books.answers) == 146


def test_a_share_that_a_deck_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="deck of 10"):
        Endpoint(dials=Dials(throttle=0.25, deck=10))
    with pytest.raises(ValueError, match="add up to 12 of 10"):
        Endpoint(dials=Dials(throttle=0.6, fail=0.6, deck=10))


def only(card: str, **more: Any) -> Dials:
    return Dials(**{card: 1.0, "deck": 10, **more})


async def test_every_way_to_fail_is_what_it_is_called() -> None:
    async def fails(card: str, **more: Any) -> list[tuple[int, Any, str]]:
        server.dials = only(card, **more)
        return [await post(server, asking(i)) for i in range(7)]

    async with Endpoint(Procedural()) as server:
        assert {status for status, _, _ in await fails("refuse")} == {401}
        assert {status for status, _, _ in await fails("fail")} == {500, 502, 503}
        assert all(status == 200 and json.loads(text)["error"] for status, _, text in await fails("error_in_200"))
        for _, _, text in await fails("malformed"):
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra|Invalid"):
                json.loads(text)
        for status, _, text in await fails("misshapen"):
            assert status == 200
            assert not _readable(json.loads(text))
        assert all(headers["content-type"] == "text/html" for _, headers, _ in await fails("wrong_type"))
        assert all(json.loads(text)["choices"] == [] for _, _, text in await fails("empty"))
        assert all(json.loads(text)["choices"][0]["finish_reason"] == "length" for _, _, text in await fails("length"))
        assert all(len(text) > 2**20 and _readable(json.loads(text)) for _, _, text in await fails("oversize", oversize_mb=1))
        for card in ("reset", "cut"):
            server.dials = only(card)
            with pytest.raises((aiohttp.ClientOSError, aiohttp.ClientPayloadError)):
                await post(server, asking())
    assert set(server.books.cards) == set(CARDS) - {"throttle", "stall", "stall_blank"}


def _readable(body: Any) -> bool:
    try:
        return isinstance(body["choices"][0]["message"]["content"], str)
    except (KeyError, TypeError, IndexError):
        return False


@pytest.mark.parametrize("card", ["stall", "stall_blank"])
async def test_a_stall_never_ends_by_itself(card: str) -> None:
    async with Endpoint(dials=only(card)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
        raw = json.dumps(asking()).encode()
        writer.write(f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw)
        await asyncio.sleep(0.3)
        assert not reader.at_eof()
        writer.close()
        await writer.wait_closed()
        got = await reader.read()
        entry = server.books.entries[0]
    assert got.count(b"\n") > 8 if card == "stall_blank" else got == b""
    assert not entry.answered
    assert entry.completion_tokens == 5, "what was generated is billed"


async def test_lost_answers_are_billed_and_refusals_are_not() -> None:
    async with Endpoint(dials=only("cut")) as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await post(server, asking())
        assert (server.books.prompt_tokens, server.books.completion_tokens, server.books.answers) == (10, 5, [])
        for card in ("throttle", "refuse", "fail", "error_in_200"):
            server.dials = only(card)
            await post(server, asking())
    assert (server.books.prompt_tokens, server.books.completion_tokens) == (10, 5)


async def test_retry_after_takes_its_forms_in_turn() -> None:
    dials = only("throttle", retry_after=("seconds", "date", "ms", "none"), retry_after_s=1.5)
    async with Endpoint(dials=dials) as server:
        headers = [(await post(server, asking()))[1] for _ in range(4)]
    assert headers[0]["retry-after"] == "1.5"
    assert 1 <= (parsedate_to_datetime(headers[1]["retry-after"]) - datetime.now(UTC)).total_seconds() <= 3
    assert headers[2]["retry-after-ms"] == "1500"
    assert "retry-after" not in headers[3]


async def test_more_in_flight_than_the_cap_are_turned_away() -> None:
    async with Endpoint(dials=Dials(latency_s=0.3, most_in_flight=4)) as server:
        statuses = Counter(status for status, _, _ in await asyncio.gather(*(post(server, asking(i)) for i in range(10))))
        assert statuses == {200: 4, 429: 6}
        assert (await post(server, asking()))[0] == 200
    assert server.books.peak_in_flight == 4


async def test_a_window_lets_in_so_many_requests_and_tokens_and_its_headers_say_so() -> None:
    dials = Dials(requests_per_window=3, window_s=0.5, shows_limits=True, retry_after=("seconds",))
    async with Endpoint(dials=dials) as server:
        first, *_, last = [await post(server, asking(i)) for i in range(4)]
        assert (first[0], first[1]["x-ratelimit-remaining-requests"], first[1]["x-ratelimit-limit-requests"]) == (200, "2", "3")
        assert (last[0], last[1]["x-ratelimit-remaining-requests"]) == (429, "0")
        assert last[1]["x-ratelimit-reset-requests"].endswith("ms")
        assert 0 < float(last[1]["retry-after"]) <= 0.5
        await asyncio.sleep(0.5)
        assert (await post(server, asking()))[0] == 200
        server.dials = Dials(tokens_per_window=1000, window_s=60, shows_limits=True)
        statuses = [(await post(server, asking(max_tokens=400)))[0] for _ in range(4)]
    assert Counter(statuses)[429] >= 2


async def test_a_storm_begins_and_ends_by_itself_and_by_hand() -> None:
    async with Endpoint(dials=Dials(storm=0.9, storm_s=0.6)) as server:
        stormy = Counter([(await post(server, asking(i)))[0] for i in range(20)])
        await asyncio.sleep(0.6)
        calm = Counter([(await post(server, asking(i)))[0] for i in range(20)])
        server.dials = Dials(throttle=0.9)
        again = Counter([(await post(server, asking(i)))[0] for i in range(100)])
    assert (stormy, calm, again) == ({429: 18, 200: 2}, {200: 20}, {429: 90, 200: 10})


async def test_latency_is_waited_for_but_not_at_the_door() -> None:
    async with Endpoint(dials=Dials(latency_s=0.4)) as server:
        began = time.monotonic()
        await asyncio.gather(*(post(server, asking(i)) for i in range(20)))
        assert time.monotonic() - began >= 0.4
        entry = server.books.entries[0]
        assert entry.sent_at is not None
        assert entry.sent_at - entry.at >= 0.4
        server.dials = only("throttle", latency_s=60)
        assert (await post(server, asking()))[0] == 429


async def test_errors_quote_the_key_where_they_are_told_to() -> None:
    key = {"authorization": "Bearer sk-0123456789"}
    async with Endpoint() as server:
        for card in ("refuse", "throttle", "fail", "error_in_200", "malformed", "wrong_type"):
            server.dials = only(card, quotes_key=True)
            _, headers, text = await post(server, asking(), headers=key)
            assert "sk-0123456789" in text, card
            assert "sk-0123456789" in headers["x-your-key"]
            server.dials = only(card)
            _, headers, text = await post(server, asking(), headers=key)
            assert "sk-" not in text + str(headers)


async def test_models_are_listed_with_their_owner_and_cost_nothing() -> None:
    async with (
        Endpoint(models=("a", "b"), dials=Dials(owned_by="vllm")) as server,
        aiohttp.ClientSession() as session,
        session.get(server.url + "/models") as answer,
    ):
        listed = (await answer.json())["data"]
    assert [(entry["id"], entry["owned_by"]) for entry in listed] == [("a", "vllm"), ("b", "vllm")]
    assert server.books.entries == []


async def test_the_responses_protocol_says_the_same() -> None:
    asked = asking(2)
    system, user = asked.pop("messages")  # type: ignore[misc]
    for given in (user["content"], [{"role": "user", "content": [{"type": "input_text", "text": user["content"]}]}]):
        async with Endpoint(Procedural()) as server:
            chat = await said(server, asking(2))
            body = await said(server, {**asked, "instructions": system["content"], "input": given}, path="/responses")
            cut = await said(
                server, {**asked, "instructions": system["content"], "input": given, "max_output_tokens": 3}, path="/responses"
            )
        assert body["output"][0]["content"][0]["text"] == chat["choices"][0]["message"]["content"]
        assert body["usage"]["output_tokens"] == chat["usage"]["completion_tokens"]
        assert server.books.entries[0].calls == server.books.entries[1].calls
        assert (body["status"], cut["status"], cut["incomplete_details"]["reason"]) == ("completed", "incomplete", "max_output_tokens")


async def test_the_responses_protocol_carries_tools_and_reasoning_both_ways() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    asked = [{"type": "function_call", "call_id": "c0", "name": "run", "arguments": "{}"}]
    asked += [{"type": "function_call_output", "call_id": "c0", "output": "42"}]
    async with Endpoint([Answer(body=completion(None, tool_calls=[call], reasoning_content="hm"))]) as server:
        body = await said(server, {"input": asked}, path="/responses")
    assert [item["type"] for item in body["output"]] == ["reasoning", "function_call"]
    assert [message["role"] for message in server.seen[0].messages] == ["assistant", "tool"]


async def test_the_responses_protocol_goes_wrong_in_every_way_too() -> None:
    async with Endpoint() as server:
        for card in ("misshapen", "empty", "error_in_200", "malformed", "length", "oversize"):
            server.dials = only(card, oversize_mb=0.1)
            assert [(await post(server, {"input": "hello"}, path="/responses"))[0] for _ in range(7)] == [200] * 7


async def test_a_script_answers_in_its_order_and_repeats_its_last() -> None:
    async with Endpoint([Answer(status=500, body={}), Answer(body=completion("a"))]) as server:
        assert [(await post(server, asking()))[0] for _ in range(3)] == [500, 200, 200]
    assert [entry.answered for entry in server.books.entries] == [False, True, True]


def test_its_log_outlives_the_server_and_its_clients(tmp_path: Path) -> None:
    log = tmp_path / "books"
    command = [sys.executable, "-m", "tests.endpoint", "--throttle", "0.5", "--deck", "10", "--retry-after", "none", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = f"http://127.0.0.1:{int(program.stdout.readline())}/v1/chat/completions"

        async def ask() -> list[tuple[int, str | None]]:
            async with aiohttp.ClientSession() as session:
                found = []
                for i in range(20):
                    async with session.post(url, json=asking(i)) as answer:
                        found.append((answer.status, (await answer.json()).get("id")))
                return found

        answers = asyncio.run(ask())
        program.kill()
    books = Books.read(log)
    assert Counter(status for status, _ in answers) == {200: 10, 429: 10}
    assert [entry.id for entry in books.answers] == [name for status, name in answers if status == 200]
    assert books.cards == {None: 10, "throttle": 10}


def test_a_thread_serves_and_its_dials_turn_while_it_runs(tmp_path: Path) -> None:
    async def ask(server: Endpoint, count: int) -> Counter[int]:
        return Counter([(await post(server, asking(i)))[0] for i in range(count)])

    with serving(Procedural(), log=tmp_path / "books") as server:
        assert asyncio.run(ask(server, 10)) == {200: 10}
        server.dials = Dials(throttle=0.9)
        assert asyncio.run(ask(server, 100)) == {200: 10, 429: 90}
    assert len(Books.read(tmp_path / "books").answers) == len(server.books.answers) == 20


async def test_a_client_that_leaves_is_billed_and_frees_its_place() -> None:
    async with Endpoint(dials=Dials(latency_s=30, most_in_flight=1)) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await post(server, asking())
        await asyncio.sleep(0.1)
        server.dials = Dials(most_in_flight=1)
        assert (await post(server, asking()))[0] == 200
    lost, good = server.books.entries
    assert (lost.answered, lost.completion_tokens, good.answered) == (False, 5, True)


async def test_requests_in_pieces_and_back_to_back_are_told_apart() -> None:
    raws = [json.dumps(asking(i)).encode() for i in range(3)]
    stream = b"".join(f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw for raw in raws)
    async with Endpoint() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
        cuts = sorted(Random(1).sample(range(1, len(stream)), 5))
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            writer.write(stream[start:end])
            await writer.drain()
            await asyncio.sleep(0.01)
        got = b""
        while got.count(b"HTTP/1.1 200") < 3:
            got += await asyncio.wait_for(reader.read(65536), 5)
        writer.close()
    assert [seen.body["seed"] for seen in server.seen] == [0, 1, 2]
