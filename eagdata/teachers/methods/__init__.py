"""How the procedural teacher solves each built-in family: one module with one `plan(question)` each."""

from __future__ import annotations

from eagdata.teachers.methods import (
    calendar,
    characters,
    countdown,
    linear_systems,
    number_theory,
    operations,
    programs,
    seating,
    tables,
    word_arithmetic,
)
from eagdata.teachers.methods.plan import Plan

_METHODS = (characters, countdown, operations, word_arithmetic, linear_systems, number_theory, calendar, programs, tables, seating)


def recognise(question: str) -> Plan | None:
    """The plan for a question of a built-in family, read off its text; None for any other question."""
    found = (method.plan(question) for method in _METHODS)
    return next((plan for plan in found if plan is not None), None)
