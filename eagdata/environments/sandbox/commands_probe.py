"""The self-test of a box for commands: each of its walls is attacked by a command before it is used."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .locations import environment, search_path
from .process import Ended
from .supervisor import COMMANDS, BoxFailure, Program, Zygote

_MEMORY_MB = 64
_PROCESSES = 32
_ANSWER_TIMEOUT_S = 20.0
_DISK_MB = 16
_KNOWN = frozenset({*environment(), "_", "PWD", "SHLVL", "TERM", "USER"})
"""Variables that commands have anyway."""

_ATTACKS = {
    "file": "cat {secret}",
    "write": "echo x > {folder}/written || echo x > /usr/written || echo x > /written",
    "environment": "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -E '^({names})='",
    "network": "exec 3<> /dev/tcp/127.0.0.1/{port}",
    "kill": "kill -0 {pid}",
    "namespaces": "unshare -U true || unshare -n true || mount -t tmpfs none /tmp",
    "privileges": "grep -E '^Cap[A-Z][a-z]+:.*[1-9a-f]' /proc/self/status || grep 'NoNewPrivs:.0' /proc/self/status",
    "fork": "awk 'BEGIN {{ for (i = 0; i < 2 * {processes}; i++) print 1 | (\"cat >&2 #\" i) }}'",
}
"""Each exits with 0 where its wall is missing."""

Finding = tuple[str, bool, str]
"""A wall's name, whether it stands, and what was seen."""


async def probe() -> list[Finding]:
    """What stands of a box for commands on this machine, found by attacking it; one finding, `start`, where it does not start."""
    zygote = Zygote("namespaces", disk_mb=_DISK_MB, tasks=512, host=COMMANDS)
    try:
        await zygote.start()
        return await attack(zygote)
    except BoxFailure as error:
        return [("start", False, str(error))]
    finally:
        await zygote.close()


async def missing_walls(zygote: Zygote) -> list[str]:
    """The walls that do not stand, with what was seen. Raises: BoxFailure."""
    return [f"{wall}: {seen}" for wall, stands, seen in await attack(zygote) if not stands]


async def attack(zygote: Zygote) -> list[Finding]:
    """One finding for each wall. Raises: BoxFailure."""
    program = await zygote.spawn(_MEMORY_MB)
    try:
        await _start(program)
        if (await _run(program, "true"))[0].get("status") != "ok":
            raise BoxFailure("bash does not run in it")
        with _bait(program.process.pid) as bait:
            found = [await _try(program, wall, script.format(**bait)) for wall, script in _ATTACKS.items()]
        return [*found, await _linger(program), await _exhaust(program)]
    except Ended as error:
        raise BoxFailure(f"a command ended the box: {error.how}") from error
    finally:
        zygote.release(program)


@contextmanager
def _bait(pid: int) -> Iterator[dict[str, object]]:
    """What an attack would reach if its wall were missing."""
    with tempfile.TemporaryDirectory(prefix="eagdata-bait-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        os.chmod(folder, 0o777)
        secret = os.path.join(folder, "secret")
        with open(secret, "w") as file:
            file.write("canary")
        names = "|".join(name for name in os.environ if name not in _KNOWN and name.isidentifier())
        where = {"secret": secret, "folder": folder, "port": server.getsockname()[1]}
        yield {**where, "names": names, "pid": pid, "processes": _PROCESSES}


async def _start(program: Program) -> None:
    settings = {"memory_mb": _MEMORY_MB, "disk_mb": _DISK_MB, "processes": _PROCESSES, "path": search_path(), "value_chars": 1000}
    frame: dict[str, object] = {"op": "start", "seed": 0, "files": {}, "host": COMMANDS, "settings": settings}
    answer = await program.process.request(frame, timeout_s=_ANSWER_TIMEOUT_S)
    if answer.get("failed") is not None:
        raise BoxFailure(str(answer["failed"]))


async def _run(program: Program, script: str) -> tuple[dict[str, object], str]:
    frame: dict[str, object] = {"op": "run", "kind": "bash", "source": script, "number": 1, "value_chars": 1000}
    answer = await program.process.request(frame, timeout_s=_ANSWER_TIMEOUT_S)
    return answer, program.process.take_output(400).strip()


async def _try(program: Program, wall: str, script: str) -> Finding:
    answer, seen = await _run(program, script)
    refused = answer.get("status") == "error" and str(answer.get("kind")).startswith("exit ")
    return (wall, refused, seen if refused else f"the attack went through: {seen} {json.dumps(answer)}")


async def _linger(program: Program) -> Finding:
    """Whether a process of one command is still there in the next."""
    await _run(program, "setsid sleep 4321 & disown")
    _, seen = await _run(program, "grep -ls '[4]321' /proc/[0-9]*/cmdline; true")
    return ("leftovers", not seen, seen or "nothing is left running")


async def _exhaust(program: Program) -> Finding:
    """Two processes, each within its own limits, take too much together."""
    hog = f"for i in 1 2; do head -c {_MEMORY_MB}000000 /dev/zero | tail | sleep 5 & done; wait"
    answer, seen = await _run(program, hog)
    return ("memory", answer.get("status") == "limit", seen or f"{answer.get('kind')} at {_MEMORY_MB} MB")
