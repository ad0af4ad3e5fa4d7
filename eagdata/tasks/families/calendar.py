"""Dates: differences, sums, weekdays, in the proleptic Gregorian calendar."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from eagdata.tasks.families.draft import Draft, dial

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def draw(rng: Random, difficulty: float) -> Draft:
    """One of four kinds; the years spread, and the spans grow, with the dial."""
    reach = dial(300, 40_000, difficulty)
    start = date(2000, 1, 1) + timedelta(days=rng.randint(-reach, reach))
    days = rng.randint(20, max(40, reach))
    end = start + timedelta(days=days)
    kind = rng.choice(("between", "weekday", "shift", "occurrences"))
    if kind == "between":
        return _number(kind, f"How many days is it from {start} to {end}, not counting the first day? Give one integer.", days)
    if kind == "weekday":
        ask = f"On which day of the week does {end} fall in the Gregorian calendar? Give its English name, such as Monday."
        return Draft(kind=kind, question=ask, verifier="exact", reference=_WEEKDAYS[end.weekday()], answer=_WEEKDAYS[end.weekday()])
    if kind == "shift":
        there, way = (end, "after") if rng.random() < 0.5 else (start - timedelta(days=days), "before")
        ask = f"Which date is {days} days {way} {start}? Give it as YYYY-MM-DD."
        return Draft(kind=kind, question=ask, verifier="exact", reference=there.isoformat(), answer=there.isoformat())
    end = start + timedelta(days=min(days, 2000))
    which = rng.randrange(7)
    ask = f"How many {_WEEKDAYS[which]}s are there from {start} to {end}, both days included? Give one integer."
    first = (which - start.weekday()) % 7
    return _number(kind, ask, ((end - start).days - first) // 7 + 1)


def _number(kind: str, ask: str, answer: int) -> Draft:
    return Draft(kind=kind, question=ask, verifier="number", reference=answer, answer=str(answer))
