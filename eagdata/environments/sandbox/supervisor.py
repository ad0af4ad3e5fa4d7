"""The trusted side of the boxes: starts the zygote, has programs made and forked, ends them.

It lives in the event loop of the host process: no thread, no task of its own. Losing it for any reason, `kill -9` too, ends every
process that it has made: in `namespaces` the kernel sees to it, elsewhere the zygote, which is signalled when its parent dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field

from . import locations
from .family import descendants, end
from .frames import Frame
from .gate import Gate, is_confined
from .namespaces import BOX
from .process import Ended, Process

_START_TIMEOUT_S = 60.0
"""For the zygote's imports on a loaded machine; 0.3 s on an idle one."""
_SPAWN_TIMEOUT_S = 20.0
_FORK_TIMEOUT_S = 10.0
_END_TIMEOUT_S = 10.0
_MAX_DEPTH = 28
"""Generations of live branches: the kernel nests 32 user namespaces, and some of them are the host's."""
_SPAWNS_AT_ONCE = 8
COMMANDS = "commands"
"""The host whose box lets programs be started, and whose own process runs none of a model's."""

_BOOT = """
import importlib.util, os, sys
folder, settings = sys.argv[1:]
spec = importlib.util.spec_from_file_location("_box", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["_box"] = importlib.util.module_from_spec(spec)
import _box.kernel
if _box.kernel.stop_address_randomisation():
    os.execv(sys.executable, sys.orig_argv)
import _box.zygote
_box.zygote.main(settings)
"""


class BoxFailure(Exception):
    """The box could not do its part: nothing that a program did."""


class Refused(Exception):
    """No live copy of this process can be made, for the reason given: replay its past instead."""


@dataclass(slots=True, eq=False)
class Tree:
    """The processes of one program and its branches."""

    folder: str
    """Of the tree's boxes, where they are folders of the host; else empty."""
    guard: int = -1
    """pidfd of pid 1 of the tree, if it has a pid namespace."""
    gate: Gate | None = None
    live: set[Program] = field(default_factory=set)
    branches: int = 0
    forking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True, eq=False)
class Program:
    """One live process that runs a program, and where it stands in its tree."""

    zygote: Zygote
    process: Process
    tree: Tree
    depth: int
    folder: str


