"""Runs in the box: commands of bash, or of any program of the machine, each in a cell of its own (`cell.py`).

The state between commands is what a row can say of it: the files, the working folder, the exported variables. Nothing runs on. The
harness itself never runs a program of the model in its own process, so what it says of an exit status is so.

Kinds of action:
  bash    a script; what it wrote to both outputs is shown. Fails as `exit N`, as a shell counts (128 + signal).
  exec    JSON {"argv": [...], "stdin": "", "files": {path: text}, "timeout_s": s}, all but argv optional, in /box, with none of the
          exported variables. Value: JSON {"exit": n or null, "signal": n or null, "timeout": bool, "stdout", "stderr", "cut": bool}.
  verify  JSON {"command": "bash verify.sh", "files": {path: text}}: runs it in /verify, where nothing of the model can be, with none
          of its variables. Value: JSON {"exit", "signal", "output_sha256", "tail"}.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from ..cell import Bounds, Command, Stream, run
from ..interpreter import OUTPUT_FD
from ..namespaces import BOX, STAGE

_SHELL = ("/bin/bash", "--noprofile", "--norc")
_STATE_FD, _SCRIPT_FD = 250, 251
_SAVE = f'{{ builtin pwd -P; builtin printf "\\0"; /usr/bin/env -0; builtin printf "\\0"; }} >&{_STATE_FD} 2>/dev/null'
_PROGRAM = (
    f"trap '[[ $__end ]] || {_SAVE}' EXIT; builtin mapfile -d '' -u {_SCRIPT_FD} __script; exec {_SCRIPT_FD}<&-; "
    f'eval "${{__script[0]}}"; {{ __end=$?; {_SAVE}; exit $__end; }} 2>/dev/null'
)
"""On one line, so that bash numbers the lines of the script from 1. The state is also saved when the script calls `exit`."""
_MAX_STATE_BYTES = 100_000
"""Linux refuses to start a program with a variable of more than 128 KiB."""
_BUILTINS = ("builtin", "eval", "exec", "exit", "mapfile", "printf", "pwd", "trap")
_NOT_KEPT = frozenset(f"BASH_FUNC_{name}%%" for name in _BUILTINS) | frozenset(
    {"_", "__end", "__script", "BASH_ENV", "ENV", "BASHOPTS", "SHELLOPTS", "LD_AUDIT", "LD_PRELOAD", "PWD", "SHLVL"}
)
"""They would act on the next shell before its script does."""
_TAIL_BYTES = 400


class Commands:
    """The working folder and the exported variables; the files are in the box."""

    def __init__(self, bounds: Bounds, *, path: str, value_chars: int) -> None:
        self._bounds = bounds
        self._value_chars = value_chars
        names = ("LC_ALL", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TZ")
        self._fresh = {name: os.environ[name] for name in names} | {"PATH": path, "HOME": BOX, "USER": "box", "TERM": "dumb"}
        self._environ = self._fresh
        self._folder = BOX

    def execute(self, kind: str, text: str) -> str | None:
        """Raises: `exit N` for a script that fails; OutOfMemory; CellFailure; ValueError for a text that is not of its kind."""
        if kind == "exec":
            return self._exec(json.loads(text))
        if kind == "verify":
            return self._verify(json.loads(text))
        self._bash(text)
        return None

    def _bash(self, script: str) -> None:
        state, source = _file(b"", _STATE_FD), _file(script.replace("\0", "").encode("utf-8", "surrogateescape"), _SCRIPT_FD)
        shown = _Shown()
        try:
            command = Command(
                argv=[*_SHELL, "-c", _PROGRAM, "bash"], environ=self._environ, folder=self._folder, kept=(_STATE_FD, _SCRIPT_FD)
            )
            code = run(command, [Stream((1, 2), shown.take)], self._bounds).code
            self._keep(os.pread(state, _MAX_STATE_BYTES, 0))
        finally:
            os.close(state)
            os.close(source)
        if code:
            shown.end_line()
            raise _failure(code)

    def _keep(self, saved: bytes) -> None:
        """Take over the folder and the variables that the script left; those of before where it left none."""
        record = saved.rpartition(b"\0\0")[0].rpartition(b"\0\0")[2]
        if not record or len(saved) == _MAX_STATE_BYTES:
            return
        folder, _, variables = record.partition(b"\0")
        self._folder = os.fsdecode(folder.removesuffix(b"\n")) or BOX
        pairs = (os.fsdecode(entry).partition("=") for entry in variables.split(b"\0"))
        self._environ = {name: value for name, _, value in pairs if name and name not in _NOT_KEPT}

    def _exec(self, wanted: dict[str, Any]) -> str:
        out, err = (_Kept(self._value_chars) for _ in range(2))
        stdin = _file(wanted.get("stdin", "").encode("utf-8", "surrogateescape"))
        try:
            command = Command(
                argv=wanted["argv"], environ=self._fresh, stdin=stdin, files=wanted.get("files", {}), timeout_s=wanted.get("timeout_s")
            )
            code = run(command, [Stream((1,), out.take), Stream((2,), err.take)], self._bounds).code
        finally:
            os.close(stdin)
        found = _ended(code) | {"timeout": code is None, "stdout": out.text(), "stderr": err.text(), "cut": out.cut or err.cut}
        return _fitted(found, self._value_chars)

    def _verify(self, wanted: dict[str, Any]) -> str:
        digest, tail = hashlib.sha256(), bytearray()

        def take(data: bytes) -> None:
            digest.update(data)
            tail.extend(data)
            del tail[:-_TAIL_BYTES]

        command = Command(
            argv=[*_SHELL, "-c", wanted["command"]], environ=self._fresh | {"HOME": STAGE}, folder=STAGE, files=wanted["files"], staged=True
        )
        code = run(command, [Stream((1, 2), take)], self._bounds).code
        return json.dumps(_ended(code) | {"output_sha256": digest.hexdigest(), "tail": tail.decode(errors="replace")})


class _Shown:
    """Output that goes to the observation."""

    def __init__(self) -> None:
        self._last = b"\n"

    def take(self, data: bytes) -> None:
        self._last = data[-1:] or self._last
        while data:
            data = data[os.write(OUTPUT_FD, data) :]

    def end_line(self) -> None:
        if self._last != b"\n":
            self.take(b"\n")


class _Kept:
    """The beginning of an output, in memory."""

    def __init__(self, chars: int) -> None:
        self._data, self._room, self.cut = bytearray(), 4 * chars, False

    def take(self, data: bytes) -> None:
        self.cut |= len(data) > self._room - len(self._data)
        self._data += data[: self._room - len(self._data)]

    def text(self) -> str:
        return self._data.decode("utf-8", "backslashreplace")


def _fitted(found: dict[str, Any], chars: int) -> str:
    """The JSON of `found`, the longer output halved until it fits: a value is cut at `chars`, and cut JSON is none."""
    while len(text := json.dumps(found)) > chars:
        longer = max(("stdout", "stderr"), key=lambda name: len(found[name]))
        if not found[longer]:
            break
        found |= {longer: found[longer][: len(found[longer]) // 2], "cut": True}
    return text


def _ended(code: int | None) -> dict[str, Any]:
    return {"exit": code if code is not None and code >= 0 else None, "signal": -code if code is not None and code < 0 else None}


def _failure(code: int) -> Exception:
    """An error whose name is what it says: `exit 1`."""
    kind: type[Exception] = type(f"exit {code if code > 0 else 128 - code}", (Exception,), {"__module__": "builtins"})
    return kind()


def _file(content: bytes, number: int | None = None) -> int:
    """An open file in memory, at its beginning."""
    fd = os.memfd_create("file", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    if number is None:
        return fd
    os.dup2(fd, number, inheritable=False)
    os.close(fd)
    return number


def start(settings: dict[str, Any]) -> Commands:
    """The harness of a task: `memory_mb`, `disk_mb`, `processes`, `path`, `value_chars`."""
    bounds = Bounds(memory_mb=settings["memory_mb"], disk_mb=settings["disk_mb"], processes=settings["processes"])
    return Commands(bounds, path=settings["path"], value_chars=settings["value_chars"])
