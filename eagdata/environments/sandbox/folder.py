"""The box's folder: filled at the start, copied for a branch, with the program's open files moved along."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from dataclasses import dataclass

_FIRST, _LAST = 3, 252
_KEPT_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One file that the program holds open: where it is, how it was opened, how far it was read or written."""

    fd: int
    path: str
    flags: int
    offset: int
    inheritable: bool


class Unmovable(Exception):
    """The program holds something open that a copy cannot have to itself: a pipe, a socket, a deleted file."""


def fill(files: dict[str, str]) -> None:
    """Write the task's files below the current folder. Raises: OSError."""
    for name, text in files.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w", encoding="utf-8", newline="") as file:
            file.write(text)


def copy_in(names: list[str], fds: list[int]) -> None:
    """Write a copy of each open file below the current folder, by its name. Raises: OSError."""
    for name, fd in zip(names, fds, strict=True):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(fd, "rb") as source, open(name, "wb") as copied:
            shutil.copyfileobj(source, copied, 1 << 20)


def open_files(*, ignored: list[int]) -> list[OpenFile]:
    """The files and folders that the program holds open, but for `ignored`. Raises: Unmovable."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if not _FIRST <= fd <= _LAST or fd in ignored:
            continue
        try:
            mode = os.fstat(fd).st_mode
        except OSError:  # the listing's own descriptor
            continue
        path = os.readlink(f"/proc/self/fd/{fd}")
        if stat.S_ISCHR(mode):
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or path.endswith(" (deleted)") or not path.startswith("/") or "memfd:" in path:
            raise Unmovable(f"descriptor {fd} is {path}")
        offset = os.lseek(fd, 0, os.SEEK_CUR) if stat.S_ISREG(mode) else 0
        flags = fcntl.fcntl(fd, fcntl.F_GETFL) & _KEPT_FLAGS
        found.append(OpenFile(fd, path, flags | (os.O_DIRECTORY if stat.S_ISDIR(mode) else 0), offset, os.get_inheritable(fd)))
    return found


def move(files: list[OpenFile], old: str, new: str) -> None:
    """Open each file anew below `new` where it lay below `old`, under its old number. Raises: OSError."""
    for file in files:
        fd = os.open(moved(file.path, old, new), file.flags | os.O_CLOEXEC)
        if file.offset:
            os.lseek(fd, file.offset, os.SEEK_SET)
        os.dup2(fd, file.fd, inheritable=file.inheritable)
        os.close(fd)


def moved(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if path == old or path.startswith(old + "/") else path


def copy(old: str, new: str) -> None:
    """Copy the folder's content, with links, modes and times. Raises: OSError, shutil.Error (a pipe in it, say)."""
    if any(os.scandir(old)):
        shutil.copytree(old, new, symlinks=True, dirs_exist_ok=True)
