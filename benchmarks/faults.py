"""What a run loses to a storm of 429, to faults of every kind, and to being killed: the tests of tests/e2e at their full size.

    python -m benchmarks.faults [storm] [chaos] [kill] [--small]

One endpoint on loopback, the command line as a user runs it. Everything is counted by the endpoint's own books. Ratios are of two
runs on this machine, one after the other; a busy machine spoils them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.test_chaos import Weather, survive
from tests.e2e.test_kill import Killing, kill_often
from tests.e2e.test_storm import WAITS, Storm, weather

Line = tuple[str, object, bool | None]
"""What was measured, the figure, and whether it is as it should be (None: nothing is asked of it)."""


def storm(where: Path, *, small: bool) -> list[Line]:
    size = Storm(storm_s=8.0, patience_s=20.0) if small else Storm(storm_s=60.0)
    found = weather(where, size)
    counts = found.counts
    done = counts["kept"] + counts["rejected"]
    speed = found.after_per_s / found.before_per_s
    return [
        (f"tasks done of {size.tasks}, with one attempt a call", done, done == counts["planned"] == size.tasks),
        ("calls/s before, during, after", f"{found.before_per_s:.0f}, {found.during_per_s:.1f}, {found.after_per_s:.0f}", None),
        ("speed after / before", f"{speed:.2f}", speed >= 0.9),
        ("back at 0.9 after", f"{found.recovered_s:.1f} s" if found.recovered_s else "never", found.recovered_s is not None),
        ("requests / call waiting / s of storm", f"{found.storm_requests / size.concurrency / size.storm_s:.2f}", None),
        ("the progress line says what it waits for", *_said(found.said_during)),
    ]


def _said(text: str) -> tuple[str, bool]:
    words = WAITS.findall(text)
    return (words[-1] if words else "no"), bool(words)


def chaos(where: Path, *, small: bool) -> list[Line]:
    size = Weather(tasks=40) if small else Weather(tasks=500, concurrency=64, latency_s=2.0, timeout_s=10.0, retry_after_s=1.0)
    found = survive(where, size)
    counts = found.counts
    done = counts["kept"] + counts["rejected"]
    return [
        (f"tasks done of {size.tasks}", done, done == counts["planned"] == size.tasks),
        ("rows that differ from the run without faults", "none" if not found.differing else found.differing, not found.differing),
        (f"requests / reply, {found.replies} replies", f"{found.requests_a_reply:.3f}", found.requests_a_reply <= 1.45),
        ("wall time / that without faults", f"{found.wall_ratio:.2f}", found.wall_ratio < 1.5),
        ("faults", ", ".join(f"{count} {card}" for card, count in sorted(found.cards.items())), None),
    ]


def kill(where: Path, *, small: bool) -> list[Line]:
    size = Killing(kills=12, tasks=30) if small else Killing(kills=100, tasks=200)
    found = kill_often(where, size)
    again = found.requests - found.calls
    return [
        (f"kills of a run of {found.tasks} tasks and {found.calls} calls", found.kills, None),
        ("of them with calls in flight", sum(lost > 0 for lost in found.lost), None),
        ("completed calls asked again", len(found.repeated), not found.repeated),
        ("calls asked again, of those in flight at a kill", f"{again} of {sum(found.lost)}", again == sum(found.lost)),
        (
            "verified paths lost, of those in the journal at a kill",
            f"{len(found.verified_lost)} of {len(found.verified)}",
            not found.verified_lost,
        ),
        ("files that differ from the uninterrupted run", found.differing or "none", not found.differing),
    ]


PARTS: dict[str, Callable[..., list[Line]]] = {"storm": storm, "chaos": chaos, "kill": kill}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument(
        "--small", action="store_true", help="the size of the tests: a single late stall then misses the goal of the wall time"
    )
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    missed = 0
    for part in given.parts or PARTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as where:
            lines = PARTS[part](Path(where), small=given.small)
        print(f"\n{part}, {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
        for what, figure, right in lines:
            mark = "" if right is None else "  ok" if right else "  MISSED"
            print(f"  {what}: {figure}{mark}", flush=True)
            missed += right is False
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
