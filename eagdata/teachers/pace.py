"""How many calls one endpoint is sent at once, and how fast.

Two bounds. Awake calls, whose request is with the server, are at most `most_awake`. Awake and sleeping ones together are at most
`bound`, which is steered by the share of throttled answers. A throttled call keeps its place while it sleeps: quick 429s would
else make a limit of concurrency useless as a limit of rate. The bound is cut at most once a window, and only above 25 %
throttled. Measured (`benchmarks/pace.py`): 91 % of the ideal against a server that caps its calls in flight, 92 % against one that caps
its rate, 80 % where 20 % are throttled at random, with 1.2 to 2.0 requests a reply. In prototypes, halving at every 429 fell to 15-30 %,
and retries outside their place sent 9 to 23 requests a reply.

Who waits is let in by what the server remembers: the longest conversation first, siblings side by side, so that prefixes are met
while they are still in its cache, and traces are finished before new ones are begun.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

from eagdata.contracts import Request, Waiting

# Thresholds and factors are ours, chosen by the benchmark above and the storm and chaos tests.
_WINDOW_S = 1.0
_CUT_ABOVE = 0.25
_GROW_BELOW = 0.05
_CUT, _CUT_HARD, _GROW, _GROW_SLOWLY = 0.7, 0.5, 1.5, 1.1
_SURE = 2.0
"""Standard deviations by which the throttled share of a window must exceed the limit before it counts: of few answers, many are
throttled by chance. Without it, 20 % of 429 at random cut the bound to nothing."""
_BURST_S = 2.0
"""A rate limit lets through at once what so many seconds would allow."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Order = tuple[int, int, int]


def order_of(request: Request) -> Order:
    """Place in the queue: lower goes first."""
    return -len(request.messages), request.group, request.sample


@dataclass(slots=True)
class Rate:
    """A limit per minute, of requests or of tokens. Source: the generic cell rate algorithm (ITU-T I.371)."""

    per_minute: float
    _due: float = 0.0

    def take(self, amount: float, now: float) -> float:
        """Seconds to wait before `amount` may be sent; it counts as sent from now on."""
        start = max(self._due, now - _BURST_S)
        self._due = start + amount * 60.0 / self.per_minute
        return max(0.0, start - now)

    def correct(self, amount: float) -> None:
        """`amount` more (or, below 0, less) was used than was taken."""
        self._due += amount * 60.0 / self.per_minute


