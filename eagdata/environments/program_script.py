"""Runs in a box: a program as `python main.py < stdin`. This text is sent into the box, so it imports no eagdata.

Nothing here resists the program: it owns its process, and what it says of itself is data.
"""

from __future__ import annotations

import atexit
import base64
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable

STDIN, STDOUT, STDERR = ".stdin", ".stdout", ".stderr"


def run(source: str) -> int:
    """Exit status. Input is read from a file, output lies in two: the streams of the box itself hold both mixed, and cut."""
    for number, (name, flags) in enumerate(((STDIN, os.O_RDONLY), (STDOUT, os.O_RDWR), (STDERR, os.O_RDWR))):
        opened = os.open(name, flags | (os.O_CREAT | os.O_APPEND if number else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    for name, number, mode, errors in (
        ("stdin", 0, "r", "surrogateescape"),
        ("stdout", 1, "w", "surrogateescape"),
        ("stderr", 2, "w", "backslashreplace"),
    ):
        stream = open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115  # open as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv[:] = ["main.py"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = "main.py"
    status = _ended(lambda: exec(compile(source, "main.py", "exec", dont_inherit=True), main.__dict__))
    status = _ended(threading._shutdown) or status  # type: ignore[attr-defined]  # Python, too, waits for threads before it goes
    atexit._run_exitfuncs()
    return _ended(sys.stdout.flush) or _ended(sys.stderr.flush) or status


def read(name: str, start: int, most: int) -> str:
    """Bytes of one of the files, in base64."""
    with open(name, "rb") as file:
        file.seek(start)
        return base64.b64encode(file.read(most)).decode()


def _ended(part: Callable[[], object]) -> int:
    """Exit status of a part of the run, as Python would give it."""
    try:
        part()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException as error:
        own = error.__traceback__ and error.__traceback__.tb_next and error.__traceback__.tb_next.tb_next
        traceback.print_exception(type(error), error, own)
        return 1
    return 0
