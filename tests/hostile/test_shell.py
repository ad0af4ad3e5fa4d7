"""Scripts that try to get out of the shell environment, hurt it or hurt their neighbours, run as the caller and as an ordinary user.

`shell_attack.py` runs them and says what it checks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .runner import NOBODY, Impossible, _ordinary_python
from .shell_attack import SCRIPTS, SECRET
from .traps import REPO

PARTS = 4
"""Processes at once: most of the time the scripts wait for their time limit."""


@pytest.fixture(scope="module", params=["caller", "ordinary user"])
def found(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """What each script led to, by name; `afterwards` is what was left at the end."""
    ordinary = request.param == "ordinary user"
    if ordinary and os.getuid() != 0:
        pytest.skip("the caller is an ordinary user already")
    root = Path(tempfile.mkdtemp(prefix="hostile-"))
    root.chmod(0o755)
    try:
        python, user = (_ordinary_python(root), NOBODY) if ordinary else (sys.executable, None)
        with ThreadPoolExecutor(PARTS) as pool:
            parts = pool.map(lambda part: _run(python, user, root, SCRIPTS[part::PARTS]), range(PARTS))
        lines = [line for part in parts for line in part]
    except Impossible as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(root)
    if refused := [line["refused"] for line in lines if "refused" in line]:
        pytest.skip(refused[0])
    ends = [line for line in lines if line["program"] == "afterwards"]
    assert len(ends) == PARTS, "a script brought down the process that ran the environment"
    return {line["program"]: line for line in lines} | {"afterwards": {"faults": [fault for line in ends for fault in line["faults"]]}}


def _run(python: str, user: int | None, root: Path, scripts: list[Path]) -> list[dict[str, Any]]:
    temporary = Path(tempfile.mkdtemp(dir=root))
    environment = os.environ | {"TMPDIR": str(temporary), "EAGDATA_HOSTILE_SECRET": SECRET, "PYTHONPATH": str(REPO)}
    if user is not None:
        os.chown(temporary, user, user)
        environment["HOME"] = str(temporary)
    done = subprocess.run(
        [python, "-m", "tests.hostile.shell_attack", *map(str, scripts)],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=temporary,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        timeout=600,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_hostile_script_is_held(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["faults"] == [], found[name]


def test_nothing_is_left_when_the_environment_is_closed(found: dict[str, dict[str, Any]]) -> None:
    assert found["afterwards"]["faults"] == []
