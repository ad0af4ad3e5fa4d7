"""Runs hostile programs in the Python environment and prints one JSON line per program: what came out, and every fault seen.

    python tests/hostile/attack.py PROGRAM...

A program's first lines say what is safe: `# expect: timeout, error PermissionError|OSError` (`any`: no outcome is unsafe, escaping is),
`# state: rolled back|any`, and `# next: any` where the program may break its own episode for good, as long as the answer
says so in time. Placeholders (`@CANARY@`, `@TCP@`, ...) name the traps that lie outside of the box.
"""

from __future__ import annotations

import ast
import asyncio
import ctypes
import json
import os
import re
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault, PrerequisiteError
from eagdata.records import Action, Observation, Task, to_json

T = TypeVar("T")
LIMITS = {"timeout_s": 1.5, "memory_mb": 512}
DISK_BYTES = PythonEnvironment.Config().disk_mb << 20
HANG_S = 20.0
"""No answer of the environment may take longer, whatever the program did."""
TEXT_MAX = 200_000
REPO = Path(__file__).resolve().parents[2]
STILL_S = 2.0
"""Longest acceptable pause of the event loop, with room for a loaded machine."""
ONCE = "import time; time.time_ns()"
"""Its answer differs whenever it runs, so a state that holds it cannot be replayed."""
STATE = "(kept, 'poisoned' in globals())"
WALLS = """
import os
space = os.statvfs('/box')
[line.split()[1] for line in open('/proc/self/status') if line[:6] in ('CapEff', 'CapPrm')], space.f_blocks * space.f_frsize, space.f_files
"""
SEEK_POISON = """
import os
[place for place in ('.', '..', '/tmp', '/dev/shm', '/var/tmp', '/box', '/run') if os.path.exists(os.path.join(place, 'poison-@TOKEN@'))], mine
"""


def task(name: str) -> Task:
    return Task(id=name, question="", verifier="exact", environment_config=dict(LIMITS))


class Traps:
    """What lies outside of the box: a canary file in a readable folder and one at home, listeners on every kind of loopback address."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self.canary = f"eagdata-canary-{self.token}"
        self.folder = Path(tempfile.mkdtemp(prefix="traps-"))
        self.folder.chmod(0o777)
        self.files = [self.folder / "canary", Path.home() / f".canary-{self.token}"]
        for file in self.files:
            file.write_text(self.canary)
            file.chmod(0o666)
        self.opened = ExitStack()
        self.listeners = [self._listen(*where) for where in self._addresses()]
        self.shared_segments = _count_shared_segments()

    def _addresses(self) -> list[tuple[int, int, object]]:
        unix, inet, stream, datagram = socket.AF_UNIX, socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_DGRAM
        abstract = f"\0hostile-{self.token}"
        local = ("127.0.0.1", 0)
        socket_file = str(self.folder / "socket")
        return [
            (inet, stream, local),
            (inet, datagram, local),
            (unix, stream, abstract),
            (unix, datagram, abstract + "-datagram"),
            (unix, stream, socket_file),
        ]

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        listener = self.opened.enter_context(socket.socket(family, kind))
        listener.setblocking(False)
        listener.bind(address)  # type: ignore[arg-type]
        if isinstance(address, str) and address[0] == "/":
            os.chmod(address, 0o777)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        return listener

    def fill(self, text: str) -> str:
        """`text` with the placeholders replaced."""
        names = {
            "CANARY": self.files[0],
            "HOME_CANARY": self.files[1],
            "TMP": self.folder,
            "TCP": self.listeners[0].getsockname()[1],
            "UDP": self.listeners[1].getsockname()[1],
            "ABSTRACT": f"hostile-{self.token}",
            "REPO": REPO,
            "TOKEN": self.token,
        }
        return re.sub(r"@([A-Z_]+)@", lambda found: str(names[found[1]]), text)

    def sprung(self) -> list[str]:
        """The traps that something fell into since the last call."""
        faults = [f"{file} changed" for file in self.files if file.read_text() != self.canary]
        strangers = {file.name for file in self.folder.iterdir()} - {"canary", "socket"}
        faults += [f"file outside the box: {name}" for name in sorted(strangers)]
        places = [Path(place) for place in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/etc", ".", REPO, REPO / "eagdata")]
        for mark in ("poison", ".hostile"):
            faults += [f"file outside the box: {place}/{mark}" for place in places if (place / f"{mark}-{self.token}").exists()]
        faults += [f"a connection reached {listener.getsockname()!r}" for listener in self.listeners if _reached(listener)]
        if _count_shared_segments() > self.shared_segments:
            faults.append("System V shared memory left on the host")
        return faults

    def close(self) -> None:
        self.opened.close()
        for file in self.files:
            file.unlink()
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()


def _reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(100)
    except BlockingIOError:
        return False
    return True


def _count_shared_segments() -> int:
    with suppress(OSError):
        return len(Path("/proc/sysvipc/shm").read_text().splitlines())
    return 0


@dataclass(frozen=True)
class Program:
    """One hostile program and what its head says is safe."""

    name: str
    text: str
    expect: tuple[tuple[str, frozenset[str]], ...]
    """Allowed (status, kinds); no kinds: any kind. Empty: any outcome."""
    state: str
    may_break_itself: bool

    @classmethod
    def read(cls, path: Path) -> Program:
        text = path.read_text()
        head = dict(re.findall(r"^# (\w+): (.+)$", text, re.M))
        expect = [one.partition(" ") for one in head["expect"].split(", ") if one != "any"]
        return cls(
            name=path.stem,
            text="poisoned = True\n" + text,
            expect=tuple((status, frozenset(filter(None, kinds.split("|")))) for status, _, kinds in expect),
            state=head.get("state", ""),
            may_break_itself=head.get("next") == "any",
        )

    def allows(self, observation: Observation) -> bool:
        return not self.expect or any(
            observation.status == status and (not kinds or observation.kind in kinds) for status, kinds in self.expect
        )

    def states_after(self, observation: Observation) -> set[str]:
        """What `STATE` may be after it."""
        if self.state == "any":
            return set()
        kept, rolled_back = "(41, True)", "(41, False)"
        if self.state == "rolled back" or observation.status in ("timeout", "limit"):
            return {rolled_back}
        return {kept} if observation.status == "ok" else {kept, rolled_back}


@dataclass
class Attack:
    """One program against the environment: its faults gather here."""

    program: Program
    traps: Traps
    environment: PythonEnvironment
    neighbour: Episode
    pulse: Pulse
    faults: list[str] = field(default_factory=list)

    async def run(self) -> dict[str, object]:
        """What came out, as JSON values."""
        began = time.monotonic()
        before = descendants()
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
        self.faults += [f"{what} survived" for what in await survivors(before)] + self.traps.sprung() + self.pulse.faults()
        await self._check_neighbour()
        shown = {"status": observation.status, "kind": observation.kind, "text": observation.text[:300]} if observation else None
        return {"program": self.program.name, "faults": self.faults, "observation": shown, "time_s": round(time.monotonic() - began, 2)}

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
            await self._check_walls(fork)
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
        if re.search(r"^'?ESCAPED", shown, re.M):
            self.faults.append(f"escaped: {shown[:300]}")
        if self.traps.canary in shown or os.environ.get("EAGDATA_HOSTILE_SECRET", "unset") in shown:
            self.faults.append("a secret came out")
        if not self.program.allows(observation):
            self.faults.append(f"unexpected outcome: {observation.status} {observation.kind}")
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
        await self._check_walls(await self._fork(episode, opened))

    async def _check_walls(self, child: Episode) -> None:
        """A fork is made by code that runs in the program's own process: the program may have bent it."""
        found = await self._step(child, WALLS)
        if found.status == "ok":
            capabilities, disk_bytes, inodes = ast.literal_eval(found.value or "")
            if any(int(word, 16) for word in capabilities):
                self.faults.append(f"a fork has capabilities {capabilities}")
            if (disk_bytes > DISK_BYTES or not 0 < inodes < 100_000) and self.environment.isolation == "namespaces":
                self.faults.append(f"a fork has a box of {disk_bytes} bytes and {inodes} inodes")

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


