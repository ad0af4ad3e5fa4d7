"""The same tasks made once more by another interpreter, whose hash seed differs: sets and dicts that leak their order show here.

Source: measured on reasoning-gym 0.1.25, where five families give other tasks under another PYTHONHASHSEED.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib import import_module
from typing import Any

from eagdata.contracts import TaskSource
from eagdata.errors import VerifierError
from eagdata.records import Task, canonical, sha256

_MAIN = "from eagdata.pipeline.remaking import _main; _main()"
_LAST_CHARS = 500


def fingerprint(task: Task) -> str:
    """SHA-256 of what is asked, how it is judged, and what is right."""
    return sha256(canonical([task.id, task.key, task.answer, task.solution]))


async def remade(source: type[object], config: object, n: int, *, seed: int) -> list[str]:
    """Fingerprints of the tasks that a source of this class and settings makes under another hash seed, in their order.

    Raises: VerifierError if the other interpreter fails.
    """
    from pydantic import TypeAdapter

    order = {
        "module": source.__module__,
        "name": source.__qualname__,
        "config": TypeAdapter(type(config)).dump_python(config, mode="json"),
        "n": n,
        "seed": seed,
    }
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": other, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _MAIN, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    try:
        out, said = await process.communicate(json.dumps(order).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        why = said.decode(errors="replace")[-_LAST_CHARS:]
        raise VerifierError("the tasks could not be made a second time, under another hash seed", why=why)
    found: list[str] = json.loads(out)
    return found


def _main() -> None:
    """In the other interpreter: order on stdin, fingerprints on stdout."""
    from pydantic import TypeAdapter

    order = json.load(sys.stdin)
    kind: Any = import_module(order["module"])  # then a class with `Config`, which no type can say of what is named in a message
    for name in order["name"].split("."):
        kind = getattr(kind, name)
    source: TaskSource = kind(TypeAdapter(kind.Config).validate_python(order["config"]))
    json.dump([fingerprint(task) for task in source.tasks(order["n"], seed=order["seed"])], sys.stdout)
