"""TRL trains on the exports. Its environment has `trl`, with `torch` for the CPU, beside eagdata's own packages."""

from __future__ import annotations

import pytest

from tests.exporters import trainers

pytest.importorskip("trl")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", trainers.CASES)
def test_trl_trains_two_steps_and_learns_what_may_be_learned(name: str) -> None:
    trainers.check(name)
