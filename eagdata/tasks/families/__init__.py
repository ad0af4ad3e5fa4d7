"""The built-in families: each a function `draw(rng, difficulty)` that gives one problem."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from eagdata.tasks.families import (
    calendar,
    characters,
    countdown,
    linear_systems,
    number_theory,
    programs,
    seating,
    tables,
    word_arithmetic,
)
from eagdata.tasks.families.draft import Draft

FAMILIES: dict[str, Callable[[Random, float], Draft]] = {
    "calendar": calendar.draw,
    "characters": characters.draw,
    "countdown": countdown.draw,
    "linear_systems": linear_systems.draw,
    "number_theory": number_theory.draw,
    "programs": programs.draw,
    "seating": seating.draw,
    "tables": tables.draw,
    "word_arithmetic": word_arithmetic.draw,
}
