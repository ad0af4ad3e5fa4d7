"""Method for the family `calendar`: the datetime module, checked by walking or by a formula."""

from __future__ import annotations

import re
from datetime import date, timedelta

from eagdata.teachers.methods.plan import Plan, Slip, Step

_BETWEEN = re.compile(r"How many days is it from (\d{4})-(\d\d)-(\d\d) to (\d{4})-(\d\d)-(\d\d), not counting")
_WEEKDAY = re.compile(r"day of the week does (\d{4})-(\d\d)-(\d\d) fall")
_SHIFT = re.compile(r"Which date is (\d+) days (after|before) (\d{4})-(\d\d)-(\d\d)\?")
_OCCURRENCES = re.compile(r"How many (\w+day)s are there from (\d{4})-(\d\d)-(\d\d) to (\d{4})-(\d\d)-(\d\d), both")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def plan(question: str) -> Plan | None:
    if found := _BETWEEN.search(question):
        return _between(_date(found.groups()[:3]), _date(found.groups()[3:]))
    if found := _WEEKDAY.search(question):
        return _weekday(_date(found.groups()))
    if found := _SHIFT.search(question):
        return _shift(int(found[1]) * (1 if found[2] == "after" else -1), _date(found.groups()[2:]))
    found = _OCCURRENCES.search(question)
    return _occurrences(found[1], _date(found.groups()[1:4]), _date(found.groups()[4:])) if found else None


def _between(start: date, end: date) -> Plan:
    work = Step(
        makes="days",
        thoughts=(
            "The difference of two dates is a timedelta, and its days are what is asked.",
            "I subtract the ordinals of the two dates.",
        ),
        paired=True,
        codes=("days = (end - start).days\nprint(days)", "days = end.toordinal() - start.toordinal()\nprint(days)"),
        slips=(
            Slip("(end - start).days", "(start - end).days", "I subtracted the wrong way round."),
            Slip("(end - start).days", "(end - start).days + 1", "I counted the first day too, although it is not to be counted."),
            Slip("end.toordinal() -", "end.toordinal() - 1 -", "I took a day off that has to be counted."),
            Slip("(end - start).days", "int(end - start)", "A timedelta does not turn into an integer; it has the attribute days."),
        ),
    )
    check = (
        "from datetime import timedelta\n\nreached = start + timedelta(days=days)\n"
        'assert reached == end, f"{days} days after the start is {reached}, not {end}"\nprint(days)'
    )
    return _plan(
        f"start = {_new(start)}\nend = {_new(end)}",
        work,
        check="reached",
        code=check,
        head=("I add up the years, leap days and months between.", str((end - start).days)),
    )


def _weekday(day: date) -> Plan:
    lookup = f"names = {list(_DAYS)}\nanswer = names[day.weekday()]\nprint(day.weekday(), answer)"
    text = 'answer = day.strftime("%A")\nprint(answer)'
    work = Step(
        makes="answer",
        thoughts=("weekday() counts from Monday as 0, so a list of names does the rest.", "I ask the datetime module for the weekday."),
        codes=(lookup, text),
        paired=True,
        slips=(
            Slip("names[day.weekday()]", "names[day.isoweekday()]", "isoweekday counts Monday as 1, but my list starts at 0."),
            Slip('"%A"', '"%B"', "%B is the month; the weekday is %A."),
            Slip("names[day.weekday()]", "names[day.weekday]", "weekday is a method and needs its parentheses."),
        ),
    )
    # Zeller's congruence (Acta Mathematica 9, 1887): h = (q + 13(m+1)/5 + K + K/4 + J/4 - 2J) mod 7, where 0 is Saturday.
    check = (
        "shift = 12 if day.month < 3 else 0\nmonth, year = day.month + shift, day.year - shift // 12\ncentury, rest = divmod(year, 100)\n"
        "zeller = (day.day + 13 * (month + 1) // 5 + rest + rest // 4 + century // 4 - 2 * century) % 7\n"
        'expected = ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"][zeller]\n'
        'assert answer == expected, f"{answer} by datetime, {expected} by Zeller"\nprint(answer)'
    )
    return _plan(
        f"day = {_new(day)}",
        work,
        check="zeller",
        code=check,
        head=("I count the odd days of the centuries, years and months.", _DAYS[day.weekday()]),
    )


