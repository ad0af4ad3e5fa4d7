"""Runs every hostile program in every isolation that this machine offers, as root and as an ordinary user, and prints what was held.

    python -m tests.hostile [PROGRAM...] [--tier TIER]...

Programs are those of this folder (`NN-name.py`), or those given by path. Exit status 1 if one of them was not contained in the
default isolation, the strongest that this machine offers; 3 if it offers none.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from eagdata.environments.sandbox.probe import TIERS, probe

from .corpus import PROGRAMS
from .covered import claimed
from .runner import NOBODY, Impossible, Line, outcomes

WEAK = "process"
SKIPPED_AS_ROOT = "as root this isolation would give a hostile program the machine"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", type=Path, metavar="PROGRAM", help="instead of all programs of this folder")
    parser.add_argument("--tier", action="append", choices=TIERS, help="this isolation only; may be given more than once")
    options = parser.parse_args()
    programs = [path.resolve() for path in options.programs] or PROGRAMS
    walls = asyncio.run(probe())
    offered = [tier for tier in TIERS if tier != WEAK and all(stands for _, stands, _ in walls[tier])]
    if not offered:
        print("this machine offers no isolation: see `eagdata doctor`")
        return 3
    tiers = [tier for tier in (*offered, WEAK) if not options.tier or tier in options.tier]
    print(f"{len(programs)} programs; default isolation: {offered[0]}\n")
    print(f"{'isolation':<12} {'identity':<16} {'contained':>9} {'not':>5} {'safe deviations':>16}")
    escaped = [_row(tier, user, programs) and tier == offered[0] for tier in tiers for user in _users()]
    return int(any(escaped))


def _users() -> list[int | None]:
    return [None, NOBODY] if os.geteuid() == 0 else [None]


def _row(tier: str, user: int | None, programs: list[Path]) -> bool:
    """Run all programs in one isolation as one user, and print what came of it. True if one of them was not contained."""
    identity = "root" if user is None and os.geteuid() == 0 else "ordinary user"
    if tier == WEAK and identity == "root":
        print(f"{tier:<12} {identity:<16} not run: {SKIPPED_AS_ROOT}", flush=True)
        return False
    beyond = [path for path in programs if tier == WEAK and programs is PROGRAMS and path.name[:2] not in claimed(tier)]
    asked = [path for path in programs if path not in beyond]
    try:
        found = outcomes(asked, tier=tier, user=user)
        found_beyond = outcomes(beyond, tier=tier, user=user) if beyond else {}
    except Impossible as error:
        print(f"{tier:<12} {identity:<16} not run: {error}", flush=True)
        return False
    escaped = {name: line["faults"] for name, line in found.items() if line["faults"]}
    odd = [path.stem for path in asked if found[path.stem]["deviations"]]
    held = sum(path.stem not in escaped for path in asked)
    print(f"{tier:<12} {identity:<16} {held:>9} {len(asked) - held:>5} {len(odd):>16}", flush=True)
    if beyond:
        held = sum(not found_beyond[path.stem]["faults"] for path in beyond)
        print(f"    these are what it claims to hold; of the {len(beyond)} other programs it held {held}")
    for name, faults in escaped.items():
        print(f"    ! {name}: {'; '.join(faults)}")
    for name in odd if programs is PROGRAMS else [path.stem for path in programs]:
        print(f"    = {name}: {_told(found[name])}", flush=True)
    return bool(escaped)


def _told(line: Line) -> str:
    """The first line of a program beside what came out."""
    seen = line.get("observation") or {"status": "no observation", "kind": None, "text": ""}
    text = " ".join(str(seen["text"]).split())[-100:]
    return f"{line.get('head', '')!r} -> {seen['status']} {seen['kind'] or ''} {text!r}"


if __name__ == "__main__":
    sys.exit(main())
