"""The sandbox claims nothing that is not attacked."""

from __future__ import annotations

import re

import pytest

from .covered import NUMBERS, Claim, claims
from .traps import REPO

TESTS = {
    name
    for path in (REPO / "tests" / "environments").glob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.M)
}


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.text[:60])
def test_each_covered_line_names_attacks_that_exist(claim: Claim) -> None:
    assert claim.attacks
    assert [attack for attack in claim.attacks if attack not in NUMBERS and attack not in TESTS] == []


def test_each_hostile_program_attacks_a_covered_line() -> None:
    named = {attack for claim in claims() for attack in claim.attacks}
    assert [number for number in NUMBERS if number not in named] == []


def test_no_two_programs_have_one_number() -> None:
    assert len(set(NUMBERS)) == len(NUMBERS)
