"""The first line of a program is read in our own form strictly and in anybody else's leniently."""

from __future__ import annotations

from pathlib import Path

import pytest

from eagdata.records import Observation

from .corpus import PROGRAMS, Program

TIMEOUT, MEMORY = Observation(status="timeout", kind="timeout", text=""), Observation(status="limit", kind="memory", text="")
REFUSED, OTHER = Observation(status="error", kind="PermissionError", text=""), Observation(status="error", kind="ValueError", text="")
FINE, CAUGHT = Observation(status="ok", text=""), Observation(status="ok", text="PermissionError: no")


@pytest.mark.parametrize(
    ("head", "safe", "unsafe"),
    [
        ("# expect: timeout", [TIMEOUT], [FINE, MEMORY]),
        ("# timeout", [TIMEOUT], [FINE, MEMORY]),
        ("# expected: PermissionError", [REFUSED, CAUGHT], [FINE, OTHER, TIMEOUT]),
        ("# safe outcome: memory limit or killed", [MEMORY], [FINE, TIMEOUT]),
        ("# Expected safe outcome: hits the time limit", [TIMEOUT], [MEMORY]),
        ("# expect: error PermissionError|OSError, limit", [REFUSED, MEMORY], [OTHER, FINE]),
        ("# must stay inside", [TIMEOUT, MEMORY, REFUSED, FINE], []),
        ("import os", [TIMEOUT, MEMORY, REFUSED, FINE], []),
    ],
)
def test_known_words_become_the_expectation(tmp_path: Path, head: str, safe: list[Observation], unsafe: list[Observation]) -> None:
    path = tmp_path / "01-foreign.py"
    path.write_text(f"{head}\nx = 1\n")
    program = Program.read(path)
    assert program.head == head
    assert [program.allows(outcome) for outcome in safe] == [True] * len(safe)
    assert [program.allows(outcome) for outcome in unsafe] == [False] * len(unsafe)


def test_all_programs_here_are_in_our_own_form() -> None:
    assert [path.name for path in PROGRAMS if not Program.read(path).text.startswith("poisoned = True")] == []
