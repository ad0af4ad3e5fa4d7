"""One program's process: walls up, then one request at a time; it forks itself when asked."""

from __future__ import annotations

import importlib
import os
import random
import resource
import signal
import socket
import sys
from dataclasses import dataclass, replace

from . import folder, home, kernel, landlock, namespaces, seccomp
from .frames import Frame, receive, send_with
from .interpreter import CONTROL_FD, OUTPUT_FD, Interpreter, obstacle

_MB = 1 << 20
_MEMORY_RESERVE_BYTES = 64 * _MB
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
MAX_FILES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs, and within which limits."""

    tier: str
    folder: str
    """The writable folder; its parent belongs to the tree of branches."""
    disk_mb: int
    memory_bytes: int
    """Address space of the whole process: the interpreter's own plus what the program may take."""
    tasks: int
    readable: tuple[str, ...]
    identity: int | None
    """uid to become, in the `landlock` and `process` tiers; None: stay."""
    rules: bytes
    """The system call filter."""
    commands: bool
    """Programs run as commands, each below walls of its own; this process is trusted and has none. In `namespaces` alone."""


class _Owner:
    """The process that speaks to the supervisor: in the `process` tier a program may have others."""

    pid = 0
    leave = staticmethod(os._exit)


def settle(place: Place, control: int, output: int) -> socket.socket:
    """Become a program's process: its own files open, walls up. Raises: OSError."""
    _adopt(control, output)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.closerange(3, CONTROL_FD)
    os.closerange(OUTPUT_FD + 1, 1024)
    sock = socket.socket(fileno=CONTROL_FD)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if place.commands:
        home.enter(place.disk_mb)
    elif place.tier == "namespaces":
        namespaces.new_user()
    else:
        os.makedirs(place.folder, mode=0o700)
        if place.identity is not None:
            os.chown(os.path.dirname(place.folder), place.identity, place.identity)
            os.chown(place.folder, place.identity, place.identity)
            kernel.become(place.identity, place.identity)
    os.chdir(place.folder)
    listener = list[int]()
    if not place.commands:
        _limit(place)
        listener = [_wall(place)] if place.tier != "process" else []
    _watch_exit()
    _introduce(sock, listener)
    return sock


def _introduce(sock: socket.socket, listener: list[int]) -> None:
    """Say hello. Siblings share a uid: undumpable, none of them may open another's /proc/N/mem."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    _Owner.pid = os.getpid()
    send_with(sock, {"hello": True}, listener)
    for fd in listener:
        os.close(fd)


def _adopt(control: int, output: int) -> None:
    """Put the two files that tie a process to the supervisor where they are looked for."""
    for fd, number in ((control, CONTROL_FD), (output, OUTPUT_FD), (output, 1), (output, 2)):
        os.dup2(fd, number, inheritable=number < 3)
    os.close(control)
    os.close(output)


def _limit(place: Place) -> None:
    """What one process may take. Addresses keep a reserve that is opened only to report that memory ran out."""
    limits = {
        resource.RLIMIT_CORE: 1,  # no file, and no helper of the host started as root on a crash either: 0 would not forbid that
        resource.RLIMIT_FSIZE: place.disk_mb * _MB,
        resource.RLIMIT_NOFILE: MAX_FILES,
        resource.RLIMIT_NPROC: place.tasks,
        resource.RLIMIT_STACK: 8 * _MB,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_SIGPENDING: MAX_FILES,  # timers too; counted for the user, on the host as well
    }
    for kind, value in limits.items():
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_AS, (place.memory_bytes, place.memory_bytes + _MEMORY_RESERVE_BYTES))


def _wall(place: Place) -> int:
    """No capabilities, Landlock, the system call filter; gives the filter's listener.

    A process under Landlock's file rules may not mount, which branches of the `namespaces` tier have to.
    """
    kernel.drop_capabilities()
    if place.tier == "namespaces":
        landlock.restrict(files=False)
    else:
        tree = os.path.dirname(place.folder)
        landlock.restrict(readable=place.readable, listable=("/proc",), writable=(tree, *_DEVICES))
    return seccomp.install(place.rules)


def _watch_exit() -> None:
    """Let `os._exit` tell the supervisor that the program ended itself; a crash cannot."""
    leave, owner, write = os._exit, os.getpid, os.write

    def exit_process(status: int) -> None:
        if owner() == _Owner.pid:
            write(CONTROL_FD, b'\0\0\0\x0d{"exit":true}')
        leave(status)

    os._exit = exit_process  # type: ignore[assignment]
    vars(sys.modules["posix"])["_exit"] = exit_process


def serve(sock: socket.socket, place: Place) -> None:
    """Answer the supervisor until it is gone. A branch goes on in its parent's loop, on a socket of its own."""
    interpreter, branches = Interpreter(), list[int]()
    while True:
        sock.setblocking(True)
        received = receive(sock)
        if received is None:
            _Owner.leave(0)
            return
        request, fds = received
        branches = [pid for pid in branches if not _reaped(pid)]
        answer: Frame
        if request["op"] == "run":
            number, value_chars = _int(request["number"]), _int(request["value_chars"])
            answer = interpreter.run(str(request["kind"]), str(request["source"]), number=number, value_chars=value_chars)
        elif request["op"] == "start":
            answer = _start(interpreter, request)
        elif request["op"] == "copy_in":
            answer = _copy_in(request["names"], fds)  # type: ignore[arg-type]
        else:
            copied = fork(place, fds, str(request["folder"]), hindrance=_children(branches) if place.tier == "process" else None)
            if isinstance(copied, Place):
                place, branches = copied, []
                _introduce(sock, [])
                continue
            branches += [copied] if isinstance(copied, int) else []
            answer = {"refused": copied if isinstance(copied, str) else None}
        send_with(sock, answer | {"id": request["id"]}, [])


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # the program waited for it first
        return True


