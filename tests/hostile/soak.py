"""Thousands of actions, hostile ones among them, many episodes at a time: who answered what, and what is left of it.

    python -m tests.hostile.soak [--actions 20000] [--episodes 64] [--seed 0] [--tier auto]

Each ordinary action prints a token of its own and what its episode remembers, so an answer that belongs to somebody else shows.
Prints figures; exit status 1 if one of them is not as it must be.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault
from eagdata.records import Action, Observation, Task

from .attack import MARKS
from .corpus import PROGRAMS, Program
from .traps import Traps
from .watch import Belongings, left_since

HOSTILE, FORKS = 0.03, 0.04
"""Shares of the actions."""
LIFE_ACTIONS = (10, 60)
WARM = 0.25
"""Share of the actions after which the memory of this process must stay as it is."""
GROWTH = 1.03
GROWTH_MB = 2.0
"""For the allocator: 20,000 actions that each kept one kilobyte would grow by ten times as much."""
SAMPLES = 200
_TOKEN = re.compile(r"\b[0-9a-f]{16}\b")
_LIMITS = {"timeout_s": 1.0, "memory_mb": 256}


@dataclass
class _Life:
    """What is known of one episode."""

    owner: str
    count: int = 0
    attacked: bool = False
    """From then on its past may hold actions that no replay repeats: clocks, pids, a time limit just kept."""


@dataclass
class Soak:
    """One run: what to do, and what came of it."""

    environment: PythonEnvironment
    actions: int
    rng: random.Random
    traps: Traps
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that are not those of the episode that was asked, and harm."""
    rss_mb: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.programs = [Program.read(path) for path in PROGRAMS]
        self.quick = [program for program in self.programs if not any(status == "timeout" for status, _ in program.expect)]

    async def worker(self) -> None:
        """One episode after the other until all actions are done."""
        while self.done["actions"] < self.actions:
            life = _Life(self._token())
            try:
                async with AsyncExitStack() as opened:
                    await self._live(life, opened)
            except EnvironmentFault as fault:
                self.done["could not be replayed"] += 1
                if not life.attacked:
                    self.wrong.append(f"{life.owner}: {fault}")

    async def _live(self, life: _Life, opened: AsyncExitStack) -> None:
        """One episode: its program counts its actions, is forked, and now and then does something hostile."""
        episode = await self.environment.reset(Task(id=life.owner, question="", verifier="exact", environment_config=dict(_LIMITS)))
        opened.push_async_callback(episode.close)
        await self._act(episode, f"owner, past = {life.owner!r}, []")
        self.done["episodes"] += 1
        for _ in range(self.rng.randint(*LIFE_ACTIONS)):
            draw = self.rng.random()
            goes_on = True
            if draw < HOSTILE:
                life.attacked = True
                goes_on = await self._attack(episode)
            elif draw < HOSTILE + FORKS:
                child = await episode.fork()
                opened.push_async_callback(child.close)
                self.done["forks"] += 1
                other = child
                if self.rng.random() < 0.5:
                    episode, other = child, episode
                await self._ask(other, replace(life))
                await other.close()
            else:
                goes_on = await self._ask(episode, life)
            if not goes_on or self.done["actions"] >= self.actions:
                return

    async def _ask(self, episode: Episode, life: _Life) -> bool:
        """An action whose answer only this episode can give. False if a hostile program had spoilt the episode, which says so."""
        token = self._token()
        seen = await self._act(episode, f"past.append(0)\nprint({token!r}, owner, len(past))\n{token!r}")
        life.count += 1
        if (seen.status, seen.text, seen.value) == ("ok", f"{token} {life.owner} {life.count}\n{token!r}\n", repr(token)):
            self.done["answered right"] += 1
            return True
        if life.attacked and seen.status != "ok" and not _TOKEN.search(seen.text.replace(token, "").replace(life.owner, "")):
            self.done["spoilt by themselves"] += 1
            return False
        self.wrong.append(f"asked {token} of {life.owner} at {life.count}: {seen.status} {seen.kind} {seen.text[-200:]!r}")
        return False

    async def _attack(self, episode: Episode) -> bool:
        """Whether the episode can be expected to go on as it was."""
        program = self.rng.choice(self.quick if self.rng.random() < 0.9 else self.programs)
        seen = await self._act(episode, self.traps.fill(program.text))
        self.done["hostile"] += 1
        self.done[f"hostile, {seen.status}"] += 1
        if MARKS.search(seen.text) or self.traps.canary in seen.text:
            self.wrong.append(f"{program.name}: {seen.status} {seen.kind} {seen.text[-200:]!r}")
        return not program.may_break_itself and program.state != "any"

    async def _act(self, episode: Episode, text: str) -> Observation:
        self.done["actions"] += 1
        if self.done["actions"] % max(1, self.actions // SAMPLES) == 0:
            self.rss_mb.append(resident_mb())
        return await episode.step(Action(kind="python", text=text))

    def _token(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def grown(self) -> tuple[float, float]:
        """Largest memory of this process soon after the warm-up and at the end, in MB."""
        warm, tenth = int(len(self.rss_mb) * WARM), max(1, len(self.rss_mb) // 10)
        return max(self.rss_mb[warm : warm + tenth]), max(self.rss_mb[-tenth:])


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


async def soak(*, actions: int, episodes: int, seed: int = 0, tier: str = "auto") -> Soak:
    """Run it; `wrong` of what comes back says all that is not as it must be."""
    traps = Traps()
    outside = Belongings.now()
    try:
        async with PythonEnvironment(PythonEnvironment.Config(isolation=tier)) as environment:  # type: ignore[arg-type]
            run = Soak(environment, actions, random.Random(seed), traps)
            await _start_boxes(environment)
            idle = Belongings.now()
            await asyncio.gather(*(run.worker() for _ in range(episodes)))
            run.wrong += [f"after the last episode: {what}" for what in await left_since(idle)]
        run.wrong += [f"after the end: {what}" for what in await left_since(outside)] + traps.sprung()
    finally:
        traps.close()
    warm_mb, end_mb = run.grown()
    if end_mb > warm_mb * GROWTH + GROWTH_MB:
        run.wrong.append(f"memory grew from {warm_mb:.1f} to {end_mb:.1f} MB")
    return run


async def _start_boxes(environment: PythonEnvironment) -> None:
    """The numeric box is made when it is first needed: now, so that its process is not taken for something left."""
    episode = await environment.reset(Task(id="warm", question="", verifier="exact"))
    await episode.step(Action(kind="python", text="import numpy"))
    await episode.close()
    await asyncio.sleep(0.2)  # the self-test's process is still ending


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=20_000)
    parser.add_argument("--episodes", type=int, default=64, help="at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tier", default="auto", choices=("auto", "namespaces", "landlock"))
    options = parser.parse_args()
    began = time.monotonic()
    run = asyncio.run(soak(actions=options.actions, episodes=options.episodes, seed=options.seed, tier=options.tier))
    took_s = time.monotonic() - began
    for what, figure in sorted(run.done.items()):
        print(f"{what:<28} {figure:>8,}")
    warm_mb, end_mb = run.grown()
    print(f"{'isolation':<28} {run.environment.isolation}")
    print(f"{'seconds':<28} {took_s:>8.1f}   {run.done['actions'] / took_s:,.0f} actions a second")
    print(f"{'memory of this process, MB':<28} {warm_mb:>8.1f} after the warm-up, {end_mb:.1f} at the end")
    print(f"{'wrong':<28} {len(run.wrong):>8}")
    for what in run.wrong[:20]:
        print(f"    ! {what}")
    return int(bool(run.wrong))


if __name__ == "__main__":
    sys.exit(main())
