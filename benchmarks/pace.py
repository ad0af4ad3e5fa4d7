"""What the pace of an endpoint makes of a server that throttles: share of the ideal, and requests a reply.

    python benchmarks/pace.py

The server is a function in this process, so that the policy alone is measured: it answers after 100 ms, or throttles at once and asks
for half a second.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from eagdata.contracts import Request
from eagdata.records import Message
from eagdata.teachers.pace import Pace

CALLERS, AWAKE, RUN_S, LATENCY_S, RETRY_AFTER_S = 512, 256, 8.0, 0.1, 0.5
ASKED = Request(messages=(Message(role="user", content="x"),), seed=0)
Serves = Callable[[int], bool]
"""Requests in flight, this one included -> whether this one is answered."""


def in_flight(most: int) -> Serves:
    return lambda flying: flying <= most


def a_second(most: float) -> Serves:
    """A bucket that holds no more than a tenth of a second's worth."""
    state = {"at": time.monotonic(), "left": 0.0}

    def serves(_flying: int) -> bool:
        now = time.monotonic()
        state.update(at=now, left=min(most / 10, state["left"] + (now - state["at"]) * most))
        state["left"] -= (served := state["left"] >= 1)
        return served

    return serves


async def measure(name: str, serves: Serves, *, ideal_per_s: float) -> None:
    pace, replies, requests, flying = Pace(most_awake=AWAKE), 0, 0, 0
    end = time.monotonic() + RUN_S

    async def caller() -> None:
        nonlocal replies, requests, flying
        while time.monotonic() < end:
            await pace.enter(ASKED)
            served = False
            while not served and time.monotonic() < end:
                requests, flying = requests + 1, flying + 1
                served = serves(flying)
                await asyncio.sleep(LATENCY_S if served else 0.001)
                flying -= 1
                pace.answered(throttled=not served)
                replies += served
                if not served:
                    await pace.sleep(RETRY_AFTER_S * random.uniform(1, 1.5), "429")
            pace.leave()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    print(f"{name:<28} {replies / RUN_S / ideal_per_s:6.0%} of the ideal {requests / max(1, replies):6.2f} requests a reply")


async def main() -> None:
    await measure("48 in flight", in_flight(48), ideal_per_s=48 / LATENCY_S)
    await measure("300 a second", a_second(300), ideal_per_s=300)
    await measure("20 % throttled at random", lambda _: random.random() >= 0.2, ideal_per_s=AWAKE / LATENCY_S)


if __name__ == "__main__":
    asyncio.run(main())
