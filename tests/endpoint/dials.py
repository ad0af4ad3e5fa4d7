"""What goes wrong, and how often. The shares are dealt from a shuffled deck, so that a measured ratio is exact, not lucky."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from math import ceil
from random import Random

from tests.endpoint.voices import NOTHING, Answer


@dataclass(frozen=True, kw_only=True)
class Dials:
    """Shares are of all generations asked for: each `deck` of them holds exactly its share, in a shuffled order."""

    latency_s: float = 0.0
    """Before every answer but those given at the door (401, 429)."""
    refuse: float = 0.0
    """401."""
    throttle: float = 0.0
    """429, with `retry_after`."""
    fail: float = 0.0
    """500, 502 and 503 in turn."""
    error_in_200: float = 0.0
    reset: float = 0.0
    """The connection is reset instead of answered."""
    cut: float = 0.0
    """Half a body, then the connection is closed."""
    malformed: float = 0.0
    """A body that is no JSON."""
    misshapen: float = 0.0
    """JSON that is no completion."""
    wrong_type: float = 0.0
    """A page of HTML."""
    empty: float = 0.0
    """No choices."""
    stall: float = 0.0
    """Never answered."""
    stall_blank: float = 0.0
    """Never answered, with a blank line every 20 ms."""
    oversize: float = 0.0
    """A good body with `oversize_mb` of blanks in it."""
    length: float = 0.0
    """A good answer, cut at half its text: `finish_reason` is `length`."""
    deck: int = 100
    seed: int = 0
    retry_after: tuple[str, ...] = ("seconds", "none")
    """Forms that the 429s take in turn: `seconds`, `date` (whole seconds, rounded up), `ms` (retry-after-ms), `none`."""
    retry_after_s: float = 1.0
    quotes_key: bool = False
    """Every error quotes the key that it was sent, and every answer has a header with it."""
    oversize_mb: float = 64.0
    most_in_flight: int | None = None
    """More at once are turned away with 429."""
    requests_per_window: int | None = None
    """More in a window are turned away with 429, until it ends."""
    tokens_per_window: int | None = None
    """More tokens in a window likewise; a request counts its prompt and its `max_tokens`."""
    window_s: float = 60.0
    shows_limits: bool = False
    """x-ratelimit-* headers, as OpenAI sends them."""
    storm: float = 0.0
    """Share of 429 between `storm_from_s` and `storm_from_s + storm_s`, counted from the first request."""
    storm_from_s: float = 0.0
    storm_s: float = 0.0
    owned_by: str = "tests"
    """What `GET /models` says of every model."""

    def share(self, card: str) -> int:
        """How many of a deck are `card`. Raises: ValueError if the deck cannot hold the share exactly."""
        share: float = getattr(self, card)
        if abs(share * self.deck - round(share * self.deck)) > 1e-6:
            raise ValueError(f"a deck of {self.deck} cannot hold {card}={share} exactly")
        return round(share * self.deck)


@dataclass(frozen=True, kw_only=True)
class Deal:
    """What a card is played on."""

    dials: Dials
    turn: int
    """How many of the same card came before it."""
    words: str
    """What an error says."""
    good: Answer = NOTHING
    """The answer that it spoils; nothing for a card that is played at the door."""

    def error(self, status: int, **headers: str) -> Answer:
        return Answer(status=status, body={"error": {"message": self.words}}, headers=headers)

    def one_of(self, *bodies: object) -> Answer:
        """A 200 with one of the bodies, each in its turn."""
        return Answer(body=bodies[self.turn % len(bodies)])


Card = Callable[[Deal], Answer]


def _throttle(deal: Deal) -> Answer:
    dials, wait_s = deal.dials, deal.dials.retry_after_s
    form = dials.retry_after[deal.turn % len(dials.retry_after)]
    headers = {
        "none": {},
        "seconds": {"retry-after": f"{wait_s:g}"},
        "ms": {"retry-after-ms": f"{wait_s * 1000:.0f}"},
        "date": {"retry-after": formatdate(ceil(time.time() + wait_s), usegmt=True)},
    }[form]
    return Answer(status=429, body={"error": {"message": deal.words, "code": "rate_limit_exceeded"}}, headers=headers)


def _error_in_200(deal: Deal) -> Answer:
    return deal.one_of({"error": {"message": deal.words}}, {"error": {"message": deal.words, "code": 429}}, {"error": deal.words})


def _misshapen(deal: Deal) -> Answer:
    choices: tuple[object, ...] = (None, [{"message": None}], [{"message": {"content": 3}}], "text")
    return deal.one_of([], '"text"', {"object": "list"}, *({"choices": choice} for choice in choices))


def _oversize(deal: Deal) -> Answer:
    return replace(deal.good, body=json.dumps(deal.good.body)[:-1] + " " * int(deal.dials.oversize_mb * 2**20) + "}")


def _length(deal: Deal) -> Answer:
    body = json.loads(json.dumps(deal.good.body))
    for choice in body["choices"]:
        text = choice["message"]["content"]
        choice["finish_reason"], choice["message"]["content"] = "length", text[: len(text) // 2]
    return replace(deal.good, body=body)


AT_THE_DOOR: dict[str, Card] = {"refuse": lambda deal: deal.error(401), "throttle": _throttle}
"""Turned away at once: nothing is generated, nothing is billed."""

UNBILLED: dict[str, Card] = {
    "fail": lambda deal: deal.error((500, 502, 503)[deal.turn % 3]),
    "error_in_200": _error_in_200,
}
"""After the latency, but no provider bills an error that it owns to."""

SPOILED: dict[str, Card] = {
    "reset": lambda deal: replace(deal.good, fault="reset"),
    "cut": lambda deal: replace(deal.good, fault="cut"),
    "malformed": lambda deal: replace(deal.good, body=json.dumps(deal.good.body)[:-9] + deal.words),
    "misshapen": _misshapen,
    "wrong_type": lambda deal: Answer(body=f"<html>{deal.words}</html>", headers={"content-type": "text/html"}),
    "empty": lambda deal: Answer(body={"object": "chat.completion", "choices": []}),
    "stall": lambda deal: replace(deal.good, fault="silence"),
    "stall_blank": lambda deal: replace(deal.good, fault="stall"),
    "oversize": _oversize,
    "length": _length,
}
"""Generated, and therefore billed, whatever becomes of the answer."""

CARDS = AT_THE_DOOR | UNBILLED | SPOILED


class Deck:
    """The cards of some dials, dealt hand after hand. None: the request goes well."""

    def __init__(self, dials: Dials) -> None:
        """Raises: ValueError for shares that the deck cannot hold."""
        faults = [card for card in CARDS for _ in range(dials.share(card))]
        if len(faults) > dials.deck:
            raise ValueError(f"the shares add up to {len(faults)} of {dials.deck}")
        self._cards: list[str | None] = [*faults, *[None] * (dials.deck - len(faults))]
        self._rng = Random(dials.seed)
        self._left: list[str | None] = []

    def deal(self) -> str | None:
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()


class Gate:
    """Counts what is in flight and what a window has let in, and says whom to turn away."""

    def __init__(self) -> None:
        self.in_flight = self.peak = 0
        self._opened, self._requests, self._tokens = float("-inf"), 0, 0

    def enter(self) -> None:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1

    def turns_away(self, dials: Dials, *, tokens: int, now: float) -> float | None:
        """Seconds after which a request may come again; None: it may come in, and is counted."""
        if now >= self._opened + dials.window_s:
            self._opened, self._requests, self._tokens = now, 0, 0
        if dials.most_in_flight is not None and self.in_flight >= dials.most_in_flight:
            return dials.retry_after_s
        many = dials.requests_per_window is not None and self._requests >= dials.requests_per_window
        long = dials.tokens_per_window is not None and self._tokens + tokens > dials.tokens_per_window
        if many or long:
            return self._opened + dials.window_s - now
        self._requests, self._tokens = self._requests + 1, self._tokens + tokens
        return None

    def headers(self, dials: Dials, *, now: float) -> dict[str, str]:
        """The state of the window. Source: OpenAI's guide "Rate limits", section "Rate limits in headers"."""
        reset = _duration(max(0.0, self._opened + dials.window_s - now))
        found = {}
        requests, tokens = dials.requests_per_window, dials.tokens_per_window
        for what, most, used in (("requests", requests, self._requests), ("tokens", tokens, self._tokens)):
            if most is not None:
                found[f"x-ratelimit-limit-{what}"] = str(most)
                found[f"x-ratelimit-remaining-{what}"] = str(most - used)
                found[f"x-ratelimit-reset-{what}"] = reset
        return found


def _duration(seconds: float) -> str:
    """As OpenAI writes them: 120ms, 7.66s, 6m0s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{rest:.2f}s"
