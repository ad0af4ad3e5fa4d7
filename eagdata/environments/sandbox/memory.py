"""Memory of all processes of one pid namespace, where no cgroup can be had.

Counted: private pages, swap, page tables, and shared memory by the size of its mappings, for a page that its last user unmapped by
MADV_DONTNEED is in memory and in nobody's count. Not counted: files of the box (the disk limit holds them) and the kernel's buffers
of pipes and sockets. Source: Linux `Documentation/filesystems/proc.rst`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_OWN = re.compile(r"^(?:RssAnon|VmSwap|VmPTE):\s+(\d+) kB", re.M)
_SIZE = re.compile(r"^VmSize:\s+(\d+) kB", re.M)
_TABLES = re.compile(r"^VmPTE:\s+(\d+) kB", re.M)
_SHARE = re.compile(r"^(?:Pss_Anon|SwapPss):\s+(\d+) kB", re.M)
_SHARED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) ..[-x]s [0-9a-f]+ ([0-9a-f:]+ \d+) +/(?:dev/zero|SYSV|memfd:)", re.M)


def own_space() -> int:
    """The number of this process's pid namespace."""
    return os.stat("/proc/self/ns/pid").st_ino


def used_bytes(space: int, *, enough: int) -> int:
    """What the processes of a pid namespace use. Cheap and too high by the pages that forks share, or exact where the cheap count is
    above `enough`."""
    pids = list(_members(space))
    stats = [_read(pid, "status") for pid in pids]
    own = sum(_bytes(_OWN, text) for text in stats)
    shared = _shared_bytes(pids) if sum(_bytes(_SIZE, text) for text in stats) > enough else 0
    if own + shared <= enough:
        return own + shared
    exact = sum(_bytes(_SHARE, _read(pid, "smaps_rollup")) + _bytes(_TABLES, text) for pid, text in zip(pids, stats, strict=True))
    return shared + exact


def _bytes(kind: re.Pattern[str], text: str) -> int:
    return 1024 * sum(int(found) for found in kind.findall(text))


def _members(space: int) -> Iterator[str]:
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}/ns/pid").st_ino == space:
                yield name
        except OSError:  # ended, or the init of a cell, which nobody may look into
            continue


def _shared_bytes(pids: list[str]) -> int:
    sizes: dict[str, int] = {}
    for pid in pids:
        for start, end, name in _SHARED.findall(_read(pid, "maps")):
            sizes[name] = max(sizes.get(name, 0), int(end, 16) - int(start, 16))
    return sum(sizes.values())


def _read(pid: str, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
