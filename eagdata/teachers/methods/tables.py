"""Method for the family `tables`: a helper to ask the database, one query, and the same by hand over the plain rows."""

from __future__ import annotations

import re

from eagdata.teachers.methods.plan import Plan, Slip, Step

_SCHEMA = re.compile(
    r"CREATE TABLE (\w+) \(id INTEGER PRIMARY KEY, name TEXT, (\w+) TEXT\);\n"
    r"CREATE TABLE (\w+) \(id INTEGER PRIMARY KEY, (\w+) INTEGER REFERENCES \w+\(id\), (\w+) TEXT, (\w+) INTEGER\);"
)
_LEAST = re.compile(r"Consider only \w+ with \w+ of at least (\d+)\.")
_TOP = re.compile(r"Which (\d+) \w+ have the largest total")
_AT_LEAST = re.compile(r"How many \w+ with \w+ '([^']*)' have at least (\d+) ")
_LABELLED = re.compile(r"What is the total \w+ of the \w+ with \w+ '([^']*)' that belong to \w+ with \w+ '([^']*)'\?")

_ASK = """\
import sqlite3

def ask(query, *values):
    connection = sqlite3.connect("data.db")
    fetched = connection.execute(query, values).fetchall()
    connection.close()
    return fetched

least = LEAST"""
_JOIN = "FROM PARENT AS p JOIN CHILD AS c ON c.KEY = p.id AND c.AMOUNT >= ?"
_QUERIES = {
    "top": f'"""\nSELECT p.name, SUM(c.AMOUNT) AS total\n{_JOIN}\nGROUP BY p.id\nORDER BY total DESC, p.name\nLIMIT COUNT\n""", least',
    "without": f'"""\nSELECT p.name\n{_JOIN.replace("JOIN", "LEFT JOIN")}\nWHERE c.id IS NULL\nORDER BY p.name\n""", least',
    "groups": f'"""\nSELECT p.GROUP, SUM(c.AMOUNT)\n{_JOIN}\nGROUP BY p.GROUP\nORDER BY p.GROUP\n""", least',
    "at least": (
        f'"""\nSELECT COUNT(*) FROM (\n    SELECT p.id {_JOIN}\n    WHERE p.GROUP = ?\n    GROUP BY p.id\n'
        '    HAVING COUNT(*) >= COUNT\n)\n""", least, INSIDE'
    ),
    "labelled": f'"""\nSELECT SUM(c.AMOUNT)\n{_JOIN}\nWHERE p.GROUP = ? AND c.LABEL = ?\n""", least, INSIDE, NAMED',
}
_PLAIN = """\
parents = ask("SELECT id, name, GROUP FROM PARENT")
children = ask("SELECT KEY, LABEL, AMOUNT FROM CHILD")
amounts = {number: [a for k, _, a in children if k == number and a >= least] for number, _, _ in parents}
"""
_BY_HAND = {
    "top": (
        "expected = sorted(((name, sum(amounts[n])) for n, name, _ in parents if amounts[n]), key=lambda row: (-row[1], row[0]))[:COUNT]"
    ),
    "without": "expected = sorted((name,) for n, name, _ in parents if not amounts[n])",
    "groups": (
        "totals = {}\nfor n, _, group in parents:\n    if amounts[n]:\n        totals[group] = totals.get(group, 0) + sum(amounts[n])\n"
        "expected = sorted(totals.items())"
    ),
    "at least": "expected = [(sum(1 for n, _, group in parents if group == INSIDE and len(amounts[n]) >= COUNT),)]",
    "labelled": (
        "inside = {n for n, _, group in parents if group == INSIDE}\n"
        "expected = [(sum(a for k, label, a in children if k in inside and label == NAMED and a >= least),)]"
    ),
}
_COMPARE = '\nassert rows == expected, f"the query gives {rows[:3]}, by hand it is {expected[:3]}"\n'
_LOOK = '\nfor table in ("PARENT", "CHILD"):\n    print(table, ask(f"SELECT * FROM {table} LIMIT 2"))'