@dataclass(kw_only=True)
class Pace:
    """The bounds and rates of one endpoint. `rpm`, `tpm`: requests and tokens a minute; None: no limit of ours."""

    most_awake: int
    rpm: float | None = None
    tpm: float | None = None
    awake: int = 0
    asleep: int = 0
    held: int = 0
    """Awake calls that a rate limit holds back."""
    bound: float = field(init=False)
    _queue: list[tuple[Order, int, asyncio.Future[None]]] = field(default_factory=list)
    _back: list[asyncio.Future[None]] = field(default_factory=list)
    _arrivals: count[int] = field(default_factory=count)
    _paused_until: float = 0.0
    _window_ends: float = 0.0
    _answered: int = 0
    _throttled: int = 0
    _why: str = ""
    _wakes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bound = self._most = 2.0 * self.most_awake
        self._requests = Rate(self.rpm) if self.rpm else None
        self._tokens = Rate(self.tpm) if self.tpm else None

    @property
    def has_room(self) -> bool:
        """Whether a new call would be let in at once."""
        return not self._queue and not self._back and self.awake < self.most_awake and self.awake + self.asleep < self.bound

    async def enter(self, request: Request) -> None:
        """Wait for a place. Leave it with `leave`."""
        if self.has_room:
            self.awake += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (order_of(request), next(self._arrivals), turn))
        await self._called(turn)

    def leave(self) -> None:
        """Give the place up."""
        self.awake -= 1
        self._admit()

    async def limit(self, tokens: int) -> None:
        """Wait, before a try, for what the rate limits and the server's own notices ask."""
        now = monotonic()
        wait = max(0.0, self._paused_until - now)
        if self._requests:
            wait = max(wait, self._requests.take(1, now))
        if self._tokens:
            wait = max(wait, self._tokens.take(tokens, now))
        if wait > 0:
            self.held += 1
            try:
                await self._rest(wait, "the rate limit")
            finally:
                self.held -= 1

    async def sleep(self, seconds: float, why: str) -> None:
        """Sleep in the call's place; others may be awake meanwhile. Back awake when this returns."""
        self.awake -= 1
        self.asleep += 1
        self._admit()
        try:
            await self._rest(seconds, why)
            await self._wake()
        except asyncio.CancelledError:
            self.awake += 1  # `leave` will take it off
            raise
        finally:
            self.asleep -= 1

    def answered(self, *, throttled: bool) -> None:
        """Take note of an answer; once a window, steer the bound. Ends of windows are noticed at answers only: no timer runs."""
        self._answered += 1
        self._throttled += throttled
        now = monotonic()
        if now < self._window_ends:
            return
        share, chance = self._throttled / self._answered, math.sqrt(_CUT_ABOVE * (1 - _CUT_ABOVE) / self._answered)
        if share > _CUT_ABOVE + _SURE * chance:
            self.bound = max(1.0, min(self.bound, self.awake + self.asleep) * (_CUT if share < 0.5 else _CUT_HARD))
        elif share <= _CUT_ABOVE:
            self.bound = min(self._most, self.bound * (_GROW if share < _GROW_BELOW else _GROW_SLOWLY) + 1)
            self._admit()
        self._answered = self._throttled = 0
        self._window_ends = now + _WINDOW_S

    def heed(self, headers: Mapping[str, str]) -> None:
        """OpenAI's `x-ratelimit-*`: when nothing remains, wait for the reset. Source: OpenAI's guide "Rate limits"."""
        for what in ("requests", "tokens"):
            if headers.get(f"x-ratelimit-remaining-{what}") == "0":
                reset_s = duration_s(headers.get(f"x-ratelimit-reset-{what}", ""))
                self._paused_until = max(self._paused_until, monotonic() + (reset_s or 0.0))

    def correct(self, tokens: int) -> None:
        """So many tokens more than were taken into account."""
        if self._tokens:
            self._tokens.correct(tokens)

    def waiting(self) -> Waiting | None:
        """Calls that sleep, are held or stand behind a bound that was cut, and why. A queue behind `most_awake` alone is work."""
        if not self._wakes:
            return None
        calls = self.asleep + self.held + (len(self._queue) if self.bound < self._most else 0)
        left = max(0.0, min(self._wakes) - monotonic())
        return Waiting(calls, f"{self._why}, next try in {left:.0f} s")

    async def _rest(self, seconds: float, why: str) -> None:
        """Do nothing for so long, in a way that can be told."""
        until, self._why = monotonic() + seconds, why
        self._wakes.append(until)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._wakes.remove(until)

    async def _wake(self) -> None:
        """Wait until one more call may be awake."""
        if self.awake < self.most_awake and not self._back:
            self.awake += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._back.append(turn)
        await self._called(turn)

    async def _called(self, turn: asyncio.Future[None]) -> None:
        """Wait until `turn` comes. Cancelled in the moment in which it came, the call gives its place back."""
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def _admit(self) -> None:
        """Let in whom there is room for: those back from sleep first."""
        while self._back and self.awake < self.most_awake:
            turn = self._back.pop(0)
            if not turn.done():
                self.awake += 1
                turn.set_result(None)
        while self._queue and self.awake < self.most_awake and self.awake + self.asleep < self.bound:
            turn = heapq.heappop(self._queue)[2]
            if not turn.done():
                self.awake += 1
                turn.set_result(None)


def duration_s(text: str) -> float | None:
    """Seconds of a duration as rate-limit headers write it: `20ms`, `1s`, `6m0s`, or a bare number; None if it is none."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    parts = _DURATION.findall(text)
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts) if parts else None
