"""The Linux calls that Python 3.11 has no function for, by number through libc's `syscall`."""

from __future__ import annotations

import ctypes
import os
import struct

from .syscalls import NUMBERS

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
ADDR_NO_RANDOMIZE = 0x0040000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _AT_RECURSIVE = 0x1, 0x2, 0x8000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
Argument = int | str | ctypes.Array[ctypes.c_char] | None


def call(name: str, *arguments: Argument) -> int:
    """The result of one system call. Raises: OSError with its errno, naming the call; ENOSYS off Linux."""
    if name not in NUMBERS:
        raise OSError(38, os.strerror(38), name)
    words = [_word(argument) for argument in arguments]
    result = int(_libc.syscall(ctypes.c_long(NUMBERS[name]), *words))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _word(argument: Argument) -> ctypes.c_long | ctypes.c_char_p | ctypes.c_void_p | ctypes.Array[ctypes.c_char]:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, str):
        return ctypes.c_char_p(os.fsencode(argument))
    return ctypes.c_void_p(None) if argument is None else argument


def prctl(option: int, value: int = 0) -> int:
    return call("prctl", option, value, 0, 0, 0)


def mount(source: str, target: str, *, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    call("mount", source, target, kind, flags, data)


def make_read_only(path: str, *, below: bool = True) -> None:
    """Make the mount at `path`, and those below it, read-only and deaf to set-uid bits (mount_setattr, Linux 5.12)."""
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    call("mount_setattr", -100, path, _AT_RECURSIVE if below else 0, buffer, len(attributes))


def stop_address_randomisation() -> bool:
    """Whether the flag was off and is now on: it takes hold at the next exec. False where it is refused (Docker's default)."""
    try:
        now = call("personality", 0xFFFFFFFF)
        if now & ADDR_NO_RANDOMIZE:
            return False
        call("personality", now | ADDR_NO_RANDOMIZE)
    except OSError:
        return False
    return True


def map_user(uid: int, gid: int) -> None:
    """Be uid and gid 1000 in the user namespace just entered; `uid` and `gid` are those of before."""
    prctl(PR_SET_DUMPABLE, 1)  # a process that changed its uid may not write its own maps
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def drop_capabilities() -> None:
    """Give up every capability for good: bounding set, effective, permitted, inheritable; no set-uid program gives them back."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = struct.pack("Ii", 0x20080522, 0)
    call("capset", ctypes.create_string_buffer(header, len(header)), ctypes.create_string_buffer(24))


def become(uid: int, gid: int) -> None:
    """Change real, effective and saved identity for good, and stay traceable by oneself."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)
