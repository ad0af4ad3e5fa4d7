"""What the sandbox's docstring claims to hold, and the attacks that each of its lines names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eagdata.environments import sandbox

from .corpus import PROGRAMS

_TIERS = {"N": "namespaces", "L": "landlock", "P": "process"}
_LINE = re.compile(r"- (?P<text>.+) \((?P<tiers>[NLP](?:, [NLP])*)\)(?P<rest>[^\[]*) \[(?P<attacks>[^\]]+)\]")
NUMBERS = [path.name[:2] for path in PROGRAMS]


@dataclass(frozen=True)
class Claim:
    """One line of the covered list."""

    text: str
    tiers: frozenset[str]
    attacks: tuple[str, ...]
    """Numbers of programs, or names of tests."""


def claims() -> list[Claim]:
    """Raises: ValueError for a line that does not end in its tiers and its attacks."""
    listed = (sandbox.__doc__ or "").partition("\nCovered")[2].partition("\nNot covered")[0].partition("\n\n")[2]
    found = []
    for line in re.sub(r"\n +", " ", listed).strip().splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"no tiers and attacks at the end of: {line}")
        attacks = tuple(number for attack in match["attacks"].split() for number in _spread(attack))
        found.append(Claim(match["text"], frozenset(_TIERS[letter] for letter in match["tiers"].split(", ")), attacks))
    return found


def claimed(tier: str) -> set[str]:
    """Numbers of the programs that attack what this tier claims to hold."""
    return {attack for claim in claims() if tier in claim.tiers for attack in claim.attacks}


def _spread(attack: str) -> list[str]:
    """`06-10` as all numbers of programs from 06 to 10. Raises: ValueError if an end of it is no program."""
    first, dash, last = attack.partition("-")
    return NUMBERS[NUMBERS.index(first) : NUMBERS.index(last) + 1] if dash and len(attack) == 5 else [attack]
