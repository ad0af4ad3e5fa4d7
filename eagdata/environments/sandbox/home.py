"""The files of a box with commands: one file system for /box and /tmp, copied whole for a branch.

The process that holds them never runs a program of a model: it keeps all capabilities in a user namespace of its own, so that a branch
needs no deeper one. Programs run in cells (`cell.py`), without any capability.
"""

from __future__ import annotations

import os

from . import kernel
from .kernel import CLONE_NEWNS, CLONE_NEWUSER, MNT_DETACH, MS_BIND
from .namespaces import BOX, SCRATCH, mount_box

HOME_FD = 255
"""The root of that file system, which nothing else shows."""


def enter(disk_mb: int) -> None:
    """Be master of a new user namespace, with an empty home. Raises: OSError."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    kernel.map_user(uid, gid)
    mount_box(disk_mb)
    for name, mode in ((BOX, 0o755), (SCRATCH, 0o1777)):
        os.mkdir(BOX + name)
        os.chmod(BOX + name, mode)
    _show()


def branch(disk_mb: int) -> None:
    """In the copy of a process: a home of its own with the same content. Raises: OSError, subprocess.CalledProcessError."""
    kernel.call("unshare", CLONE_NEWNS)
    for path in (SCRATCH, BOX, BOX):
        kernel.call("umount2", path, MNT_DETACH)
    mount_box(disk_mb)
    import subprocess

    old = f"/proc/self/fd/{HOME_FD}"
    # cp keeps holes, hard links, pipes and sockets.
    subprocess.run(["/bin/cp", "-a", f"{old}/.", BOX], check=True, capture_output=True, pass_fds=[HOME_FD])
    _arrange(old, BOX)
    _show()


def _arrange(old: str, new: str) -> None:
    """List every folder in the order of the original: tmpfs lists the newest name first, and `find` and `ls -U` show it."""
    for folder, _, _ in os.walk(old):
        copied = new + folder.removeprefix(old)
        names = os.listdir(folder)
        if os.listdir(copied) == names:
            continue
        unused = next(name for name in map(str, range(len(names) + 1)) if name not in names)
        for name in reversed(names):
            os.rename(f"{copied}/{name}", f"{copied}/{unused}")
            os.rename(f"{copied}/{unused}", f"{copied}/{name}")
        times = os.stat(folder)
        os.utime(copied, ns=(times.st_atime_ns, times.st_mtime_ns))


def _show() -> None:
    root = os.open(BOX, os.O_RDONLY | os.O_DIRECTORY)
    os.dup2(root, HOME_FD, inheritable=False)
    os.close(root)
    for path in (SCRATCH, BOX):
        kernel.mount(f"/proc/self/fd/{HOME_FD}{path}", path, flags=MS_BIND)
