"""Runs hostile programs in processes of their own: a given isolation, as the caller or as an ordinary user, several at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .traps import REPO

NOBODY = 65534
PARTS = 4
"""Processes at once: most of the time the programs wait for their time limit."""
_TIMEOUT_S = 900
Line = dict[str, Any]


class Impossible(Exception):
    """The programs cannot be run in this way on this machine, and why."""


def outcomes(programs: Sequence[Path], *, tier: str, user: int | None) -> dict[str, Line]:
    """What each program led to, by name; `afterwards` is what was left at the end. `user`: the uid to run as; None: the caller's.

    In `process` a program may start others, so all of it runs in an outer pid and network space. Raises: Impossible.
    """
    root = Path(tempfile.mkdtemp(prefix="hostile-"))
    root.chmod(0o755)
    try:
        command = [_ordinary_python(root) if user is not None else sys.executable, "-m"]
        command += ["tests.hostile.outer", *command] if tier == "process" else []
        command += ["tests.hostile.attack", tier]
        with ThreadPoolExecutor(PARTS) as pool:
            parts = pool.map(lambda part: _run_all(command, user, root, programs[part::PARTS]), range(min(PARTS, len(programs))))
        lines = [line for part in parts for line in part]
    finally:
        shutil.rmtree(root)
    refused = [line["refused"] for line in lines if "refused" in line]
    if refused:
        raise Impossible(refused[0])
    ends = [fault for line in lines if line.get("program") == "afterwards" for fault in line["faults"]]
    return {line["program"]: line for line in lines if "program" in line} | {"afterwards": {"faults": ends, "deviations": []}}


def _run_all(command: list[str], user: int | None, root: Path, programs: Sequence[Path]) -> list[Line]:
    """All programs in one process; if one brings it down, another process goes on behind it."""
    lines: list[Line] = []
    while True:
        done = {line.get("program") for line in lines}
        left = [path for path in programs if path.stem not in done]
        lines += (new := _run(command, user, root, left))
        if any("refused" in line or line.get("program") == "afterwards" for line in new):
            return lines
        if not new:
            return [*lines, {"refused": f"it does not start: {' '.join(command)}"}]
        lost = [path.stem for path in left if path.stem not in {line.get("program") for line in new}][:1] or ["afterwards"]
        lines.append({"program": lost[0], "faults": ["brought down the process that ran the environment"], "deviations": []})
        if lost == ["afterwards"]:
            return lines


def _run(command: list[str], user: int | None, root: Path, programs: Sequence[Path]) -> list[Line]:
    temporary = Path(tempfile.mkdtemp(dir=root))
    environment = os.environ | {"TMPDIR": str(temporary), "EAGDATA_HOSTILE_SECRET": "hostile-secret-5d1f0c", "PYTHONPATH": str(REPO)}
    if user is not None:
        os.chown(temporary, user, user)
        environment["HOME"] = str(temporary)
    done = subprocess.run(
        [*command, *map(str, programs)],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=temporary,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        timeout=_TIMEOUT_S,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


def _ordinary_python(root: Path) -> str:
    """An interpreter that an ordinary user can start, with the packages of this one. Raises: Impossible."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if _starts(sys.executable):
        return sys.executable
    if not _starts(system):
        raise Impossible(f"an ordinary user can start neither {sys.executable} nor {system}")
    subprocess.run([system, "-m", "venv", "--without-pip", root / "venv"], check=True)
    packages = next((root / "venv").glob("lib/*/site-packages"))
    (packages / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n")
    return str(root / "venv/bin/python")


def _starts(python: str) -> bool:
    try:
        return (
            subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], check=False, capture_output=True).returncode == 0
        )
    except OSError:
        return False
