"""What a process has to itself: processes below it, open files, mounts, locks, and whether its event loop keeps going."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STILL_S = 2.0
"""Longest acceptable pause of the event loop, with room for a loaded machine."""


class Pulse:
    """How long the event loop stood still at most since it was last asked: nothing that a program does may stop its neighbours."""

    def __init__(self) -> None:
        self._worst_s = 0.0
        self._task = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            self._worst_s = max(self._worst_s, time.monotonic() - began - 0.01)

    def faults(self) -> list[str]:
        worst_s, self._worst_s = self._worst_s, 0.0
        return [f"everything stood still for {worst_s:.1f} s"] if worst_s > STILL_S else []

    def stop(self) -> None:
        self._task.cancel()


@dataclass(frozen=True)
class Belongings:
    """What must be the same before a program and after it."""

    processes: frozenset[str]
    files: frozenset[str]
    """Names in the temporary folder, where this process has one of its own."""
    open_files: int
    mounts: int
    locks: int
    zombies: int

    @classmethod
    def now(cls) -> Belongings:
        below = _processes()
        running = {pid: f"{name} {pid}" for pid, (state, name) in below.items() if state != "Z"}
        return cls(
            processes=frozenset(running.values()),
            files=frozenset(os.listdir(own)) if (own := os.environ.get("TMPDIR")) else frozenset(),
            open_files=len(os.listdir("/proc/self/fd")),
            mounts=len(Path("/proc/self/mountinfo").read_text().splitlines()),
            locks=_count_locks({os.getpid(), *running}),
            zombies=sum(state == "Z" for state, _ in below.values()),
        )

    def faults(self, before: Belongings) -> list[str]:
        """What is here and was not `before`."""
        new = [f"{what} survived" for what in sorted(self.processes - before.processes)]
        new += [f"left in the temporary folder: {name}" for name in sorted(self.files - before.files)]
        for what in ("open_files", "mounts", "locks", "zombies"):
            more = getattr(self, what) - getattr(before, what)
            new += [f"{more} {what.replace('_', ' ')} more than before"] if more > 0 else []
        return new


async def left_since(before: Belongings) -> list[str]:
    """What is still left after a second that was not there `before`."""
    for _ in range(50):
        if not (faults := Belongings.now().faults(before)):
            return []
        await asyncio.sleep(0.02)
    return faults


def descendants() -> set[int]:
    """Living processes below this one, also those whose parents are gone if this one adopts orphans."""
    return {pid for pid, (state, _) in _processes().items() if state != "Z"}


def _processes() -> dict[int, tuple[str, str]]:
    """All processes below this one: pid -> state and name."""
    parents: dict[int, tuple[int, str, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                state, parent = rest.split()[:2]
                parents[int(entry.name)] = (int(parent), state, name)
    found: dict[int, tuple[str, str]] = {}
    level = {os.getpid()}
    while level := {pid for pid, (parent, _, _) in parents.items() if parent in level}:
        found |= {pid: parents[pid][1:] for pid in level}
    return found


def _count_locks(pids: set[int]) -> int:
    """File locks that these processes hold. Source: proc_locks(5)."""
    with suppress(OSError):
        holders = [line.split("->")[-1].split()[-4] for line in Path("/proc/locks").read_text().splitlines()]
        return sum(holder.isdigit() and int(holder) in pids for holder in holders)
    return 0


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process, so that none can hide. Source: PR_SET_CHILD_SUBREAPER, prctl(2)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
