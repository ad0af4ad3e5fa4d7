"""Who descends from whom, read from /proc: for the tiers where no pid namespace ends a family at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection


def descendants(root: int, *, but: Collection[int] = ()) -> list[int]:
    """Living processes below `root`, zombies left out, and without those in `but` and what is below them."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in but:
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            parents[int(name)] = int(parent)
    found, level = list[int](), {root}
    while level := {pid for pid, parent in parents.items() if parent in level}:
        found += level
    return found


def end(pids: Collection[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
