"""What happened, as small records. The library never prints: whoever runs it passes an `Emit` and shows what it likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage of the pipeline begins. `total` in its own unit; None if unknown."""

    stage: str
    total: int | None = None


@dataclass(frozen=True, slots=True)
class TraceFinished:
    """One task has ended. `reason`: of a rejection, or the boundary of a failure."""

    task_id: str
    outcome: Literal["kept", "rejected", "failed"]
    reason: str | None
    calls: int
    branches: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know and may be able to change."""

    text: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """Twice a second while tasks are rolled out, whether or not anything ends."""

    calls: int
    """Teacher calls in flight."""
    waiting: str | None
    """What calls wait for instead of being answered, in words; None: nothing."""


Event = StageStarted | TraceFinished | Notice | Pulse
Emit = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """An `Emit` that keeps quiet."""