async def _in_time(answer: Coroutine[None, None, T]) -> T:
    return await asyncio.wait_for(answer, HANG_S)


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


def descendants() -> dict[int, str]:
    """Living processes below this one, also those whose parents are gone (this one adopts orphans): pid and name.

    Zombies do not count: the adopted ones are never waited for.
    """
    parents: dict[int, tuple[int, str, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                state, parent = rest.split()[:2]
                parents[int(entry.name)] = (int(parent), state, name)
    found: dict[int, str] = {}
    below = {os.getpid()}
    while below:
        below = {pid for pid, (parent, state, _) in parents.items() if parent in below and state != "Z"}
        found |= {pid: f"{parents[pid][2]} {pid} ({parents[pid][1]})" for pid in below}
    return found


async def survivors(before: dict[int, str]) -> list[str]:
    """Processes that are not of `before` and still there after a second."""
    for _ in range(50):
        left = {pid: name for pid, name in descendants().items() if pid not in before}
        if not left:
            return []
        await asyncio.sleep(0.02)
    return list(left.values())


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process, so that none can hide. Source: PR_SET_CHILD_SUBREAPER, prctl(2)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


async def main(paths: list[Path]) -> None:
    adopt_orphans()
    traps = Traps()
    before = descendants()
    try:
        async with PythonEnvironment(PythonEnvironment.Config()) as environment:
            _tell(isolation=environment.isolation)
            neighbour = await environment.reset(task("neighbour"))
            await neighbour.step(Action(kind="python", text="mine = 42; " + ONCE))
            warm = await environment.reset(task("warm"))
            await warm.step(Action(kind="python", text="import numpy"))  # the second box starts now, not under an attack
            await warm.close()
            pulse = Pulse()
            for path in paths:
                _tell(**await Attack(Program.read(path), traps, environment, neighbour, pulse).run())
            pulse.stop()
            await neighbour.close()
        faults = [f"{what} survived the environment" for what in await survivors(before)] + traps.sprung()
        left = [path.name for path in Path(tempfile.gettempdir()).iterdir() if path not in (traps.folder, *traps.files)]
        _tell(program="afterwards", faults=faults + [f"left in the temporary folder: {name}" for name in left])
    except PrerequisiteError as error:
        _tell(refused=str(error))
    finally:
        traps.close()


if __name__ == "__main__":
    asyncio.run(main([Path(name) for name in sys.argv[1:]]))
