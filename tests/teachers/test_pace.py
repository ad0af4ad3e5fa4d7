"""How many calls an endpoint is sent at once, and how fast."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import monotonic

import pytest

from eagdata.contracts import Request
from eagdata.records import Message
from eagdata.teachers.pace import Pace, Rate, duration_s


def request(turns: int = 1, *, group: int = 0, sample: int = 0) -> Request:
    return Request(messages=tuple(Message(role="user", content="x") for _ in range(turns)), seed=0, group=group, sample=sample)


async def test_no_more_calls_are_awake_than_allowed() -> None:
    pace, peak = Pace(most_awake=3), 0

    async def call() -> None:
        nonlocal peak
        await pace.enter(request())
        peak = max(peak, pace.awake)
        await asyncio.sleep(0.001)
        pace.leave()

    await asyncio.gather(*(call() for _ in range(20)))
    assert (peak, pace.awake, pace.asleep) == (3, 0, 0)


async def test_a_sleeping_call_lets_another_one_be_awake_and_keeps_its_place() -> None:
    pace = Pace(most_awake=1)
    pace.bound = 2.0
    await pace.enter(request())
    sleeper = asyncio.ensure_future(pace.sleep(0.05, "429"))
    await asyncio.sleep(0)
    await asyncio.wait_for(pace.enter(request()), 0.02)  # one awake, one asleep: full
    third = asyncio.ensure_future(pace.enter(request()))
    await asyncio.sleep(0.1)
    assert not sleeper.done(), "two calls are awake at once"
    assert not third.done(), "a call was let in beyond the bound"
    pace.leave()
    await asyncio.wait_for(sleeper, 0.1)  # who slept goes before who is new
    assert not third.done()
    pace.leave()
    await asyncio.wait_for(third, 0.1)
    assert (pace.awake, pace.asleep) == (1, 0)


async def test_the_longest_conversation_goes_first_and_siblings_side_by_side() -> None:
    pace, order = Pace(most_awake=1), []

    async def call(name: str, asked: Request) -> None:
        await pace.enter(asked)
        order.append(name)
        pace.leave()

    await pace.enter(request())
    asked = {"new": request(1, group=1), "a0": request(5, group=3), "b0": request(5, group=2), "a1": request(5, group=3, sample=1)}
    calls = [asyncio.ensure_future(call(name, value)) for name, value in asked.items()]
    await asyncio.sleep(0)
    pace.leave()
    await asyncio.gather(*calls)
    assert order == ["b0", "a0", "a1", "new"]


@pytest.mark.parametrize("moment", ["queued", "admitted", "asleep", "waking"])
async def test_a_cancelled_call_gives_its_place_back(moment: str) -> None:
    pace = Pace(most_awake=1)
    await pace.enter(request())

    async def call() -> None:
        await pace.enter(request())
        try:
            await pace.sleep(0.0 if moment == "waking" else 10.0, "429")
        finally:
            pace.leave()

    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    if moment != "queued":
        pace.leave()
        if moment != "admitted":
            await asyncio.sleep(0)
            await pace.enter(request())  # takes the place that the sleeper left awake
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if moment != "admitted":
        pace.leave()
    assert (pace.awake, pace.asleep) == (0, 0)


async def _throughput(answer: Callable[[int], bool], *, calls: int, seconds: float) -> tuple[int, int]:
    """Replies and requests of a fleet of callers against a server that throttles when `answer(in flight)` says no."""
    pace, replies, requests, flying = Pace(most_awake=calls), 0, 0, 0
    end = monotonic() + seconds

    async def caller() -> None:
        nonlocal replies, requests, flying
        while monotonic() < end:
            await pace.enter(request())
            while True:
                requests, flying = requests + 1, flying + 1
                served = answer(flying)
                await asyncio.sleep(0.02 if served else 0.0)
                flying -= 1
                pace.answered(throttled=not served)
                if served or monotonic() > end:
                    replies += served
                    break
                await pace.sleep(random.uniform(0.02, 0.04), "429")
            pace.leave()

    await asyncio.gather(*(caller() for _ in range(calls)))
    return replies, requests


async def test_a_server_that_caps_its_calls_in_flight_is_kept_busy_without_being_hammered() -> None:
    replies, requests = await _throughput(lambda flying: flying <= 8, calls=64, seconds=6.0)
    ideal = 8 * 6.0 / 0.02
    assert replies > 0.5 * ideal  # naive halving falls to 15 %
    assert requests < 4 * replies  # retries outside their place send 9


async def test_a_fifth_of_429_at_random_does_not_wear_the_bound_down() -> None:
    pace, rng = Pace(most_awake=64), random.Random(7)
    pace.awake, pace.bound = 32, 64.0
    for _ in range(60):
        for _ in range(12):
            pace.answered(throttled=rng.random() < 0.2)
        pace._window_ends = 0.0  # the next window
    assert pace.bound > 32  # where the share of few answers is taken at its word, it ends at a handful


async def test_the_bound_falls_in_a_storm_and_comes_back_after_it() -> None:
    pace = Pace(most_awake=64)
    pace.awake = 64
    for _ in range(12):
        for _ in range(20):
            pace.answered(throttled=random.random() < 0.9)
        pace._window_ends = 0.0  # the next window
    low = pace.bound
    assert low < 16
    for _ in range(12):
        for _ in range(20):
            pace.answered(throttled=False)
        pace._window_ends = 0.0
    assert pace.bound == 128


def test_a_rate_lets_its_burst_through_and_then_spaces_calls_out() -> None:
    rate = Rate(60.0)  # one a second
    waits = [rate.take(1, 100.0) for _ in range(5)]
    assert waits == [0.0, 0.0, 0.0, 1.0, 2.0]  # two seconds' worth have gathered, and the one due now
    rate.correct(2)
    assert rate.take(1, 100.0) == 5.0


async def test_requests_a_minute_are_held() -> None:
    pace = Pace(most_awake=8, rpm=600)  # ten a second, a burst of twenty
    started = monotonic()
    await asyncio.gather(*(pace.limit(0) for _ in range(25)))
    assert monotonic() - started >= 0.35
    held = asyncio.ensure_future(pace.limit(0))
    await asyncio.sleep(0)
    waits = pace.waiting()
    assert waits is not None
    assert waits.calls == 1
    assert "rate limit" in waits.why
    await held
    assert pace.waiting() is None


async def test_when_the_server_says_that_nothing_remains_calls_wait_for_its_reset() -> None:
    pace = Pace(most_awake=8)
    pace.heed({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"})
    started = monotonic()
    await pace.limit(0)
    assert monotonic() - started >= 0.1


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1.5", 1.5), ("soon", None)])
def test_durations_of_rate_limit_headers(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds
