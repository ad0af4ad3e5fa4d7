"""The self-test: each wall of a tier is attacked by a program in it before the tier is used. A wall is believed only where it stood."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import locations
from .frames import Frame
from .process import Ended
from .supervisor import BoxFailure, Program, Zygote

TIERS = ("namespaces", "landlock", "process")
"""Strongest first."""
_MEMORY_MB = 256
_TIMEOUT_S = 0.1
_ANSWER_TIMEOUT_S = 10.0
_NEEDED = {"namespaces": None, "landlock": None, "process": {"memory", "timeout"}}
"""Walls that a tier must have to be used; None: all."""

_ATTACKS = {
    "file": "open({secret!r}).read()",
    "environment": """
import os
names = set(os.environ)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        names |= {{entry.partition("=")[0] for entry in open(f"/proc/{{pid}}/environ").read().split(chr(0)) if entry}}
    except OSError:
        pass
if not names - {known!r}:
    raise OSError("nothing but the box's own")
""",
    "network": "import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
    "fork": "import os\nif os.fork() == 0: os._exit(0)",
    "kill": "import os; os.kill({pid}, 0)",
    "write": "open({folder!r} + '/written', 'w')",
}

Finding = tuple[str, bool, str]
"""A wall's name, whether it stands, and what was seen."""


@dataclass(frozen=True, slots=True)
class _Bait:
    """What an attack would reach if its wall were missing: all of it open to every user of the host."""

    secret: str
    folder: str
    port: int
    pid: int
    known: set[str]


async def probe() -> dict[str, list[Finding]]:
    """What stands in each tier on this machine, found by attacking it. A tier that does not even start has one finding, `start`."""
    found: dict[str, list[Finding]] = {}
    for tier in TIERS:
        zygote = Zygote(tier, disk_mb=16, tasks=512)
        try:
            await zygote.start()
            found[tier] = await attack(zygote)
        except BoxFailure as error:
            found[tier] = [("start", False, str(error))]
        finally:
            await zygote.close()
    return found


async def missing_walls(zygote: Zygote) -> list[str]:
    """The walls that this box's tier needs and that do not stand, with what was seen. Raises: BoxFailure."""
    needed = _NEEDED[zygote.tier]
    return [f"{wall}: {seen}" for wall, stands, seen in await attack(zygote) if not stands and (needed is None or wall in needed)]


async def attack(zygote: Zygote) -> list[Finding]:
    """One finding for each wall. Raises: BoxFailure."""
    program = await zygote.spawn(_MEMORY_MB)
    try:
        with _bait() as bait:
            fields = {name: getattr(bait, name) for name in bait.__slots__}
            found = [await _try(program, wall, source.format(**fields)) for wall, source in _ATTACKS.items()]
            found[-1] = _unless_written(found[-1], bait)
        return [*found, await _exhaust(program), await _overrun(program)]
    finally:
        zygote.release(program)


@contextmanager
def _bait() -> Iterator[_Bait]:
    with tempfile.TemporaryDirectory(prefix="eagdata-bait-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        os.chmod(folder, 0o777)
        secret = os.path.join(folder, "secret")
        with open(secret, "w") as file:
            file.write("canary")
        os.chmod(secret, 0o644)
        yield _Bait(secret, folder, server.getsockname()[1], os.getpid(), {*locations.environment(), "LC_CTYPE"})


async def _run(program: Program, source: str, *, timeout_s: float) -> dict[str, object]:
    frame: Frame = {"op": "run", "kind": "python", "source": source, "number": 1, "value_chars": 100}
    return await program.process.request(frame, timeout_s=timeout_s)


async def _try(program: Program, wall: str, source: str) -> Finding:
    """An attack that ends in an OSError was refused; anything else is a wall that is not there."""
    body = "".join(f"    {line}\n" for line in source.strip().splitlines())
    try:
        await _run(program, f"try:\n{body}except OSError as error:\n    print('refused:', error)\n", timeout_s=_ANSWER_TIMEOUT_S)
    except Ended as error:
        raise BoxFailure(f"the attack on {wall!r} ended the program: {error.how}") from error
    seen = program.process.take_output(400).strip()
    return (wall, seen.startswith("refused:"), seen or "the attack went through")


def _unless_written(finding: Finding, bait: _Bait) -> Finding:
    written = os.path.exists(os.path.join(bait.folder, "written"))
    return (finding[0], False, "the file is there") if written else finding


async def _exhaust(program: Program) -> Finding:
    try:
        answer = await _run(program, f"bytearray({2 * _MEMORY_MB} << 20)[0]", timeout_s=_ANSWER_TIMEOUT_S)
    except Ended as error:
        return ("memory", True, error.how)
    return ("memory", answer.get("kind") == "memory", f"{answer.get('kind')} at {_MEMORY_MB} MB")


async def _overrun(program: Program) -> Finding:
    try:
        await _run(program, "while True: pass", timeout_s=_TIMEOUT_S)
    except Ended as error:
        return ("timeout", error.how == "timeout", f"{error.how} after {_TIMEOUT_S} s")
    return ("timeout", False, "it came back")
