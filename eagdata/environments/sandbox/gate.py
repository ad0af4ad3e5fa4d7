"""The supervisor's answer to the five calls that the filter does not decide: clone of a process, unshare, mount, kill, tgkill.

A program may never start a process. The box may, to make a branch: while a `Window` is open for one parent it may fork exactly
once, and the one new process may make one view of the files. A counter instead of a window bound to the pid let a hostile program
use up a leftover; keep it exact. Source: Linux `seccomp_unotify(2)`; answering CONTINUE is safe here because only values in
registers are judged, which nobody can change after the fact.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import select
import signal
import struct
from dataclasses import dataclass

from .kernel import CLONE_NEWNS, CLONE_NEWUSER
from .namespaces import MAX_INODES
from .syscalls import NUMBERS

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_REQUEST, _RESPONSE = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_CONTINUE = 1
_CHILD_TID_FLAGS = 0x01000000 | 0x00200000
_MAY_MOUNT = 1
_SPELL_S, _IN_A_SPELL = 0.05, 50
"""A program that asks without end gets so many answers in such a time: answering costs the host process 40 us."""
_NAME = {number: name for name, number in NUMBERS.items()}


@dataclass(slots=True)
class Window:
    """One permitted fork of `parent`, and what its child did with it."""

    parent: int
    forked: bool = False
    child: int | None = None
    mounts: int = 0


class Gate:
    """Answers for one tree of processes; `listener` is its filter's file."""

    def __init__(self, listener: int) -> None:
        self._listener = listener
        self._window: Window | None = None
        self._known: set[int] = set()
        self._asked = select.poll()
        self._asked.register(listener, select.POLLIN)
        self._loop = asyncio.get_running_loop()
        self._answered = 0
        self._spell: asyncio.TimerHandle | None = None
        self._loop.add_reader(listener, self._answer)

    def know(self, pid: int) -> None:
        """`pid` is a program's process now: what a new process may do once, it may not."""
        self._known.add(pid)

    def open(self, parent: int) -> Window:
        self._window = Window(parent)
        return self._window

    def shut(self) -> None:
        self._window = None

    def forget(self, pid: int) -> None:
        self._known.discard(pid)

    def close(self) -> None:
        self._loop.remove_reader(self._listener)
        if self._spell:
            self._spell.cancel()
        os.close(self._listener)

    def _answer(self) -> None:
        if not any(events & select.POLLIN for _, events in self._asked.poll(0)):
            # Everybody under the filter is dead: receiving would wait for ever on kernels that do not refuse it.
            self._loop.remove_reader(self._listener)
            return
        request = bytearray(_REQUEST.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, request)
        except OSError:  # the asker died meanwhile
            return
        key, pid, _, number, _, _, *arguments = _REQUEST.unpack(request)
        allowed = self._allows(_NAME.get(number, ""), pid, arguments)
        if self._window is None or not allowed:
            self._pace()
        response = _RESPONSE.pack(key, 0, 0 if allowed else -errno.EPERM, _CONTINUE if allowed else 0)
        try:
            fcntl.ioctl(self._listener, _SEND, response)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def _pace(self) -> None:
        """Count an answer that no fork of ours needs; past the limit the rest waits for the next spell."""
        self._answered += 1
        if self._spell is None:
            self._spell = self._loop.call_later(_SPELL_S, self._rest)
        if self._answered == _IN_A_SPELL:
            self._loop.remove_reader(self._listener)

    def _rest(self) -> None:
        if self._answered >= _IN_A_SPELL:
            self._loop.add_reader(self._listener, self._answer)
        self._answered, self._spell = 0, None

    def _allows(self, name: str, pid: int, arguments: list[int]) -> bool:
        if name in ("kill", "tgkill"):
            return ctypes.c_int32(arguments[0]).value in _names_of(pid)
        window = self._window
        if window is None:
            return False
        if name == "clone":
            fork = pid == window.parent and not window.forked and arguments[0] & ~_CHILD_TID_FLAGS == signal.SIGCHLD
            window.forked |= fork
            return fork
        if name == "unshare":
            fresh = window.forked and window.child is None and pid not in self._known
            if not fresh or arguments[0] != CLONE_NEWUSER | CLONE_NEWNS:
                return False
            window.child = pid
            return True
        window.mounts += name == "mount" and pid == window.child
        return name == "mount" and pid == window.child and window.mounts <= _MAY_MOUNT


def is_confined(pid: int, *, parent: int, folder: str, disk_mb: int) -> bool:
    """Whether a branch that says it is ready has one thread, no capability, and of mounts its parent's and one more: a box of its own of
    the right size. Ask with the window shut.

    The code that sees to it runs in the program's own process, which may have replaced it; what the kernel says cannot be.
    """
    try:
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        *others, box = _mounts(pid)
        before = len(_mounts(parent))
    except OSError:
        return False
    capabilities = {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
    bounded = {f"size={disk_mb << 10}k", f"nr_inodes={MAX_INODES}"} <= set(box[-1].split(","))
    own = box[4] == folder and len(others) == before and all(box[2] != other[2] for other in others)
    return status["Threads"] == "1" and capabilities == {"0" * 16} and bounded and own


def _mounts(pid: int) -> list[list[str]]:
    """What the process has mounted, the last one last: number, device, mount point and options. Source: proc(5), mountinfo."""
    with open(f"/proc/{pid}/mountinfo") as file:
        return [line.split() for line in file]


def _names_of(thread: int) -> set[int]:
    """The pid of the process that a thread belongs to, as the process itself sees it: it may signal itself alone."""
    try:
        with open(f"/proc/{thread}/status") as file:
            line = next(line for line in file if line.startswith("NStgid:"))
    except (OSError, StopIteration):
        return set()
    return {int(line.split()[-1])}
