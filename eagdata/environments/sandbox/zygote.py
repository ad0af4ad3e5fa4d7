"""The process that every program is forked from: started once, warm, and never running a program itself.

    supervisor --spawn request with two open files--> zygote --fork--> guard (pid 1 of the tree) --fork--> program
                                                                       only in `namespaces`

Started as `python -S -s -P -c ...` in a clean environment. `-I` would make Python ignore PYTHONHASHSEED.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import json
import os
import random
import shutil
import signal
import site
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from . import child, kernel, namespaces, seccomp
from .child import Place
from .family import descendants, end
from .frames import Frame, receive, send_with

_NUMPY = "numpy.fft numpy.linalg numpy.polynomial numpy.random"
_PRELOADED = """
    bisect calendar cmath collections contextlib copy csv dataclasses datetime decimal enum fractions functools hashlib heapq io itertools
    json math numbers operator pathlib pprint random re shutil sqlite3 statistics string tempfile textwrap time traceback types typing
"""


def main(settings: str) -> None:
    """Serve until the supervisor is gone; returns in no process. `settings` is the JSON of `supervisor.Zygote`."""
    found = json.loads(settings)
    if found["host"]:
        importlib.import_module(f"{__package__}.hosts.{found['host']}")  # while this package's folder can still be read
    control = socket.socket(fileno=found["control"])
    if found["tier"] == "namespaces":
        _leave_host(control, found["readable"], commands=found["commands"])
    sys.path[:] = found["path"]
    home = namespaces.BOX if found["tier"] == "namespaces" else _make_home()
    with _scratch(home, disk_mb=found["disk_mb"]):
        _warm(found["libraries"])
    place = Place(
        tier=found["tier"],
        folder=home,
        disk_mb=found["disk_mb"],
        memory_bytes=_own_memory_bytes(),
        tasks=found["tasks"] + (0 if found["tier"] == "namespaces" else _running_tasks()),
        readable=tuple(found["readable"]),
        identity=_identity(found["tier"], found["readable"]),
        rules=seccomp.assemble(landlocked=found["tier"] == "landlock"),
        commands=found["commands"],
    )
    if found["tier"] != "namespaces":
        _end_with_supervisor(home)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    send_with(control, {"ready": True, "folder": home}, [])
    child.serve(*_spawn(control, place))


@contextmanager
def _scratch(home: str, *, disk_mb: int) -> Iterator[None]:
    """A writable home for libraries that keep a cache there (matplotlib cannot be imported without one); gone when programs begin."""
    if home == namespaces.BOX:
        namespaces.mount_box(disk_mb)
        yield
        kernel.call("umount2", namespaces.BOX, kernel.MNT_DETACH)
        return
    usual, os.environ["HOME"] = os.environ["HOME"], tempfile.mkdtemp(dir=home)
    try:
        yield
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    os.environ["HOME"] = usual


def _leave_host(control: socket.socket, readable: list[str], *, commands: bool) -> None:
    """Go on as pid 1 of new name spaces; the process that stays behind only waits for the end of this one."""
    try:
        namespaces.enter(readable, commands=commands)
        pid = os.fork()
    except OSError as error:
        send_with(control, {"failed": f"{error.filename or ''}: {error.strerror}"}, [])
        os._exit(1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if pid:
        control.close()
        os.waitpid(pid, 0)
        os._exit(0)


def _make_home() -> str:
    """A folder for the boxes of a tier without mounts, below /tmp where that can be, whose names no observation depends on."""
    home = tempfile.mkdtemp(prefix="eagdata-", dir="/tmp" if os.access("/tmp", os.W_OK) else None)
    os.chmod(home, 0o711)
    return home


def _identity(tier: str, readable: list[str]) -> int | None:
    """Whom a program runs as in a tier without name spaces: root gives up its identity, unless nobody else can read the libraries."""
    if tier == "namespaces" or os.geteuid() != 0:
        return None
    folders = {parent for path in readable if os.path.exists(path) for parent in _parents(os.path.realpath(path))}
    return namespaces.NOBODY if all(os.stat(path).st_mode & 0o005 == 0o005 for path in folders) else None


def _parents(path: str) -> list[str]:
    return [path, *_parents(os.path.dirname(path))] if path != "/" else []


def _own_memory_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _running_tasks() -> int:
    """Threads that our uid has on this machine: without a user namespace, the kernel counts them all against the limit."""
    total = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == os.geteuid():
                total += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return total


def _warm(libraries: list[str]) -> None:
    """Import and use what programs use, once for all of them: a fresh import costs each episode milliseconds and page faults."""
    for name in _PRELOADED.split() + libraries:
        importlib.import_module(name)
    site.setquit()
    site.sethelper()
    random.random()
    if "numpy" in libraries:
        _warm_numpy()
    if "sympy" in libraries:
        _warm_sympy()


def _warm_numpy() -> None:
    for name in _NUMPY.split():
        importlib.import_module(name)
    import numpy

    numpy.linalg.solve(numpy.eye(2), numpy.random.default_rng(0).random(2))
    repr(numpy.arange(3.0))


def _warm_sympy() -> None:
    importlib.import_module("sympy.abc")
    import sympy

    x, y = sympy.symbols("x y")
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.solve(x**2 - 2, x)
    sympy.factorint(360)
    str(sympy.diff(sympy.exp(x * y), x) + sympy.integrate(x**2, x) + sympy.expand((x + 1) ** 3))


def _end_with_supervisor(home: str) -> None:
    """Without a pid namespace nothing ends a tree by itself: adopt its orphans, and end all when the supervisor dies."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _end(home))
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(home: str) -> NoReturn:
    if home != namespaces.BOX:
        while found := descendants(os.getpid()):
            end(found)
        shutil.rmtree(home, ignore_errors=True)
    os._exit(0)


def _spawn(control: socket.socket, place: Place) -> tuple[socket.socket, Place]:
    """Fork a program for each request; returns in the program's process alone, always at the same depth of the stack."""
    own_space = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if place.tier == "namespaces" else -1
    while True:
        received = receive(control)
        if received is None:
            _end(place.folder)
        request, fds = received
        if request["op"] == "ping":
            send_with(control, {"id": request["id"]}, [])
            continue
        if request["op"] == "sweep":
            _sweep(str(request["folder"]))
            continue
        isolated = place.tier == "namespaces"
        if isolated:
            kernel.call("unshare", kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            return _become_program(request, fds, place=place, control=control)
        if isolated:
            kernel.call("setns", own_space, kernel.CLONE_NEWPID)
        for fd in fds:
            os.close(fd)


def _sweep(folder: str) -> None:
    if os.fork() == 0:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _become_program(request: Frame, fds: list[int], *, place: Place, control: socket.socket) -> tuple[socket.socket, Place]:
    control.close()
    memory_bytes = place.memory_bytes + int(str(request["memory_mb"])) * 2**20
    tree = place.folder if place.tier == "namespaces" else os.path.join(place.folder, str(request["folder"]))
    place = dataclasses.replace(place, memory_bytes=memory_bytes, folder=tree)
    try:
        if place.tier == "namespaces":
            namespaces.open_tree(place.disk_mb)
            with socket.socket(fileno=os.dup(fds[0])) as sock:
                send_with(sock, {"tree": True}, [])
            if os.fork():
                namespaces.guard()
        return child.settle(place, *fds), place
    except BaseException as error:
        with socket.socket(fileno=os.dup(fds[0])) as sock:
            send_with(sock, {"failed": repr(error)}, [])
        os._exit(1)
