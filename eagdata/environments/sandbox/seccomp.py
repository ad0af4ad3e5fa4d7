"""The system call filter: an allow-list, with five calls put to the supervisor (see `gate.py`).

Source: Linux `Documentation/userspace-api/seccomp_filter.rst`; classic BPF of `linux/filter.h`.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from .kernel import call
from .syscalls import ALLOWED, AUDIT_ARCH, NUMBERS, REFUSED

_ALLOW, _NOTIFY, _ERRNO, _KILL = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_NEW_NAMESPACES = 0x7E020080
_THREAD = 0x00010000
_X32 = 0x40000000
_ARGUMENT = 16
_OWNER_OF_SIGNALS = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX."""
_OWNER_OF_SIGNALS_BY_IOCTL = (0x8901, 0x8902)
"""FIOSETOWN, SIOCSPGRP."""
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8

Program = list[tuple[int, int, int, int]]


def _judge(name: str, body: Program) -> Program:
    """`body` for calls of `name` (it must return), else what follows it."""
    return [(_EQUAL, 0, len(body), NUMBERS[name]), *body] if name in NUMBERS else []


def _clone() -> Program:
    """Threads pass, new namespaces do not, new processes are put to the supervisor."""
    return _judge(
        "clone",
        [
            (_LOAD, 0, 0, _ARGUMENT),
            (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
            (_RETURN, 0, 0, _ERRNO | errno.EPERM),
            (_ANY_BIT, 0, 1, _THREAD),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _NOTIFY),
        ],
    )


def _socketpair() -> Program:
    """Connected pairs (asyncio needs one): a datagram socket could still send to any socket of the host by its path."""
    return _judge(
        "socketpair",
        [
            (_LOAD, 0, 0, _ARGUMENT),
            (_EQUAL, 0, 4, 1),
            (_LOAD, 0, 0, _ARGUMENT + 8),
            (_AND, 0, 0, 0xF),
            (_EQUAL, 0, 1, 1),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | errno.EACCES),
        ],
    )


def _but(name: str, commands: tuple[int, ...]) -> Program:
    """All of `name` but `commands` (its second argument): they have the kernel send signals to any process of the same user."""
    refused: Program = [row for command in commands for row in ((_EQUAL, 0, 1, command), (_RETURN, 0, 0, _ERRNO | errno.EPERM))]
    return _judge(name, [(_LOAD, 0, 0, _ARGUMENT + 8), *refused, (_RETURN, 0, 0, _ALLOW)])


def program() -> Program:
    """The filter as BPF instructions `(code, jump if true, jump if false, constant)`."""
    found: Program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, AUDIT_ARCH), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    found += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for number in ALLOWED.values():
        found += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    found += _clone() + _socketpair() + _but("fcntl", _OWNER_OF_SIGNALS) + _but("ioctl", _OWNER_OF_SIGNALS_BY_IOCTL)
    own_limits: Program = [(_LOAD, 0, 0, _ARGUMENT), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    found += _judge("prlimit64", own_limits)
    for name in ("kill", "tgkill", "unshare", "mount"):
        found += _judge(name, [(_RETURN, 0, 0, _NOTIFY)])
    found += _judge("socket", [(_RETURN, 0, 0, _ERRNO | errno.EACCES)])
    for name in REFUSED:
        found += _judge(name, [(_RETURN, 0, 0, _ERRNO | errno.EPERM)])
    return [*found, (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]


def install(instructions: bytes) -> int:
    """Put this process under the filter for good; gives the listener on which the supervisor is asked. Raises: OSError."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("HxxxxxxQ", len(instructions) // 8, ctypes.addressof(code))
    return call("seccomp", _SET_MODE_FILTER, _NEW_LISTENER, ctypes.create_string_buffer(header, len(header)))


def assemble() -> bytes:
    """The filter in the kernel's layout, ready for `install`."""
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program())