def _int(value: object) -> int:
    return int(value)  # type: ignore[call-overload, no-any-return]


def _copy_in(names: list[str], fds: list[int]) -> Frame:
    try:
        folder.copy_in(names, fds)
    except (OSError, ValueError) as error:
        return {"failed": str(error)}
    return {"failed": None}


def _start(interpreter: Interpreter, request: Frame) -> Frame:
    """Seeds, files, and the host of an environment whose actions are not Python."""
    seed = _int(request["seed"])
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    try:
        folder.fill(request["files"])  # type: ignore[arg-type]
        if request["host"]:
            host = importlib.import_module(f"{__package__}.hosts.{request['host']}")
            interpreter.host = host.start(request["settings"])
    except Exception as error:  # of the host: whatever is wrong with the task's settings
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"failed": None}


def _children(branches: list[int]) -> str | None:
    """Why a process with children other than its branches cannot be copied: they would be the copy's siblings."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            found = set(map(int, file.read().split()))
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        return "child processes may be alive"
    return "child processes are alive" if found - set(branches) else None


def fork(place: Place, fds: list[int], new: str, *, hindrance: str | None) -> Place | int | str:
    """Copy this process. In the copy: its place. In the parent: the copy's pid, or why there is none."""
    state = random.getstate()  # Python reseeds `random` in every forked child
    try:
        reason = hindrance or obstacle() or (None if len(fds) == 2 else "too many open files")
        if reason is None:
            files, cwd = folder.open_files(ignored=fds), os.getcwd()
            pid = os.fork()
            if pid == 0:
                _adopt(*fds)
                return _branch(place, new, files=files, cwd=cwd, state=state)
    except (OSError, folder.Unmovable) as error:
        reason = str(error)
    for fd in fds:
        os.close(fd)
    return reason if reason is not None else pid


def _branch(place: Place, new: str, *, files: list[folder.OpenFile], cwd: str, state: tuple[object, ...]) -> Place:
    """In the copy: the same files at a place of their own. On any failure it ends, and the supervisor replays instead."""
    try:
        random.setstate(state)
        old = place.folder
        if place.commands:
            home.branch(place.disk_mb)
        elif place.tier == "namespaces":
            below = os.open(old, os.O_RDONLY | os.O_DIRECTORY)
            namespaces.new_view(place.disk_mb)
            folder.copy(f"/proc/self/fd/{below}", old)
            os.close(below)
        else:
            os.mkdir(new, mode=0o700)
            folder.copy(old, new)
            place = replace(place, folder=new)
        folder.move(files, old, place.folder)
        os.chdir(folder.moved(cwd, old, place.folder))
        if place.tier == "namespaces" and not place.commands:
            kernel.drop_capabilities()
    except BaseException:
        _Owner.leave(1)
    return place