class Zygote:
    """One started zygote of one tier. Everything it makes dies with it."""

    def __init__(self, tier: str, *, disk_mb: int, tasks: int, libraries: tuple[str, ...] = (), host: str = "") -> None:
        """`libraries` are loaded before the first fork: without numpy and sympy its processes are a fifth as large and cost half as
        much. `host`: what runs actions that are not Python, a module of `hosts`."""
        self.tier = tier
        self._disk_mb = disk_mb
        self._commands = host == COMMANDS
        self._settings: Frame = {
            "disk_mb": disk_mb,
            "tasks": tasks,
            "libraries": list(libraries),
            "host": host,
            "commands": self._commands,
            "readable": locations.readable() + (locations.programs() if self._commands else []),
        }
        self._home = ""
        self._made = 0
        self._making = 0
        self._turn = asyncio.Semaphore(_SPAWNS_AT_ONCE)
        self._asking = asyncio.Lock()
        self._starter: subprocess.Popen[bytes] | None = None
        self._process: Process | None = None
        self._trees: set[Tree] = set()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.ending is None

    async def start(self) -> None:
        """Raises: BoxFailure, with what the kernel refused."""
        if sys.platform != "linux":
            raise BoxFailure(f"a box needs Linux, this is {sys.platform}: use a Linux container or virtual machine")
        ours, theirs = socket.socketpair()
        self._process = Process(ours)
        complaints = os.memfd_create("stderr")
        try:
            with theirs:
                self._starter = _launch(self.tier, theirs.fileno(), own=self._settings, stderr=complaints)
            greeting = await self._zygote().greeting(_START_TIMEOUT_S)
            if "failed" in greeting.frame:
                raise BoxFailure(str(greeting.frame["failed"]))
            self._zygote().begin(greeting)
        except (Ended, BoxFailure) as error:
            await self.close()
            said = os.pread(complaints, 1 << 16, 0).decode(errors="replace").strip().rpartition("\n")[2]
            why = said or error if isinstance(error, Ended) else error  # what it told us, before what its other half cried on the way out
            raise BoxFailure(f"the box of tier {self.tier!r} does not start: {why}") from error
        finally:
            os.close(complaints)
        self._home = str(greeting.frame["folder"])

    async def answers(self) -> bool:
        """Whether the zygote still lives: if it does, a program's death was its own doing."""
        async with self._asking:
            try:
                await self._zygote().request({"op": "ping"}, timeout_s=_SPAWN_TIMEOUT_S)
            except (Ended, BoxFailure):
                return False
        return True

    async def spawn(self, memory_mb: int) -> Program:
        """A fresh program's process. Raises: BoxFailure."""
        self._made += 1
        name = f"t{self._made}"
        self._making += 1
        process, ends = _open_process()
        tree = Tree("" if self.tier == "namespaces" else f"{self._home}/{name}")
        program = Program(self, process, tree, 0, tree.folder and f"{tree.folder}/0")
        try:
            async with self._turn:
                _send(self._zygote(), {"op": "spawn", "memory_mb": memory_mb, "folder": f"{name}/0"}, ends)
                await self._greet(program)
        except BaseException as error:
            self.release(program)
            if isinstance(error, Ended | OSError):
                raise BoxFailure(f"a program's process was not made: {error}") from error
            raise
        finally:
            self._making -= 1
        self._trees.add(tree)
        return program

    async def fork(self, program: Program) -> Program:
        """A live copy of a paused program. Raises: Refused."""
        tree = program.tree
        if program.depth >= _MAX_DEPTH and not self._commands:
            raise Refused("too many generations")
        async with tree.forking:
            tree.branches += 1
            self._making += 1
            process, ends = _open_process()
            branch = Program(self, process, tree, program.depth + 1, tree.folder and f"{tree.folder}/{tree.branches}")
            try:
                await self._copy(program, branch, ends)
            except BaseException as error:
                self.release(branch)
                if self.tier != "process" or not isinstance(error, Refused):  # there a program may have children of its own
                    end(descendants(program.process.pid, but={other.process.pid for other in tree.live}))
                if isinstance(error, Ended | OSError):
                    raise Refused(str(error)) from error
                raise
            finally:
                self._making -= 1
                if tree.gate:
                    tree.gate.shut()
        return branch

    def release(self, program: Program) -> None:
        """End one program; with the last one of a tree, the tree. Twice is fine."""
        tree = program.tree
        if tree.gate:
            tree.gate.forget(program.process.pid)
        program.process.close()
        tree.live.discard(program)
        if program.folder and tree.live:
            self._sweep(program.folder)
        if not tree.live:
            self._fell(tree)
        if self.tier == "process" and self._making == 0 and self.alive:
            known = {live.process.pid for other in self._trees for live in other.live}
            end(descendants(self._zygote().pid, but=known))

    async def close(self) -> None:
        """End everything, and wait until it has ended. Twice is fine."""
        for program in [program for tree in self._trees for program in tree.live]:
            self.release(program)
        if self._process is not None:
            self._process.close(kill=self.tier == "namespaces")
        if self._starter is None:
            return
        deadline = asyncio.get_running_loop().time() + _END_TIMEOUT_S
        while self._starter.poll() is None:
            await asyncio.sleep(0.002)
            if asyncio.get_running_loop().time() > deadline:
                self._starter.kill()
        if self.tier != "namespaces" and self._home:
            shutil.rmtree(self._home, ignore_errors=True)  # a zygote that was killed could not

    def _zygote(self) -> Process:
        if self._process is None or self._process.ending:
            raise BoxFailure("the box is gone")
        return self._process

    async def _greet(self, program: Program) -> None:
        greeting = await program.process.greeting(_SPAWN_TIMEOUT_S)
        if "tree" in greeting.frame:
            program.tree.guard = os.pidfd_open(greeting.pid)
            greeting = await program.process.greeting(_SPAWN_TIMEOUT_S)
        if "failed" in greeting.frame:
            raise BoxFailure(str(greeting.frame["failed"]))
        program.process.begin(greeting)
        program.tree.live.add(program)
        if greeting.fds:
            program.tree.gate = Gate(greeting.fds[0])
            program.tree.gate.know(program.process.pid)

    async def _copy(self, program: Program, branch: Program, ends: list[int]) -> None:
        gate = branch.tree.gate
        if program.process.ending:
            _close(ends)
            raise Ended(program.process.ending)
        if gate:
            gate.open(program.process.pid)
        frame: Frame = {"op": "fork", "folder": branch.folder, "id": program.process.expect()}
        _send(program.process, frame, ends)
        answer = await program.process.answer(_FORK_TIMEOUT_S)
        if answer.get("refused") is not None:
            raise Refused(str(answer["refused"]))
        greeting = await branch.process.greeting(_FORK_TIMEOUT_S)
        _close(greeting.fds)
        if gate:
            gate.shut()
        if greeting.pid in {live.process.pid for live in branch.tree.live}:
            raise Refused("the copy is no process of its own")
        if (
            self.tier == "namespaces"
            and not self._commands
            and not is_confined(greeting.pid, parent=program.process.pid, folder=BOX, disk_mb=self._disk_mb)
        ):
            raise Refused("the copy is not confined")
        branch.process.begin(greeting)
        branch.tree.live.add(branch)
        if gate:
            gate.know(branch.process.pid)

    def _fell(self, tree: Tree) -> None:
        self._trees.discard(tree)
        if tree.guard >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(tree.guard, signal.SIGKILL)
            os.close(tree.guard)
            tree.guard = -1
        if tree.gate:
            tree.gate.close()
            tree.gate = None
        if tree.folder:
            self._sweep(tree.folder)

    def _sweep(self, folder: str) -> None:
        """Remove a folder, in a process of its own: a program may have filled it with files for seconds. Not in `process`, where
        processes that nobody knows are a program's and are ended."""
        if self.tier == "process" or not self.alive:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                self._zygote().send({"op": "sweep", "folder": folder}, [])


def _launch(tier: str, control: int, *, own: Frame, stderr: int) -> subprocess.Popen[bytes]:
    """Start the zygote in a session of its own, so that Ctrl-C is the supervisor's alone."""
    settings = {"tier": tier, "control": control, "path": locations.module_path(), **own}
    folder = os.path.dirname(os.path.abspath(__file__))
    return subprocess.Popen(
        [sys.executable, "-S", "-s", "-P", "-c", _BOOT, folder, json.dumps(settings)],
        env=locations.environment(),
        pass_fds=[control],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
        cwd="/",
    )


def _open_process() -> tuple[Process, list[int]]:
    """Our side of a process to be made, and the two files that it gets: its socket and the file for its output."""
    ours, theirs = socket.socketpair()
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    fcntl.fcntl(output, fcntl.F_SETFL, os.O_APPEND)  # a program that seeks in its output must not leave holes in it
    return Process(ours, output), [theirs.detach(), os.dup(output)]


def _send(process: Process, frame: Frame, fds: list[int]) -> None:
    """Send files away: our copies must go, or we should never learn that the other end is closed."""
    try:
        process.send(frame, fds)
    finally:
        _close(fds)


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
