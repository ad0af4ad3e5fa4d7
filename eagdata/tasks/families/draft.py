"""What a family draws: a task without its bookkeeping."""

from __future__ import annotations

from dataclasses import dataclass, field

from eagdata.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One problem of a family. `kind` names the template it came from."""

    kind: str
    question: str
    verifier: str
    reference: Json
    answer: str
    environment_config: dict[str, Json] = field(default_factory=dict)


def dial(low: float, high: float, difficulty: float) -> int:
    """The whole number between `low` (difficulty 0) and `high` (difficulty 1)."""
    return round(low + (high - low) * difficulty)


def listed(items: list[str]) -> str:
    """Prose list: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def ordinal(number: int) -> str:
    """English ordinal: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 <= number % 100 <= 20 else endings.get(number % 10, 'th')}"