def _shift(days: int, start: date) -> Plan:
    sign = "+" if days > 0 else "-"
    code = f"from datetime import timedelta\n\nthere = start {sign} timedelta(days=days)\nprint(there)"
    ordinal = f"there = date.fromordinal(start.toordinal() {sign} days)\nprint(there)"
    other = "-" if sign == "+" else "+"
    work = Step(
        makes="there",
        thoughts=("A timedelta moves the date by that many days.", "I go through the ordinal number of the day."),
        codes=(code, ordinal),
        paired=True,
        slips=(
            Slip(f"start {sign} timedelta(days=days)", f"start {other} timedelta(days=days)", "I went in the wrong direction."),
            Slip(f"start {sign} timedelta(days=days)", f"start {sign} days", "A date only adds a timedelta, not a number."),
            Slip(f"toordinal() {sign} days", f"toordinal() {sign} days + 1", "I moved one day too far."),
            Slip("timedelta(days=days)", "timedelta(weeks=days)", "I moved by weeks instead of days."),
        ),
    )
    gap = "(there - start).days" if days > 0 else "(start - there).days"
    check = f'gap = {gap}\nassert gap == days, f"{{there}} is {{gap}} days away, not {{days}}"\nprint(there.isoformat())'
    head = ("I go year by year, minding leap days, and then month by month.", (start + timedelta(days=days)).isoformat())
    return _plan(f"start = {_new(start)}\ndays = {abs(days)}", work, check="gap", code=check, head=head)


def _occurrences(name: str, start: date, end: date) -> Plan:
    which = _DAYS.index(name)
    walk = (
        "from datetime import timedelta\n\ncount, day = 0, start\nwhile day <= end:\n    if day.weekday() == wanted:\n        count += 1\n"
        "    day += timedelta(days=1)\nprint(count)"
    )
    formula = "first = (wanted - start.weekday()) % 7\ncount = ((end - start).days - first) // 7 + 1\nprint(first, count)"
    work = Step(
        makes="count",
        thoughts=(
            f"I walk from the first day to the last and count each {name}.",
            f"The first {name} comes after a few days, then one every seven days.",
        ),
        codes=(walk, formula),
        paired=True,
        slips=(
            Slip(
                "day.weekday() == wanted", "day.isoweekday() == wanted", "isoweekday counts Monday as 1, whereas my number counts it as 0."
            ),
            Slip("- first) // 7 + 1", "- first) // 7", "I forgot to count the first one itself."),
            Slip("timedelta(days=1)", "timedelta(1, 2, day=1)", "The argument of timedelta is called days."),
        ),
    )
    check = (
        "from datetime import date\n\n"
        "by_hand = sum(1 for n in range(start.toordinal(), end.toordinal() + 1) if date.fromordinal(n).weekday() == wanted)\n"
        ""
        'assert count == by_hand, f"{count}, but going through the ordinals gives {by_hand}"\nprint(count)'
    )
    value = sum((start + timedelta(days=i)).weekday() == which for i in range((end - start).days + 1))
    head = (f"I find the first {name} and divide the days that are left by seven.", str(value))
    return _plan(f"start = {_new(start)}\nend = {_new(end)}\nwanted = {which}  # {name}", work, check="by_hand", code=check, head=head)


_CLOSING = ("The date arithmetic checks out.", "Both ways agree.", "Checked in the other direction.")


def _plan(data: str, work: Step, *, check: str, code: str, head: tuple[str, str]) -> Plan:
    names = [line.split(" =")[0] for line in data.splitlines()]
    given = Step(
        makes=names[0],
        thoughts=(
            "Dates are error-prone by hand, so I use the datetime module.",
            "I set up the dates first.",
            "First the given dates as date objects.",
        ),
        codes=(f"from datetime import date\n\n{data}", f"from datetime import date\n\n{data}\nprint({', '.join(names)})"),
    )
    verify = Step(
        makes=check,
        thoughts=(
            "I check it a second way.",
            "Leap years are a trap, so I verify the result independently.",
            "A check by other means before I answer.",
        ),
        codes=(code,),
    )
    return Plan(steps=(given, work, verify), head=lambda: head, closing=_CLOSING)


def _date(parts: tuple[str, ...]) -> date:
    year, month, day = map(int, parts)
    return date(year, month, day)


def _new(day: date) -> str:
    return f"date({day.year}, {day.month}, {day.day})"