def plan(question: str) -> Plan | None:
    schema, least = _SCHEMA.search(question), _LEAST.search(question)
    if not schema or not least:
        return None
    kind, words = _kind(question)
    words |= dict(zip(("PARENT", "GROUP", "CHILD", "KEY", "LABEL", "AMOUNT"), schema.groups(), strict=True)) | {"LEAST": least[1]}
    shown = "print(rows[0][0])" if kind in ("at least", "labelled") else _PRINT
    steps = (
        Step(
            makes="least",
            thoughts=(
                "I write a small helper for queries and look at a few rows of each table.",
                "First a look into data.db, so that I know what the columns hold.",
                "A helper that opens the file, asks and closes again keeps things simple.",
            ),
            codes=(_filled(_ASK + _LOOK, words),),
        ),
        Step(
            makes="rows",
            thoughts=_thoughts(kind, words),
            codes=(_filled(f"rows = ask({_QUERIES[kind]})\nprint(rows)", words),),
            slips=_slips(words),
        ),
        Step(
            makes="expected",
            thoughts=(
                "I compute the same in plain Python from the raw rows; both must agree.",
                "A join is easy to get wrong, so I redo it by hand over all rows.",
            ),
            codes=(_filled(_PLAIN + _BY_HAND[kind] + _COMPARE, words) + shown,),
        ),
    )
    return Plan(steps=steps, head=lambda: (_UNSEEN, "unknown"), closing=_CLOSING)


_CLOSING = ("Query and hand count agree.", "The plain-Python count confirms the query.")
_PRINT = 'print("; ".join(", ".join(str(cell) for cell in row) for row in rows))'
_UNSEEN = "The rows are in data.db, and without running a query I cannot see them."


def _kind(question: str) -> tuple[str, dict[str, str]]:
    if found := _TOP.search(question):
        return "top", {"COUNT": found[1]}
    if found := _AT_LEAST.search(question):
        return "at least", {"INSIDE": repr(found[1]), "COUNT": found[2]}
    if found := _LABELLED.search(question):
        return "labelled", {"NAMED": repr(found[1]), "INSIDE": repr(found[2])}
    return ("without", {}) if "have no such" in question else ("groups", {})


def _filled(code: str, words: dict[str, str]) -> str:
    """`code` with its capital placeholders replaced; SQL's own `GROUP BY` and `COUNT(*)` stay."""
    return re.sub(r"\b(?:PARENT|CHILD|KEY|LABEL|AMOUNT|LEAST|INSIDE|NAMED|GROUP(?! BY)|COUNT(?!\())\b", lambda m: words[m.group()], code)


def _thoughts(kind: str, words: dict[str, str]) -> tuple[str, ...]:
    tables = f"{words['PARENT']} with {words['CHILD']}"
    if kind == "without":
        return (
            f"A left join of {tables} leaves NULL where nothing matches, and those are the ones I want.",
            "I need the rows without a partner: a left join.",
        )
    return (
        f"I join {tables} on {words['KEY']} and let the amount condition sit in the join.",
        f"Now one query that joins {tables}, with the limits as parameters.",
    )


def _slips(words: dict[str, str]) -> tuple[Slip, ...]:
    amount, key, group = words["AMOUNT"], words["KEY"], words["GROUP"]
    return (
        Slip(f"SUM(c.{amount})", f"COUNT(c.{amount})", "I counted the rows where their sum was asked for."),
        Slip("total DESC", "total", "The largest must come first, so the order has to be descending."),
        Slip("LEFT JOIN", "JOIN", "An inner join drops exactly the rows that I look for; it has to be a left join."),
        Slip(f"c.{key} = p.id", f"c.id = p.{key}", f"The foreign key {key} is a column of the second table."),
        Slip(f"c.{amount} >= ?", f"c.{amount} < ?", "I kept the amounts below the limit instead of those from it upwards."),
        Slip('""", least', '"""', "The query has a placeholder for which I gave no value."),
        Slip(f"WHERE p.{group}", f"WHERE p.{group}s", f"The column is called {group}."),
        Slip(f"GROUP BY p.{group}\nORDER", "ORDER", "Without GROUP BY there is only one total over everything."),
    )
