"""One command of a box with commands: name spaces of its own, out of which nothing gets, and which end as a whole.

    harness (trusted, holds the home)              hosts/commands.py, home.py
      init of the cell (pid 1, below all walls)
        command -- whatever it starts

In its pid namespace a command can neither see nor signal the harness, the guard or a branch. When it ends, is killed, or takes too
much, its init ends, and the kernel kills and reaps every process left in the namespace, daemons too, before `run` comes back. When
the harness dies, so does the init. Source: Linux `pid_namespaces(7)`, `user_namespaces(7)`, PR_SET_PDEATHSIG of `prctl(2)`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from . import kernel, landlock, seccomp
from .home import HOME_FD
from .interpreter import CONTROL_FD, OUTPUT_FD, BoxFault
from .kernel import CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY
from .memory import own_space, used_bytes
from .namespaces import BOX, SCRATCH, STAGE

_MB = 1 << 20
_USER = 1000
"""What `kernel.map_user` made of the harness."""
_SAMPLE_S = 0.05
_CHUNK = 1 << 16
_MAX_FILES = 256
_SHOWN = frozenset({"bin", "box", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "sbin", "tmp", "usr", "verify"})
"""What a command sees of the root; the rest is there for the interpreter of the harness alone."""
_RULES = seccomp.assemble(commands=True)
_STATUS, _SPACE = struct.Struct("=i"), struct.Struct("=Q")


class OutOfMemory(MemoryError):
    """The command and what it started took more memory together than they may."""


class CellFailure(BoxFault):
    """The cell could not be made: nothing that the command did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one command, with all that it starts, may take."""

    memory_mb: int
    disk_mb: int
    """Also the largest file, and the most that one stream of output may be."""
    processes: int
    """Threads count."""


@dataclass(slots=True)
class Stream:
    """Where output goes: the descriptors that it is written to, and who takes it."""

    fds: tuple[int, ...]
    take: Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to be started, and what it finds."""

    argv: Sequence[str]
    environ: dict[str, str]
    folder: str = BOX
    stdin: int | None = None
    """An open file; None: nothing to read."""
    kept: tuple[int, ...] = ()
    """Further open files that it gets under their own numbers."""
    files: dict[str, str] = field(default_factory=dict)
    """Written below `folder` before it starts."""
    staged: bool = False
    """`files` are put into STAGE, a read-only file system that no other command ever sees; the scratch folder is a fresh one too."""
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: its exit status, or minus the number of the signal that ended it; None: it was stopped for time."""

    code: int | None


def run(command: Command, streams: Sequence[Stream], bounds: Bounds) -> Outcome:
    """Run it to its end, and everything that it started. Raises: OutOfMemory; CellFailure."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    pipes = [os.pipe2(os.O_CLOEXEC) for _ in streams]
    flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | signal.SIGCHLD
    try:
        # `os.fork` takes no flags, and after `unshare` the harness could never again fork into its own pid namespace.
        init = kernel.call("clone", flags, 0, 0, 0, 0)
    except OSError as error:
        raise CellFailure(f"no cell: {error.strerror}") from error
    if init == 0:
        for end in (told, CONTROL_FD, OUTPUT_FD, HOME_FD, *(end for end, _ in pipes)):
            os.close(end)
        _live(command, [(stream.fds, end) for stream, (_, end) in zip(streams, pipes, strict=True)], bounds, tell)
    for end in (tell, *(end for _, end in pipes)):
        os.close(end)
    said = bytearray()
    takers: dict[int, Callable[[bytes], None]] = {told: said.extend}
    takers |= {end: stream.take for stream, (end, _) in zip(streams, pipes, strict=True)}
    deadline = time.monotonic() + command.timeout_s if command.timeout_s is not None else None
    try:
        _attend(said, takers, bounds, deadline)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
    if len(said) == _SPACE.size + _STATUS.size:
        return Outcome(_STATUS.unpack_from(said, _SPACE.size)[0])
    if deadline is not None and time.monotonic() >= deadline:
        return Outcome(None)
    raise CellFailure(said[_SPACE.size :].decode(errors="replace") or "the cell broke down")


