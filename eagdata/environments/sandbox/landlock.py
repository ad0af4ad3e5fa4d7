"""Landlock: which paths may be read or written, no TCP, no signals and no abstract sockets beyond the box.

Source: Linux `Documentation/userspace-api/landlock.rst`. Works without any privilege.
Modes, owners and times it does not guard: `seccomp.py` does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from .kernel import PR_SET_NO_NEW_PRIVS, call, prctl

_WRITE_FILE, _READ_FILE, _READ_DIR, _EXECUTE = 1 << 1, 1 << 2, 1 << 3, 1 << 0
_TRUNCATE = 1 << 14
_DEVICES = (1 << 6) | (1 << 11)
_READ = _READ_FILE | _READ_DIR
_RIGHTS_BY_ABI = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
_LEAST_ABI = 3
_TCP, _SCOPES = 0b11, 0b11


def abi() -> int:
    """Version of the kernel's Landlock; 0 where there is none. Asked by the call: securityfs need not be mounted."""
    try:
        return call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def restrict(*, readable: Iterable[str] = (), listable: Iterable[str] = (), writable: Iterable[str] = (), files: bool = True) -> None:
    """Confine this process for good. With `files=False` only TCP, signals and abstract sockets, so that it may still mount.

    Raises: OSError where the kernel has no Landlock, or for files an old one.
    """
    version = abi()
    if files and version < _LEAST_ABI:
        raise OSError(errno.ENOSYS, f"Landlock {_LEAST_ABI} (Linux 6.2) is needed, here is {version}: older ones let any file be truncated")
    rights = _RIGHTS_BY_ABI[min(version, len(_RIGHTS_BY_ABI) - 1)] if files else 0
    attributes = struct.pack("QQQ", rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    if not any(attributes):
        return
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call("landlock_create_ruleset", ctypes.create_string_buffer(attributes[:size], size), size, 0)
    for paths, granted in ((readable, _READ), (listable, _READ_DIR), (writable, rights & ~_DEVICES & ~_EXECUTE)):
        for path in paths if files else ():
            _grant(ruleset, path, rights & granted)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    """Allow `rights` at and below `path`; a file takes only the rights that a file can have; a missing path needs none."""
    try:
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(at).st_mode):
        rights &= _WRITE_FILE | _READ_FILE | _TRUNCATE
    rule = struct.pack("=Qi", rights, at)
    call("landlock_add_rule", ruleset, 1, ctypes.create_string_buffer(rule, len(rule)), 0)
    os.close(at)
