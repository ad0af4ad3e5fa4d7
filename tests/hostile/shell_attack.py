"""Runs hostile scripts in the shell environment and prints one JSON line per script: what came out, and every fault seen.

    python -m tests.hostile.shell_attack SCRIPT...

The head of a script is that of `corpus.py`. What is asked for: the outcome is one that the head allows, nothing came out or got out,
the next command and a fork of the episode work, a sibling is untouched, and no process, file, mount or lock is left.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from eagdata.contracts import Episode
from eagdata.environments.shell import ShellEnvironment
from eagdata.errors import EnvironmentFault, PrerequisiteError
from eagdata.records import Action, Observation, Task

from .corpus import Program
from .traps import Traps
from .watch import Belongings, Pulse, adopt_orphans, descendants, left_since

HERE = Path(__file__).resolve().parent
SCRIPTS = sorted((HERE / "shell").glob("[0-9][0-9]-*.sh"))
CONFIG = ShellEnvironment.Config(timeout_s=4, memory_mb=256, processes=64)
HANG_S = 60.0
SECRET = "hostile-secret-5d1f0c"
ONCE = 'IFS= read -r line < /proc/uptime; printf %s "$line" > once'
"""Leaves what differs whenever it runs and shows nothing of it: a state that was made again tells."""
STATE = 'builtin printf "%s %s %s\\n" "$kept" "$POISONED" "$(< /box/kept.txt)"'
WALLS = "/usr/bin/grep -E '^Cap(Eff|Prm|Bnd)' /proc/self/status; /usr/bin/stat -f -c '%b %S %c' /box"
ALIVE = "before=$(< /box/alive); /usr/bin/sleep 0.2; [[ $before == $(< /box/alive) ]]"


@dataclass
class Attack:
    """One script against the environment: its faults gather here."""

    script: Program
    traps: Traps
    environment: ShellEnvironment
    pulse: Pulse
    faults: list[str] = field(default_factory=list)

    async def run(self) -> dict[str, object]:
        """What came out, as JSON values."""
        began, before, observation = time.monotonic(), Belongings.now(), None
        try:
            async with AsyncExitStack() as opened, asyncio.timeout(HANG_S):
                observation = await self._attack(opened)
        except TimeoutError:
            self.faults.append(f"no answer within {HANG_S} s")
        except EnvironmentFault as fault:
            self.faults.append(f"blamed on the environment: {fault}")
        self.faults += await left_since(before) + self.traps.sprung() + self.pulse.faults()
        shown = [observation.status, observation.kind, observation.text[-400:]] if observation else None
        return {"program": self.script.name, "faults": self.faults, "observation": shown, "time_s": round(time.monotonic() - began, 2)}

    async def _attack(self, opened: AsyncExitStack) -> Observation:
        episode = await self.environment.reset(Task(id=self.script.name, question="", verifier="script", environment="shell"))
        opened.push_async_callback(episode.close)
        await _step(episode, "export kept=41; echo 41 > kept.txt")
        sibling = await self._fork(episode, opened)
        await _step(sibling, ONCE)
        first = (await _step(sibling, "cat once")).text
        await (await self._fork(episode, opened)).close()
        running = descendants()
        observation = await _step(episode, self.traps.fill(self.script.text))
        self._check_observation(observation)
        await self._check_alive(episode, observation)
        again = 2 if observation.status in ("timeout", "limit") else 0  # the state is made again: a guard and a harness
        if (more := await _more(running, again)) > again:
            self.faults.append(f"{more - again} processes run on after the action")
        await self._check_alive(await self._fork(episode, opened), observation)
        if (seen := await _step(sibling, f"{STATE}; cat once")).text != f"41  41\n{first}":
            self.faults.append(f"the sibling answers {seen.status} {seen.text!r}")
        return observation

    async def _fork(self, episode: Episode, opened: AsyncExitStack) -> Episode:
        child = await episode.fork()
        opened.push_async_callback(child.close)
        return child

    def _check_observation(self, observation: Observation) -> None:
        if re.search(r"^ESCAPED", observation.text, re.M):
            self.faults.append(f"escaped: {observation.text[:300]}")
        if self.traps.canary in observation.text or SECRET in observation.text:
            self.faults.append("a secret came out")
        if not self.script.allows(observation):
            self.faults.append(f"unexpected outcome: {observation.status} {observation.kind}")

    async def _check_alive(self, episode: Episode, observation: Observation) -> None:
        """The episode goes on with the right state, reports failures, and has the walls and none of the processes of before."""
        found = (await _step(episode, STATE)).text
        undone, done = "41  41\n", "41 yes 41\n"
        allowed = {undone} if observation.status in ("timeout", "limit") else {done} if observation.status == "ok" else {done, undone}
        if self.script.state != "any" and found not in allowed:
            self.faults.append(f"state after it: {found!r}")
        failing = await _step(episode, "(exit 3)")
        if (failing.status, failing.kind) != ("error", "exit 3"):
            self.faults.append(f"(exit 3) gives {failing.status} {failing.kind} {failing.text[-300:]!r}")
        printed = await _step(episode, "builtin echo $((6 * 7))")
        if (printed.status, printed.text) != ("ok", "42\n"):
            self.faults.append(f"echo 42 gives {printed.status} {printed.text[-300:]!r}")
        if (await _step(episode, "[[ -e /box/alive ]]")).status == "ok" and (await _step(episode, ALIVE)).status != "ok":
            self.faults.append("somebody still writes")
        walls = await _step(episode, WALLS)
        size = re.search(r"^(\d+) (\d+) (\d+)$", walls.text, re.M)
        if walls.text.count("0000000000000000") != 3:
            self.faults.append(f"capabilities: {walls.text!r}")
        if not size or int(size[1]) * int(size[2]) > CONFIG.disk_mb << 20 or not 0 < int(size[3]) < 100_000:
            self.faults.append(f"the box has another size: {walls.text!r}")


async def _more(running: set[int], expected: int) -> int:
    """How many processes there are beyond `running`, once those that are ending have ended."""
    for _ in range(100):
        if (more := len(descendants() - running)) <= expected:
            break
        await asyncio.sleep(0.02)
    return more


async def _step(episode: Episode, text: str) -> Observation:
    return await episode.step(Action(kind="bash", text=text))


def _read(path: Path) -> Program:
    return replace(Program.read(path), text="export POISONED=yes\n" + path.read_text())


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(paths: list[Path]) -> None:
    adopt_orphans()
    traps, before = Traps(), Belongings.now()
    try:
        async with ShellEnvironment(CONFIG) as environment:
            pulse = Pulse()
            for path in paths:
                _tell(**await Attack(_read(path), traps, environment, pulse).run())
            pulse.stop()
        _tell(program="afterwards", faults=await left_since(before) + traps.sprung())
    except PrerequisiteError as error:
        _tell(refused=str(error))
    finally:
        traps.close()


if __name__ == "__main__":
    asyncio.run(main([Path(name) for name in sys.argv[1:]]))
