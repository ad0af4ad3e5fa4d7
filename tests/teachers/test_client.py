"""The tries of one call: each line of the table in `eagdata/teachers/faults.py`, several servers, rates, deadlines."""

from __future__ import annotations

import asyncio
import time

import pytest

from eagdata.contracts import Reply, Request
from eagdata.errors import BudgetSpent, EagdataError, PrerequisiteError, TeacherError
from eagdata.records import Message, Usage
from eagdata.teachers import transport
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from tests.endpoint import Answer, Dials, Endpoint, completion

GOOD = Answer(body=completion())


class Notes:
    """A meter that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.most: list[Usage] = []

    async def reserve(self, most: Usage) -> None:
        self.told.append("reserve")
        self.most.append(most)

    def refused(self) -> None:
        self.told.append("refused")

    def lost(self, why: str) -> None:
        assert why
        self.told.append("lost")


def request(*, group: int = 0, text: str = "2+2?") -> Request:
    return Request(messages=(Message(role="user", content=text),), seed=7, group=group)


def teacher(url: str, **settings: object) -> OpenAIChatTeacher:
    given = {"model": "tiny-1", "base_url": url, "wait_s": 0.01, **settings}
    return OpenAIChatTeacher(OpenAIChatTeacher.Config(**given))  # type: ignore[arg-type]


async def ask(*script: Answer, **settings: object) -> tuple[Reply | EagdataError, list[str], int]:
    """What one call came to, what its meter was told, and how many requests it took."""
    notes = Notes()
    async with Endpoint(script) as server, teacher(server.url, **settings) as asked:
        try:
            return await asked.propose(request(), notes), notes.told, len(server.seen)
        except EagdataError as error:
            return error, notes.told, len(server.seen)


def error(status: int, **body: object) -> Answer:
    return Answer(status=status, body={"error": {"message": "no", **body}})


@pytest.mark.parametrize(
    ("bad", "billed"),
    [
        (error(429), False),
        (error(409), False),
        (error(425), False),
        (error(500), False),
        (error(503), False),
        (Answer(body={"error": {"message": "overloaded"}}), False),
        (Answer(body={"error": {"message": "slow down", "code": 429}}), False),
        (Answer(body={"error": {"message": "late"}, "usage": {"prompt_tokens": 9, "completion_tokens": 2}}), True),
        (error(408), True),
        (error(504), True),
        (error(524), True),
        (Answer(fault="reset"), True),
        (Answer(body=completion(), fault="cut"), True),
        (Answer(body='{"choices": [{"mess'), True),
        (Answer(body=""), True),
        (Answer(body=[]), True),
        (Answer(body={"object": "list"}), True),
        (Answer(body={"choices": None}), True),
        (Answer(body={"choices": [{"message": {"content": 3}}]}), True),
        (Answer(body="<html>hello</html>", headers={"content-type": "text/html"}), True),
        (Answer(fault="silence"), True),
        (Answer(fault="stall"), True),
    ],
    ids=lambda value: f"{value.status}-{value.fault}-{str(value.body)[:30]}" if isinstance(value, Answer) else str(value),
)
async def test_what_may_pass_is_tried_again_and_the_meter_is_told_whether_it_may_be_billed(bad: Answer, billed: bool) -> None:
    reply, told, requests = await ask(bad, GOOD, timeout_s=0.5)
    assert isinstance(reply, Reply)
    assert reply.content == "hello"
    assert requests == 2
    assert told == ["reserve", "lost" if billed else "refused", "reserve"]


@pytest.mark.parametrize(
    ("bad", "kind", "retryable"),
    [
        (error(400), TeacherError, False),
        (error(404), TeacherError, False),
        (error(422), TeacherError, False),
        (error(402), TeacherError, True),
        (error(429, code="insufficient_quota"), TeacherError, True),
        (error(401), PrerequisiteError, None),
        (error(403), PrerequisiteError, None),
    ],
)
async def test_what_a_second_try_cannot_cure_is_raised_at_once(bad: Answer, kind: type[EagdataError], retryable: bool | None) -> None:
    raised, told, requests = await ask(bad, GOOD)
    assert type(raised) is kind
    assert getattr(raised, "retryable", None) is retryable
    assert (told, requests) == (["reserve", "refused"], 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=completion("half a wo", finish_reason="length")),
        Answer(body=completion("", finish_reason="content_filter")),
        Answer(body=completion(None)),
        Answer(body={"object": "chat.completion", "choices": []}),
        Answer(body=completion("half", finish_reason="error")),
        Answer(body={**completion("all of it"), "error": {"message": "and yet"}}),
    ],
    ids=["length", "filtered", "no content", "no choices", "broken off", "with an error beside"],
)
async def test_an_answer_with_choices_is_paid_for_once(answer: Answer) -> None:
    reply, told, requests = await ask(answer, GOOD)
    assert isinstance(reply, Reply)
    assert reply.content != "hello"
    assert (told, requests) == (["reserve"], 1)


async def test_a_paid_answer_with_a_lone_surrogate_or_a_nan_is_read() -> None:
    raw = '{"choices": [{"message": {"content": "a \\ud800 b"}, "logprobs": {"x": NaN}, "finish_reason": "stop"}]}'
    reply, told, requests = await ask(Answer(body=raw), GOOD)
    assert isinstance(reply, Reply)
    assert reply.content == "a \ufffd b"
    assert (told, requests) == (["reserve"], 1)


async def test_a_body_without_end_is_not_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 2**20)
    for dials in (Dials(oversize=1.0, oversize_mb=2.0), Dials(stall_blank=1.0)):
        if dials.stall_blank:
            monkeypatch.setattr(transport, "MOST_BYTES", 10)
        notes = Notes()
        async with Endpoint(dials=dials) as server, teacher(server.url) as asked:
            with pytest.raises(TeacherError, match="unusable") as caught:
                await asked.propose(request(), notes)
        assert not caught.value.retryable
        assert notes.told == ["reserve", "lost"]


async def test_no_connection_is_never_billed() -> None:
    async with Endpoint() as server:
        url = server.url
    notes = Notes()
    async with teacher(url, attempts=3) as asked:
        with pytest.raises(TeacherError, match="3 times"):
            await asked.propose(request(), notes)
    assert notes.told == ["reserve", "refused"] * 3


async def test_throttling_spends_no_attempt_and_a_long_retry_after_is_not_cut_short() -> None:
    throttled = [Answer(status=429, body={}, headers={"retry-after-ms": "60"})] * 5
    started = time.monotonic()
    reply, _, requests = await ask(*throttled, GOOD, attempts=1)
    assert isinstance(reply, Reply)
    assert requests == 6
    assert time.monotonic() - started >= 0.3


async def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once() -> None:
    started = time.monotonic()
    raised, _, requests = await ask(Answer(status=429, body={}, headers={"retry-after": "3600"}), deadline_s=5.0)
    assert isinstance(raised, TeacherError)
    assert (raised.retryable, requests) == (True, 1)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("fault", ["silence", "stall"])
async def test_the_deadline_ends_a_try_that_outlives_it(fault: str) -> None:
    started = time.monotonic()
    raised, told, _ = await ask(Answer(fault=fault), timeout_s=60.0, deadline_s=0.5)  # type: ignore[arg-type]
    assert isinstance(raised, TeacherError)
    assert told == ["reserve", "lost"]
    assert time.monotonic() - started < 10


async def test_a_spent_budget_ends_the_call_and_gives_its_place_back() -> None:
    class Spent(Notes):
        async def reserve(self, most: Usage) -> None:
            raise BudgetSpent("spent")

    async with Endpoint() as server, teacher(server.url, max_in_flight=1) as asked:
        for _ in range(3):
            with pytest.raises(BudgetSpent):
                await asked.propose(request(), Spent())
        assert server.seen == []
        assert (await asked.propose(request())).content == "hello"


async def test_the_most_that_a_try_can_use_is_a_bound() -> None:
    notes = Notes()
    async with Endpoint() as server:
        settings = {"price_prompt_usd_per_mtok": 1.0, "price_completion_usd_per_mtok": 2.0, "max_tokens": 100}
        async with teacher(server.url, **settings) as asked:
            await asked.propose(request(text="x€" * 200), notes)
            assert asked.most(request(text="x€" * 200)).prompt_tokens <= notes.most[0].prompt_tokens  # type: ignore[operator]
        async with teacher(server.url, max_tokens=None) as asked:
            assert asked.most(request()).completion_tokens is None
            assert asked.most(request()).cost_usd is None
        async with teacher(server.url, max_tokens=None, extra_body={"max_completion_tokens": 7}) as asked:
            assert asked.most(request()).completion_tokens == 7
        async with teacher(server.url, max_tokens=100, extra_body={"max_tokens": None}) as asked:
            assert asked.most(request()).completion_tokens is None  # what is sent holds, not what was overridden
        async with teacher(server.url, max_tokens=100, extra_body={"max_completion_tokens": 900}) as asked:
            assert asked.most(request()).completion_tokens == 900
    most = notes.most[0]
    assert most.prompt_tokens is not None
    assert most.prompt_tokens >= 200 * len("x€".encode())
    assert most.completion_tokens == 100
    assert most.cost_usd == pytest.approx((most.prompt_tokens * 1.0 + 100 * 2.0) / 1e6)


async def test_calls_beyond_the_places_of_an_endpoint_wait() -> None:
    async with Endpoint(dials=Dials(latency_s=0.02)) as server, teacher(server.url, max_in_flight=3) as asked:
        await asyncio.gather(*(asked.propose(request(group=k)) for k in range(12)))
        assert server.books.peak_in_flight == 3


async def test_a_throttled_call_says_what_it_waits_for() -> None:
    script = [Answer(status=429, body={}, headers={"retry-after-ms": "400"}), GOOD]
    async with Endpoint(script) as server, teacher(server.url) as asked:
        call = asyncio.ensure_future(asked.propose(request()))
        await asyncio.sleep(0.2)
        waits = asked.waiting()
        assert waits is not None
        assert waits.calls == 1
        assert f"429 from {server.url}" in waits.why
        await call
        assert asked.waiting() is None


async def test_requests_a_minute_are_kept_to() -> None:
    async with Endpoint() as server, teacher(server.url, rpm=1200.0) as asked:  # 20 a second after a burst of 40
        started = time.monotonic()
        await asyncio.gather(*(asked.propose(request(group=k)) for k in range(50)))
        assert time.monotonic() - started >= 0.4


async def test_tokens_a_minute_are_kept_to_by_what_the_server_counts() -> None:
    body = completion()
    body["usage"] = {"prompt_tokens": 100, "completion_tokens": 400}
    # 500 tokens a call at 1,000 a second, a burst of two seconds: six calls need one second more
    async with Endpoint([Answer(body=body)]) as server, teacher(server.url, tpm=60_000.0, max_tokens=400) as asked:
        started = time.monotonic()
        for k in range(7):
            await asked.propose(request(group=k))
        assert time.monotonic() - started >= 0.9


async def test_a_server_that_counts_no_tokens_is_held_to_the_worst_case() -> None:
    body = completion()
    del body["usage"]
    async with Endpoint([Answer(body=body)]) as server, teacher(server.url, tpm=60_000.0, max_tokens=500) as asked:
        started = time.monotonic()
        for k in range(7):  # at least 500 each at 1,000 a second, after a burst of 2,000
            await asked.propose(request(group=k))
        assert time.monotonic() - started >= 0.9


async def test_a_throttled_server_hands_its_calls_to_another_without_a_wait() -> None:
    throttled = Answer(status=429, body={}, headers={"retry-after": "30"})
    async with Endpoint([throttled]) as busy, Endpoint() as free:
        endpoints = ({"base_url": busy.url}, {"base_url": free.url})
        async with fleet_of(endpoints) as asked:
            started = time.monotonic()
            replies = await asyncio.gather(*(asked.propose(request(group=k)) for k in range(40)))
            assert time.monotonic() - started < 15
    assert len(replies) == 40
    assert busy.seen


async def test_a_dead_server_loses_its_calls_to_the_living_and_is_left_alone() -> None:
    async with Endpoint() as dead:
        url = dead.url
    async with Endpoint() as alive, fleet_of(({"base_url": url}, {"base_url": alive.url})) as asked:
        for k in range(40):
            await asked.propose(request(group=k))
        assert len(alive.seen) == 40
        sick = next(server for server in asked._fleet.servers if server.endpoint.url == url)
        assert sick.faults == 3  # three calls met it, then it rested


async def test_two_throttling_servers_are_not_hammered() -> None:
    throttled = [Answer(status=429, body={}, headers={"retry-after-ms": "100"})]
    async with Endpoint(throttled) as one, Endpoint(throttled) as two:
        async with fleet_of(({"base_url": one.url}, {"base_url": two.url}), deadline_s=1.0) as asked:
            with pytest.raises(TeacherError):
                await asked.propose(request())
        assert len(one.seen) + len(two.seen) <= 22  # a pair each 100 to 150 ms


async def test_each_endpoint_gets_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_A", "sk-aaaa-aaaa")
    monkeypatch.setenv("KEY_B", "sk-bbbb-bbbb")
    async with Endpoint() as a, Endpoint() as b:
        async with fleet_of(({"base_url": a.url, "api_key_env": "KEY_A"}, {"base_url": b.url, "api_key_env": "KEY_B"})) as asked:
            for k in range(30):
                await asked.propose(request(group=k))
        assert {seen.headers["authorization"] for seen in a.seen} == {"Bearer sk-aaaa-aaaa"}
        assert {seen.headers["authorization"] for seen in b.seen} == {"Bearer sk-bbbb-bbbb"}


def fleet_of(endpoints: tuple[dict[str, object], ...], **settings: object) -> OpenAIChatTeacher:
    from pydantic import TypeAdapter

    given = {"model": "tiny-1", "endpoints": endpoints, "wait_s": 0.01, **settings}
    return OpenAIChatTeacher(TypeAdapter(OpenAIChatTeacher.Config).validate_python(given))
