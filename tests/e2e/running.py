"""The command line, run as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path


def eagdata(
    *arguments: object, cwd: Path, env: dict[str, str] | None = None, check: int | None = 0, timeout_s: float = 280
) -> subprocess.CompletedProcess[str]:
    """Run a command; `check`: the exit code that it must have (None: any)."""
    done = subprocess.run(
        [sys.executable, "-m", "eagdata.cli", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


def last_json(done: subprocess.CompletedProcess[str]) -> dict:  # type: ignore[type-arg]
    """The one object that --json prints."""
    lines = done.stdout.splitlines()
    assert len(lines) == 1, f"stdout is not one line: {done.stdout[:500]}"
    return json.loads(lines[0])


def digests(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of all that two runs of one digest must have alike. `plan.json` also holds what may differ, e.g. concurrency."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".db" and not path.name.startswith(("run.db", ".lock", "plan.json")):
            data = path.read_bytes()
            if path.name == "manifest.json":
                manifest = json.loads(data)
                manifest.pop("time")
                data = json.dumps(manifest, sort_keys=True).encode()
            found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found
