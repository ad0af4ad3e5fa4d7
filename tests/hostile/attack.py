"""Runs hostile programs in the Python environment and prints one JSON line per program: what came out, and every fault seen.

    python -m tests.hostile.attack TIER PROGRAM...

`corpus.py` says how the head of a program is read. Placeholders in it (`@CANARY@`, `@TCP@`, ...) name the traps that lie outside
of the box.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault, PrerequisiteError
from eagdata.records import Action, Observation, Task, to_json

from .corpus import Program
from .traps import Traps
from .watch import Belongings, Pulse, adopt_orphans, left_since

T = TypeVar("T")
LIMITS = {"timeout_s": 1.5, "memory_mb": 512}
DISK_BYTES = PythonEnvironment.Config().disk_mb << 20
HANG_S = 20.0
"""No answer of the environment may take longer, whatever the program did."""
TEXT_MAX = 200_000
MARKS = re.compile(r"^\W*(?:ESCAPED?|BREACH(?:ED)?|PWNED|LEAKED)\b(?!\W*(?:false|none|no|0|\[\]|\{\})(?:\W|$))", re.M)
"""What a program prints at the head of a line when it got out; `ESCAPED: False` says that it did not."""
ONCE = "import time; time.time_ns()"
"""Its answer differs whenever it runs, so a state that holds it cannot be replayed."""
STATE = "(kept, 'poisoned' in globals())"
WALLS = """
import os
space = os.statvfs('/box')
capabilities = [line.split()[1] for line in open('/proc/self/status') if line[:6] in ('CapEff', 'CapPrm')]
writable = {line.split()[4] for line in open('/proc/self/mountinfo') if ' rw' in line.partition(' - ')[0] and ' - tmpfs ' in line}
open('left-by-a-fork', 'w').close()
capabilities, space.f_blocks * space.f_frsize, space.f_files, sorted(writable)
"""
SEEK_POISON = """
import os
places = ('.', '..', '/tmp', '/dev/shm', '/var/tmp', '/box', '/run')
[place for place in places if os.path.exists(os.path.join(place, 'poison-@TOKEN@'))], mine
"""


def task(name: str) -> Task:
    return Task(id=name, question="", verifier="exact", environment_config=dict(LIMITS))


@dataclass
class Attack:
    """One program against the environment: its faults gather here."""

    program: Program
    traps: Traps
    environment: PythonEnvironment
    neighbour: Episode
    pulse: Pulse
    faults: list[str] = field(default_factory=list)
    """What is not contained, or did harm."""
    deviations: list[str] = field(default_factory=list)
    """Outcomes that its head does not name, safe ones."""

    async def run(self) -> dict[str, object]:
        """What came out, as JSON values."""
        began = time.monotonic()
        before = Belongings.now()
        observation = None
        try:
            async with AsyncExitStack() as opened:
                observation = await self._attack(opened)
        except TimeoutError:
            self.faults.append(f"no answer within {HANG_S} s")
        except EnvironmentFault as fault:
            self.faults.append(f"blamed on the environment: {fault}")
        except Exception as error:
            self.faults.append(f"the library crashed: {error!r}")
        self.faults += await left_since(before) + self.traps.sprung() + self.pulse.faults()
        await self._check_neighbour()
        shown = {"status": observation.status, "kind": observation.kind, "text": observation.text[:300]} if observation else None
        return {
            "program": self.program.name,
            "head": self.program.head,
            "faults": self.faults,
            "deviations": self.deviations,
            "observation": shown,
            "time_s": round(time.monotonic() - began, 2),
        }

    async def _attack(self, opened: AsyncExitStack) -> Observation:
        episode = await _in_time(self.environment.reset(task(self.program.name)))
        opened.push_async_callback(episode.close)
        await self._step(episode, "kept = 41")
        sibling = await self._fork(episode, opened)
        await self._step(sibling, ONCE)
        await (await self._fork(episode, opened)).close()
        observation = await self._step(episode, self.traps.fill(self.program.text))
        self._check_observation(observation)
        if self.program.may_break_itself:
            with suppress(EnvironmentFault):
                await self._check_broken(episode, opened)
        else:
            await self._check_alive(episode, observation)
            fork = await self._fork(episode, opened)
            await self._check_alive(fork, observation)
            await self._check_walls(fork, episode)
        await self._check_sibling(sibling)
        return observation

    async def _step(self, episode: Episode, text: str) -> Observation:
        return await _in_time(episode.step(Action(kind="python", text=text)))

    async def _fork(self, episode: Episode, opened: AsyncExitStack) -> Episode:
        child = await _in_time(episode.fork())
        opened.push_async_callback(child.close)
        return child

    def _check_observation(self, observation: Observation) -> None:
        shown = "\n".join(filter(None, (observation.text, observation.value, observation.kind)))
        if MARKS.search(shown):
            self.faults.append(f"escaped: {shown[:300]}")
        if self.traps.canary in shown or os.environ.get("EAGDATA_HOSTILE_SECRET", "unset") in shown:
            self.faults.append("a secret came out")
        if not self.program.allows(observation):
            self.deviations.append(f"unexpected outcome: {observation.status} {observation.kind}")
        if len(shown) > TEXT_MAX:
            self.faults.append(f"an observation of {len(shown)} characters")
        try:
            json.dumps(to_json(observation), allow_nan=False)
            shown.encode("utf-8")
        except ValueError as error:
            self.faults.append(f"the observation cannot be stored: {error}")

    async def _check_alive(self, episode: Episode, observation: Observation) -> None:
        """The episode, or its fork, goes on with the right state, reports errors and prints."""
        expected = self.program.states_after(observation)
        found = await self._step(episode, STATE)
        if expected and found.value not in expected:
            self.faults.append(f"state after it: {found.value!r} ({found.status} {found.text[-300:]!r}), expected {sorted(expected)}")
        error = await self._step(episode, "1 / 0")
        if (error.status, error.kind) != ("error", "ZeroDivisionError") or "division by zero" not in error.text:
            self.faults.append(f"1 / 0 gives {error.status} {error.kind} {error.text[-300:]!r}")
        printed = await self._step(episode, "print(6 * 7)")
        if (printed.status, printed.text) != ("ok", "42\n"):
            self.faults.append(f"print(6 * 7) gives {printed.status} {printed.text[-300:]!r}")

    async def _check_broken(self, episode: Episode, opened: AsyncExitStack) -> None:
        """Any answer in time is enough, if it is not a forged one."""
        for text in ("6 * 7", "1 / 0"):
            found = await self._step(episode, text)
            if found.status == "ok" and found.value != "42":
                self.faults.append(f"{text} gives {found.value!r} {found.text[:100]!r}")
        await self._check_walls(await self._fork(episode, opened), episode)

    async def _check_walls(self, child: Episode, parent: Episode) -> None:
        """A fork is made by code that runs in the program's own process: the program may have bent it."""
        found = await self._step(child, WALLS)
        if found.status == "ok":
            capabilities, disk_bytes, inodes, writable = ast.literal_eval(found.value or "")
            if any(int(word, 16) for word in capabilities):
                self.faults.append(f"a fork has capabilities {capabilities}")
            if (disk_bytes > DISK_BYTES or not 0 < inodes < 100_000) and self.environment.isolation == "namespaces":
                self.faults.append(f"a fork has a box of {disk_bytes} bytes and {inodes} inodes")
            if self.environment.isolation == "namespaces" and writable != ["/box"]:
                self.faults.append(f"a fork may write to {writable}")
        if (await self._step(parent, "import os; os.path.exists('left-by-a-fork')")).value == "True":
            self.faults.append("a fork wrote into its parent's folder")

    async def _check_sibling(self, sibling: Episode) -> None:
        """A fork made before the program ran knows nothing of it and lives on: `ONCE` tells if it was made again."""
        found = await self._step(sibling, STATE)
        if found.value != "(41, False)":
            self.faults.append(f"the sibling answers {found.status} {found.value!r} {found.text[-300:]!r}")

    async def _check_neighbour(self) -> None:
        try:
            found = await self._step(self.neighbour, self.traps.fill(SEEK_POISON))
            if found.value != "([], 42)":
                self.faults.append(f"the neighbour answers {found.status} {found.value!r} {found.text[-300:]!r}")
        except Exception as error:
            self.faults.append(f"the neighbour died: {error}")
            self.neighbour = await settle_neighbour(self.environment)


