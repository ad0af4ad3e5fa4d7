"""The `namespaces` tier: user, pid, network, mount, ipc and host name spaces around a read-only root.

Works without any privilege where the kernel lets users make user namespaces, and as root, where the root file system is built
before the identity is given up, because the interpreter may lie below a folder that only root may enter.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterable

from . import kernel
from .kernel import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, MS_BIND, MS_NODEV, MS_NOSUID, MS_REC

BOX = "/box"
NOBODY = 65534
SCRATCH, STAGE = "/tmp", "/verify"
"""Where commands leave files for a while, and where what judges them is put; only in boxes with commands."""
MAX_INODES = 16384
_ALL = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "shm": SCRATCH}
_ETC = {
    "passwd": f"root:x:0:0:root:/:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\nbox:x:1000:1000:box:{BOX}:/bin/bash\n",
    "group": "root:x:0:\nnogroup:x:65534:\nbox:x:1000:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "127.0.0.1 localhost box\n",
}


def enter(readable: Iterable[str], *, commands: bool = False) -> None:
    """Leave the host: only `readable` paths are left of it, read-only. The next fork is pid 1 of its own space. With `commands`, what
    other programs expect of a system is there too. Raises: OSError."""
    if os.geteuid() == 0:
        kernel.call("unshare", CLONE_NEWNS)
        _build_root(readable, commands=commands)
        kernel.become(NOBODY, NOBODY)
        kernel.call("unshare", _ALL)
        kernel.map_user(NOBODY, NOBODY)
    else:
        uid, gid = os.geteuid(), os.getegid()
        kernel.call("unshare", _ALL)
        kernel.map_user(uid, gid)
        _build_root(readable, commands=commands)
    socket.sethostname("box")


def _build_root(readable: Iterable[str], *, commands: bool) -> None:
    """Pivot into an empty file system that shows `readable`, a few devices and the old /proc (a new one may only be mounted
    where one is already seen); the old root hangs at the box's mount point until it is let go."""
    kernel.mount("none", "/", flags=MS_REC | kernel.MS_PRIVATE)
    kernel.mount("box", "/tmp", kind="tmpfs", flags=MS_NOSUID | MS_NODEV, data="size=1m,mode=755")
    os.mkdir("/tmp" + BOX)
    os.chdir("/tmp")
    kernel.call("pivot_root", ".", BOX[1:])
    os.chdir("/")
    for path in _outermost(readable):
        _show(path)
    for path in _DEVICES:
        _bind(path)
    if commands:
        _furnish()
    os.mkdir("/proc")
    kernel.make_read_only("/", below=False)
    kernel.mount(BOX + "/proc", "/proc", flags=MS_BIND | MS_REC)
    kernel.call("umount2", BOX, kernel.MNT_DETACH)


def _furnish() -> None:
    """What bash, compilers and interpreters look for: a user with a name, the usual names of open files, a place to be mounted on."""
    for path in (SCRATCH, STAGE):
        os.makedirs(path, exist_ok=True)
    for name, target in _LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.makedirs("/etc", exist_ok=True)
    for name, text in _ETC.items():
        with open(f"/etc/{name}", "w") as file:
            file.write(text)


def _outermost(paths: Iterable[str]) -> list[str]:
    """`paths` without those that lie in another of them."""
    found: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(path == other or path.startswith(other + "/") for other in found):
            found.append(path)
    return found


def _show(path: str) -> None:
    """Make `path` readable in the new root as it was in the old: the folder itself, and a link to it where its name is one."""
    real = _resolve(path)
    if os.path.exists(BOX + real) and not os.path.lexists(real):
        _bind(real)
        if os.path.isdir(real):
            kernel.make_read_only(real)
    if path != real and not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(real, path)


def _resolve(path: str) -> str:
    """The real path of `path` in the old root, whose absolute links would lead into the new one."""
    parts, at, hops = path.strip("/").split("/"), "", 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            at = os.path.dirname(at)
            continue
        step = f"{at}/{part}"
        if os.path.islink(BOX + step) and hops < 40:
            target, hops = os.readlink(BOX + step), hops + 1
            at = "" if target.startswith("/") else at
            parts = [piece for piece in target.split("/") if piece not in ("", ".")] + parts
        else:
            at = step
    return at or "/"


def _bind(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(BOX + path):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.mount(BOX + path, path, flags=MS_BIND | MS_REC)


def open_tree(disk_mb: int) -> None:
    """As the first process of a new pid space: its own /proc and its own empty, writable box."""
    kernel.call("unshare", CLONE_NEWNS | CLONE_NEWIPC)
    kernel.mount("proc", "/proc", kind="proc", flags=MS_NOSUID | MS_NODEV | kernel.MS_NOEXEC)
    mount_box(disk_mb)


def mount_box(disk_mb: int) -> None:
    """An empty box over what was there. `nr_inodes` stops a program that fills the memory with empty files."""
    data = f"size={disk_mb}m,nr_inodes={MAX_INODES},mode=755"
    kernel.mount("box", BOX, kind="tmpfs", flags=MS_NOSUID | MS_NODEV, data=data)


def new_user() -> None:
    """A user namespace without power over any file system or process outside it."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.call("unshare", CLONE_NEWUSER)
    kernel.map_user(uid, gid)


def new_view(disk_mb: int) -> None:
    """A branch's own view of the files: a nested user namespace and an empty box. The kernel nests 32 of them. Raises: OSError."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    kernel.map_user(uid, gid)
    mount_box(disk_mb)


def guard() -> None:
    """Be the first process of an episode's tree: reap, and hold the pid space open; killing this kills the whole tree."""
    os.closerange(0, 1024)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        signal.pause()
