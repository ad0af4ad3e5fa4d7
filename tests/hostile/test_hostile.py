"""Programs that try to get out of the Python environment, hurt it or hurt their neighbours: each line of isolation, attacked.

They run as the caller and, where the caller is root, once more as an ordinary user. `attack.py` runs them and says what it checks.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from .corpus import PROGRAMS
from .runner import NOBODY, Impossible, outcomes


@pytest.fixture(scope="module", params=["caller", "ordinary user"])
def found(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """What each program led to, by name; `afterwards` is what was left at the end."""
    ordinary = request.param == "ordinary user"
    if ordinary and os.getuid() != 0:
        pytest.skip("the caller is an ordinary user already")
    try:
        return outcomes(PROGRAMS, tier="auto", user=NOBODY if ordinary else None)
    except Impossible as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [path.stem for path in PROGRAMS])
def test_hostile_program_is_held(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["faults"] + found[name]["deviations"] == [], found[name]


def test_nothing_is_left_when_the_environment_is_closed(found: dict[str, dict[str, Any]]) -> None:
    assert found["afterwards"]["faults"] == []
