"""The system call filter: an allow-list, with five calls put to the supervisor (see `gate.py`), or for commands with none.

Source: Linux `Documentation/userspace-api/seccomp_filter.rst`; classic BPF of `linux/filter.h`.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from .kernel import call
from .syscalls import ALLOWED, AUDIT_ARCH, COMMANDS, NUMBERS, REFUSED

_ALLOW, _NOTIFY, _ERRNO, _KILL = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_NEW_NAMESPACES = 0x7E020080
_THREAD = 0x00010000
_X32 = 0x40000000
_ARGUMENT = 16
_REFUSED_FCNTL = (8, 10, 15, 1024)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to any process of the same user. F_SETLEASE: holds up who opens a library for writing."""
_ALLOWED_IOCTL = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: no flags of files, no devices, no owners of signals."""
_CORE = 4
"""RLIMIT_CORE."""
_METADATA = (
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
)
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8

Program = list[tuple[int, int, int, int]]


def _judge(name: str, body: Program) -> Program:
    """`body` for calls of `name` (it must return), else what follows it."""
    return [(_EQUAL, 0, len(body), NUMBERS[name]), *body] if name in NUMBERS else []


def _clone(process: int) -> Program:
    """Threads pass, new namespaces do not, new processes get the answer `process`."""
    return _judge(
        "clone",
        [
            (_LOAD, 0, 0, _ARGUMENT),
            (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
            (_RETURN, 0, 0, _ERRNO | errno.EPERM),
            (_ANY_BIT, 0, 1, _THREAD),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, process),
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


def _sort(name: str, *, argument: int, values: tuple[int, ...], those: int, others: int) -> Program:
    """`those` for calls of `name` whose argument of this number is one of `values`, else `others`."""
    rows: Program = [row for value in values for row in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, those))]
    return _judge(name, [(_LOAD, 0, 0, _ARGUMENT + 8 * argument), *rows, (_RETURN, 0, 0, others)])


def program(*, commands: bool = False, landlocked: bool = False) -> Program:
    """The filter as BPF instructions `(code, jump if true, jump if false, constant)`. With `commands`, processes and programs may be
    started and signalled, which is safe only in a pid namespace where there is nobody else (see `cell.py`). With `landlocked`, calls
    that change modes, owners and times do nothing and say that they did: Landlock lets them reach every file of the user."""
    allowed, process = (ALLOWED | COMMANDS, _ALLOW) if commands else (ALLOWED, _NOTIFY)
    refused = _ERRNO | errno.EPERM
    found: Program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, AUDIT_ARCH), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    found += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for name in _METADATA if landlocked else ():
        found += _judge(name, [(_RETURN, 0, 0, _ERRNO)])
    for number in allowed.values():
        found += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    found += _clone(process) + _socketpair()
    found += _sort("fcntl", argument=1, values=_REFUSED_FCNTL, those=refused, others=_ALLOW)
    found += _sort("ioctl", argument=1, values=_ALLOWED_IOCTL, those=_ALLOW, others=_ERRNO | errno.ENOTTY)
    found += _sort("setrlimit", argument=0, values=(_CORE,), those=refused, others=_ALLOW)
    found += _own_limits()
    for name in ("kill", "tgkill", "unshare", "mount"):
        found += _judge(name, [(_RETURN, 0, 0, _ERRNO | errno.EPERM if commands else _NOTIFY)])
    found += _judge("socket", [(_RETURN, 0, 0, _ERRNO | errno.EACCES)])
    for name in REFUSED:
        found += _judge(name, [(_RETURN, 0, 0, _ERRNO | errno.EPERM)])
    return [*found, (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]


def _own_limits() -> Program:
    """Limits of the process itself, but for the core limit where a new one is given: see `child.py`."""
    body: Program = [(_LOAD, 0, 0, _ARGUMENT), (_EQUAL, 0, 7, 0), (_LOAD, 0, 0, _ARGUMENT + 8), (_EQUAL, 0, 4, _CORE)]
    for half_of_the_new_limit in (_ARGUMENT + 16, _ARGUMENT + 20):
        body += [(_LOAD, 0, 0, half_of_the_new_limit), (_EQUAL, 0, 3 if half_of_the_new_limit == _ARGUMENT + 16 else 1, 0)]
    return _judge("prlimit64", [*body, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)])


def install(instructions: bytes) -> int:
    """Put this process under the filter for good; gives the listener on which the supervisor is asked. Raises: OSError."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("HxxxxxxQ", len(instructions) // 8, ctypes.addressof(code))
    return call("seccomp", _SET_MODE_FILTER, _NEW_LISTENER, ctypes.create_string_buffer(header, len(header)))


def assemble(*, commands: bool = False, landlocked: bool = False) -> bytes:
    """The filter in the kernel's layout, ready for `install`."""
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program(commands=commands, landlocked=landlocked))
