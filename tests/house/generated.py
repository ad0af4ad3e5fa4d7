"""What is generated from the code: schemas and the command reference. `python -m tests.house.generated` writes them."""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.testing import CliRunner

from eagdata.cli import _group, _Lazy
from eagdata.cli.schema import NAMES, schema_of
from eagdata.teachers import faults

ROOT = Path(__file__).parents[2]


def files() -> dict[Path, str]:
    """Path -> what it must hold."""
    found = {ROOT / "schemas" / f"{name}.schema.json": json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n" for name in NAMES}
    found[ROOT / "docs" / "commands.md"] = _commands()
    found[ROOT / "docs" / "faults.md"] = _faults()
    return found


def _commands() -> str:
    parts = ["# Commands\n", "Written by `make docs` from the commands themselves.\n"]
    runner = CliRunner()
    for arguments in ([], *([name] for name in _Lazy.COMMANDS)):
        shown = runner.invoke(_group, [*arguments, "--help"], prog_name="eagdata", terminal_width=100).output
        parts.append(f"## `{' '.join(['eagdata', *arguments])}`\n\n```\n{click.unstyle(shown).rstrip()}\n```\n")
    return "\n".join(parts)


def _faults() -> str:
    told = (faults.__doc__ or "").strip()
    return f"# What an endpoint may do\n\nWritten by `make docs` from `eagdata/teachers/faults.py`.\n\n```\n{told}\n```\n"


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
