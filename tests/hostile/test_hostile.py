"""Programs that try to get out of the Python environment, hurt it or hurt their neighbours: each line of isolation, attacked.

They run as the caller and, where the caller is root, once more as an ordinary user. `attack.py` runs them and says what it checks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
PROGRAMS = sorted(path for path in HERE.glob("*.py") if path.read_text().startswith("# expect: "))
NOBODY = 65534
PARTS = 4
"""Processes at once: most of the time the programs wait for their time limit."""


@pytest.fixture(scope="module", params=["caller", "ordinary user"])
def outcomes(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """What each program led to, by name; `afterwards` is what was left at the end."""
    root = Path(tempfile.mkdtemp(prefix="hostile-"))
    root.chmod(0o755)
    python, user = sys.executable, None
    if request.param == "ordinary user":
        if os.getuid() != 0:
            pytest.skip("the caller is an ordinary user already")
        python, user = _ordinary_python(root), NOBODY
    with ThreadPoolExecutor(PARTS) as pool:
        parts = pool.map(lambda part: _run_all(python, user, root, PROGRAMS[part::PARTS]), range(PARTS))
    lines = [line for part in parts for line in part]
    shutil.rmtree(root)
    refused = [line["refused"] for line in lines if "refused" in line]
    if refused:
        pytest.skip(refused[0])
    ends = [fault for line in lines if line.get("program") == "afterwards" for fault in line["faults"]]
    return {line["program"]: line for line in lines if "program" in line} | {"afterwards": {"faults": ends}}


def _run_all(python: str, user: int | None, root: Path, programs: list[Path]) -> list[dict[str, Any]]:
    """All programs in one process; if one brings it down, another process goes on behind it."""
    lines: list[dict[str, Any]] = []
    while True:
        done = {line.get("program") for line in lines}
        left = [path for path in programs if path.stem not in done]
        lines += (new := _run(python, user, root, left))
        if any("refused" in line or line.get("program") == "afterwards" for line in new):
            return lines
        lost = next(path.stem for path in left if path.stem not in {line.get("program") for line in new})
        lines.append({"program": lost, "faults": ["brought down the process that ran the environment"]})


def _run(python: str, user: int | None, root: Path, programs: list[Path]) -> list[dict[str, Any]]:
    temporary = Path(tempfile.mkdtemp(dir=root))
    if user is not None:
        os.chown(temporary, user, user)
    environment = os.environ | {"TMPDIR": str(temporary), "EAGDATA_HOSTILE_SECRET": "hostile-secret-5d1f0c", "PYTHONPATH": str(REPO)}
    if user is not None:
        environment["HOME"] = str(temporary)
    done = subprocess.run(
        [python, str(HERE / "attack.py"), *map(str, programs)],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=temporary,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        timeout=300,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def _ordinary_python(root: Path) -> str:
    """An interpreter that an ordinary user can start, with the packages of this one."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if _starts(sys.executable):
        return sys.executable
    if not _starts(system):
        pytest.skip(f"an ordinary user can start neither {sys.executable} nor {system}")
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


@pytest.mark.parametrize("name", [path.stem for path in PROGRAMS])
def test_hostile_program_is_held(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    assert outcomes[name]["faults"] == [], outcomes[name]


def test_nothing_is_left_when_the_environment_is_closed(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["afterwards"]["faults"] == []
