"""A run against an endpoint that does everything wrong accounts for every task and writes the rows of a run without faults.

`python -m benchmarks.faults chaos` makes the whole of it: 500 tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.running import digests, eagdata, last_json
from tests.endpoint import Books, Dials, Procedural, serving

CHAOS = Dials(throttle=0.2, fail=0.05, reset=0.02, malformed=0.02, stall=0.01)
GOOD_SHARE = 1 - 0.3
"""Of 100 requests 30 bring no reply, so that nobody can do with fewer than 1.43 requests a reply."""


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How much of it."""

    tasks: int
    concurrency: int = 16
    latency_s: float = 0.25
    timeout_s: float = 3.0
    retry_after_s: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Survived:
    """What came of it."""

    counts: dict[str, int]
    replies: int
    """To different calls: an answer that was asked for twice is one."""
    requests: int
    wall_ratio: float
    """Seconds from the first request to the last answer, to those of the run without faults."""
    cards: dict[str, int]
    """What went wrong, how often."""
    differing: list[str]
    """Files of rows that are not those of the run without faults."""

    @property
    def requests_a_reply(self) -> float:
        return self.requests / self.replies


def survive(where: Path, weather: Weather) -> Survived:
    """The same run twice: without a fault, and with all of them."""
    dials = Dials(latency_s=weather.latency_s)
    _, calm = _run(where / "calm", weather, dials)
    faults = replace(CHAOS, latency_s=weather.latency_s, retry_after_s=weather.retry_after_s)
    counts, rough = _run(where / "rough", weather, faults)
    there, here = digests(where / "calm" / "data"), digests(where / "rough" / "data")
    return Survived(
        counts=counts,
        replies=len({entry.calls for entry in rough.answers}),
        requests=len(rough.entries),
        wall_ratio=_span_s(rough) / _span_s(calm),
        cards={card: count for card, count in rough.cards.items() if card},
        differing=sorted(path for path in there.keys() | here.keys() if there.get(path) != here.get(path)),
    )


def _run(folder: Path, weather: Weather, dials: Dials) -> tuple[dict[str, int], Books]:
    with serving(Procedural(), dials=dials) as server:
        command = ["generate", "quickstart", "--n", weather.tasks, "--out", folder, "--concurrency", weather.concurrency, "--json"]
        command += ["--teacher", "openai_chat", "--model", "program", "--base-url", server.url]
        command += ["--set", f"teacher.timeout_s={weather.timeout_s}", "--set", "thresholds.min_kept=0"]
        done = eagdata(*command, cwd=folder.parent, timeout_s=1200)
    return last_json(done)["counts"], server.books


def _span_s(books: Books) -> float:
    return max(entry.sent_at or entry.at for entry in books.entries) - books.entries[0].at


def test_every_fault_at_once_loses_no_task_and_changes_no_row(tmp_path: Path) -> None:
    weather = Weather(tasks=40)
    found = survive(tmp_path, weather)
    counts = found.counts
    assert counts["kept"] + counts["rejected"] == counts["planned"] == weather.tasks
    assert counts["failed"] == counts["unspent"] == 0
    assert found.differing == []
    assert set(found.cards) == {"throttle", "fail", "reset", "malformed", "stall"}
    assert found.requests_a_reply == pytest.approx(1 / GOOD_SHARE, rel=0.03)
    assert found.wall_ratio < 4, "the whole run is held to 1.5; one of this size can meet a stall at its very end"
