"""What the README says is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from eagdata.cli import _Lazy
from eagdata.recipe import shipped_recipes

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_python_block_runs_as_it_stands(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d of 9\n", done.stdout)


def test_commands_options_and_recipes_that_it_names_exist() -> None:
    for command in re.findall(r"(?:^|`)eagdata ([a-z]+)", README, flags=re.MULTILINE):
        assert command in _Lazy.COMMANDS, command
    for recipe in re.findall(r"eagdata (?:generate|init) ([a-z][a-z0-9]+)", README):
        assert recipe in shipped_recipes()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)\b", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
