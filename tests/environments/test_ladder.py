"""What is used where the strongest isolation is not to be had: each rung is tried, and refused when it is too weak."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from eagdata.environments.python import PythonEnvironment
from eagdata.environments.sandbox.probe import probe
from eagdata.errors import PrerequisiteError

NAMESPACES = ("unshare", "setns", "mount", "umount2", "pivot_root", "mount_setattr")
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
WITHOUT = """
import asyncio, ctypes, json, struct, sys
from eagdata.environments.python import PythonEnvironment
from eagdata.environments.sandbox import kernel
from eagdata.environments.sandbox.probe import probe
from eagdata.environments.sandbox.syscalls import NUMBERS
from eagdata.errors import PrerequisiteError
from eagdata.records import Action, Task

EPERM, ALLOW = 0x00050001, 0x7FFF0000
def forbid(names):  # as a container's filter does: EPERM, also for a process in new name spaces and for fixed addresses
    rows = [(0x20, 0, 0, 0)]
    for name in names:
        rows += [(0x15, 0, 1, NUMBERS[name]), (6, 0, 0, EPERM)]
    for name, low in (("clone", 0x7E020000), ("personality", 0x40000)):
        rows += [(0x15, 0, 4, NUMBERS[name]), (0x20, 0, 0, 16), (0x15, 2, 0, 0xFFFFFFFF)]
        rows += [(0x45, 0, 1, low), (6, 0, 0, EPERM), (0x20, 0, 0, 0)]
    rows += [(6, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *row) for row in rows)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(rows), ctypes.addressof(buffer))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.call("seccomp", 1, 0, ctypes.create_string_buffer(header, len(header)))

async def main(least):
    try:
        async with PythonEnvironment(PythonEnvironment.Config(min_isolation=least)) as environment:
            episode = await environment.reset(Task(id="t", question="?", verifier="exact"))
            await episode.step(Action(kind="python", text="x = 20"))
            fork = await episode.fork()
            seen = await fork.step(Action(kind="python", text="x + 1"))
            return {"isolation": environment.isolation, "value": seen.value, "walls": await probe()}
    except PrerequisiteError as error:
        return {"refused": str(error), "why": error.why, "mend": error.mend}

forbid(sys.argv[2:])
print(json.dumps(asyncio.run(main(sys.argv[1]))))
"""


def opened_without(calls: tuple[str, ...], *, least: str) -> dict[str, object]:
    """What an environment says that is opened where these system calls are forbidden."""
    done = subprocess.run([sys.executable, "-c", WITHOUT, least, *calls], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_where_name_spaces_are_forbidden_landlock_is_used_with_all_its_walls() -> None:
    found = opened_without(NAMESPACES, least="landlock")
    assert (found["isolation"], found["value"]) == ("landlock", "21")
    walls = found["walls"]
    assert isinstance(walls, dict)
    assert [wall for wall, stands, _ in walls["landlock"] if not stands] == []
    assert [stands for _, stands, _ in walls["namespaces"]] == [False]


def test_where_name_spaces_are_wanted_and_forbidden_a_run_refuses_and_names_the_refused_call() -> None:
    found = opened_without(NAMESPACES, least="namespaces")
    assert "namespaces" in str(found["refused"])
    assert "unshare" in str(found["why"])


def test_without_landlock_too_a_run_refuses_unless_the_programs_are_trusted() -> None:
    found = opened_without(NAMESPACES + LANDLOCK, least="landlock")
    assert "landlock" in str(found["why"])
    assert "min_isolation=process" in str(found["mend"])
    trusted = opened_without(NAMESPACES + LANDLOCK, least="process")
    assert (trusted["isolation"], trusted["value"]) == ("process", "21")


async def test_off_linux_every_rung_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    for name in ("memfd_create", "pidfd_open"):
        monkeypatch.delattr(os, name)
    with pytest.raises(PrerequisiteError) as caught:
        async with PythonEnvironment(PythonEnvironment.Config(min_isolation="process")):
            pass
    assert "needs Linux, this is darwin" in (caught.value.why or "")
    assert {walls[0][:2] for walls in (await probe()).values()} == {("start", False)}