async def settle_neighbour(environment: PythonEnvironment) -> Episode:
    """Another task's episode, whose state cannot be made again by replay."""
    neighbour = await environment.reset(task("neighbour"))
    await neighbour.step(Action(kind="python", text="mine = 42; " + ONCE))
    return neighbour


async def _in_time(answer: Coroutine[None, None, T]) -> T:
    return await asyncio.wait_for(answer, HANG_S)


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(tier: str, paths: list[Path]) -> None:
    adopt_orphans()
    traps = Traps()
    before = Belongings.now()
    least = "process" if tier == "process" else "landlock"
    try:
        async with PythonEnvironment(PythonEnvironment.Config(isolation=tier, min_isolation=least)) as environment:  # type: ignore[arg-type]
            _tell(isolation=environment.isolation)
            neighbour = await settle_neighbour(environment)
            warm = await environment.reset(task("warm"))
            await warm.step(Action(kind="python", text="import numpy"))  # the second box starts now, not under an attack
            await warm.close()
            pulse = Pulse()
            for path in paths:
                attack = Attack(Program.read(path), traps, environment, neighbour, pulse)
                _tell(**await attack.run())
                neighbour = attack.neighbour
            pulse.stop()
            await neighbour.close()
        _tell(program="afterwards", faults=await left_since(before) + traps.sprung(), deviations=[])
    except PrerequisiteError as error:
        _tell(refused=str(error))
    finally:
        traps.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [Path(name) for name in sys.argv[2:]]))