def _attend(said: bytearray, takers: dict[int, Callable[[bytes], None]], bounds: Bounds, deadline: float | None) -> None:
    """Take the output until everybody in the cell has closed it, or the time is over. Raises: OutOfMemory."""
    left = dict.fromkeys(takers, bounds.disk_mb * _MB)
    poller = select.poll()
    for end in takers:
        poller.register(end, select.POLLIN)
    most, sample = bounds.memory_mb * _MB, time.monotonic() + _SAMPLE_S
    try:
        while left and (deadline is None or time.monotonic() < deadline):
            for end, _ in poller.poll(1000 * _SAMPLE_S):
                data = os.read(end, _CHUNK)
                takers[end](data)
                left[end] -= len(data)
                if not data or left[end] <= 0:  # who writes on gets SIGPIPE
                    poller.unregister(end)
                    os.close(end)
                    del left[end]
            if time.monotonic() >= sample:
                if len(said) >= _SPACE.size and used_bytes(_SPACE.unpack_from(said)[0], enough=most) > most:
                    raise OutOfMemory
                sample = time.monotonic() + _SAMPLE_S
    finally:
        for end in left:
            os.close(end)


def _live(command: Command, outputs: list[tuple[tuple[int, ...], int]], bounds: Bounds, tell: int) -> NoReturn:
    """Be the init: walls up, start the command, reap until it has ended, say how."""
    try:
        os.write(tell, _SPACE.pack(own_space()))
        _wall(command, bounds, tell)
        status = _STATUS.pack(_oversee(command, {fd: end for fds, end in outputs for fd in fds}))
    except BaseException as error:
        status = f"fault: {error!r}".encode(errors="replace")
    try:
        os.write(tell, status)
    finally:
        os._exit(0)


def _wall(command: Command, bounds: Bounds, tell: int) -> None:
    """Raises: OSError."""
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):  # an init without handlers is deaf to the signals of its cell
        signal.signal(number, signal.SIG_DFL)
    kernel.map_user(_USER, _USER)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.mount("proc", "/proc", kind="proc", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC, data="hidepid=2")
    for entry in os.scandir("/"):
        if entry.name not in _SHOWN and entry.is_dir(follow_symlinks=False):
            kernel.mount("none", entry.path, kind="tmpfs", flags=MS_RDONLY | MS_NOSUID | MS_NODEV, data="mode=555")
    if command.staged:
        _stage(command.files, bounds)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    harness = select.poll()
    harness.register(tell, 0)
    if harness.poll(0):  # it died before it could be noticed
        os._exit(0)
    _limit(bounds)
    landlock.restrict(files=False)
    os.close(seccomp.install(_RULES))


def _stage(files: dict[str, str], bounds: Bounds) -> None:
    """Files where nothing can have been planted, read-only: bash reads a script on while it runs it. Raises: OSError."""
    for path in (STAGE, SCRATCH):
        kernel.mount("none", path, kind="tmpfs", flags=MS_NOSUID | MS_NODEV, data=f"size={bounds.disk_mb}m,mode=755")
    os.chdir(STAGE)
    _write(files)
    kernel.make_read_only(STAGE)


def _limit(bounds: Bounds) -> None:
    """Limits of each process. The namespace is new, so NPROC counts this cell alone. What Java, Go and node reserve without using
    it is no data; what is written and not yet touched may be twice what may be used."""
    limits = {
        resource.RLIMIT_CORE: 1,  # see `child.py`
        resource.RLIMIT_FSIZE: bounds.disk_mb * _MB,
        resource.RLIMIT_NOFILE: _MAX_FILES,
        resource.RLIMIT_NPROC: bounds.processes,
        resource.RLIMIT_STACK: 8 * _MB,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_SIGPENDING: _MAX_FILES,
        resource.RLIMIT_DATA: 2 * bounds.memory_mb * _MB,
    }
    for kind, value in limits.items():
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))


def _oversee(command: Command, outputs: dict[int, int]) -> int:
    """Start the command in a session of its own; how it ended. What cannot be started ends as it would in a shell."""
    try:
        _enter(command.folder)
        if not command.staged:
            _write(command.files)
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL if command.stdin is None else command.stdin,
            stdout=outputs[1],
            stderr=outputs[2],
            env=command.environ,
            pass_fds=command.kept,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        os.write(outputs[2], f"{command.argv[0]}: {error}\n".encode(errors="replace"))
        return 127 if isinstance(error, FileNotFoundError) else 126
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while (code := _reap(process.pid)) is None:
        signal.sigwait({signal.SIGCHLD})
    return code


def _enter(folder: str) -> None:
    """Go there, or as near as an earlier command has left it possible."""
    for path in ("/", BOX, folder):
        with contextlib.suppress(OSError):
            os.chdir(path)


def _reap(pid: int) -> int | None:
    """Wait for all who have ended; how `pid` ended, if it did."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                found = os.waitstatus_to_exitcode(ended[1])
    return found


def _write(files: dict[str, str]) -> None:
    """Write files anew; what an earlier command left under their names, links too, is not followed."""
    for name, text in files.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755), "w", encoding="utf-8", newline="") as file:
            file.write(text)
