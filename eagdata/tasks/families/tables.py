"""Questions over a generated SQLite database of two tables, a parent and a child."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from eagdata.records import Json
from eagdata.tasks.families.draft import Draft, dial
from eagdata.tasks.families.words import NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    parent: str
    child: str
    key: str
    group: str
    groups: tuple[str, ...]
    label: str
    labels: tuple[str, ...]
    amount: str


_WORLDS = (
    _World(
        parent="customers",
        child="orders",
        key="customer_id",
        group="city",
        groups=("Oslo", "Lyon", "Bonn", "Turin", "Porto"),
        label="product",
        labels=("tea", "coffee", "sugar", "rice", "salt"),
        amount="price",
    ),
    _World(
        parent="students",
        child="tests",
        key="student_id",
        group="class",
        groups=("7a", "7b", "8a", "8b", "9a"),
        label="subject",
        labels=("physics", "history", "music", "latin", "sport"),
        amount="points",
    ),
    _World(
        parent="drivers",
        child="trips",
        key="driver_id",
        group="depot",
        groups=("North", "South", "East", "West", "Harbour"),
        label="vehicle",
        labels=("van", "truck", "bus", "bike", "tram"),
        amount="km",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    parents: tuple[tuple[int, str, str], ...]
    """id, name, group"""
    children: tuple[tuple[int, int, str, int], ...]
    """id, parent id, label, amount"""

    def of(self, parent: int) -> list[int]:
        """Amounts of one parent's rows."""
        return [row[3] for row in self.children if row[1] == parent]


def draw(rng: Random, difficulty: float) -> Draft:
    """One of five questions over 6 to 20 parents and 10 to 60 children, of which only those above some amount count."""
    world = rng.choice(_WORLDS)
    names = rng.sample(NAMES, dial(6, 20, difficulty))
    parents = tuple((i, name, rng.choice(world.groups)) for i, name in enumerate(names, start=1))
    owners = rng.sample(range(1, len(names) + 1), len(names) - rng.randint(1, 3))
    rows = range(1, dial(10, 60, difficulty) + 1)
    children = tuple((i, rng.choice(owners), rng.choice(world.labels), rng.randint(1, 99)) for i in rows)
    least = min(rng.randint(2, 60), max(row[3] for row in children))
    data = _Data(parents=parents, children=tuple(row for row in children if row[3] >= least))
    ask = rng.choice((_top, _without, _by_group, _at_least, _labelled))
    kind, text, answer = ask(rng, world=world, data=data)
    only = f"Consider only {world.child} with {world.amount} of at least {least}."
    question = f"The SQLite file data.db holds these tables:\n\n{_schema(world)}\n\n{only} {text}"
    setup: dict[str, Json] = {"setup": _setup(world, _Data(parents=parents, children=children))}
    if isinstance(answer, int):
        ask_number = f"{question} Give one integer."
        return Draft(kind=kind, question=ask_number, verifier="number", reference=answer, answer=str(answer), environment_config=setup)
    form = "Write the rows separated by ';' and the cells of a row by ',', such as: Ann, 3; Bob, 5"
    shown = "; ".join(", ".join(map(str, row)) for row in answer)
    reference: Json = {"rows": [list(row) for row in answer], "ordered": True}
    return Draft(kind=kind, question=f"{question} {form}", verifier="table", reference=reference, answer=shown, environment_config=setup)


_Rows = list[tuple[str, int]] | list[tuple[str]]
_Asked = tuple[str, str, _Rows | int]


def _top(rng: Random, *, world: _World, data: _Data) -> _Asked:
    totals = [(name, sum(data.of(i))) for i, name, _ in data.parents if data.of(i)]
    count = min(rng.randint(2, 4), len(totals))
    rows = sorted(totals, key=lambda row: (-row[1], row[0]))[:count]
    ask = f"Which {count} {world.parent} have the largest total {world.amount} over their {world.child}?"
    return "top", f"{ask} Give name and total, the largest total first; ties go in alphabetical order of the name.", rows


def _without(rng: Random, *, world: _World, data: _Data) -> _Asked:
    rows = sorted((name,) for i, name, _ in data.parents if not data.of(i))
    return "without", f"Which {world.parent} have no such {world.child}? Give their names in alphabetical order.", rows


def _by_group(rng: Random, *, world: _World, data: _Data) -> _Asked:
    totals: dict[str, int] = {}
    for i, _, group in data.parents:
        if data.of(i):
            totals[group] = totals.get(group, 0) + sum(data.of(i))
    ask = f"What is the total {world.amount} of the {world.child} for each {world.group} of the {world.parent}?"
    form = f"Give {world.group} and total in alphabetical order of the {world.group}; leave out a {world.group} without {world.child}."
    return "by group", f"{ask} {form}", sorted(totals.items())


def _at_least(rng: Random, *, world: _World, data: _Data) -> _Asked:
    count, group = rng.randint(1, 3), rng.choice(data.parents)[2]
    found = sum(1 for i, _, g in data.parents if g == group and len(data.of(i)) >= count)
    return "at least", f"How many {world.parent} with {world.group} '{group}' have at least {count} {world.child}?", found


def _labelled(rng: Random, *, world: _World, data: _Data) -> _Asked:
    row = rng.choice(data.children)
    group = data.parents[row[1] - 1][2]
    inside = {i for i, _, g in data.parents if g == group}
    total = sum(amount for _, owner, label, amount in data.children if owner in inside and label == row[2])
    ask = f"What is the total {world.amount} of the {world.child} with {world.label} '{row[2]}'"
    return "labelled", f"{ask} that belong to {world.parent} with {world.group} '{group}'?", total


def _schema(world: _World) -> str:
    return (
        f"CREATE TABLE {world.parent} (id INTEGER PRIMARY KEY, name TEXT, {world.group} TEXT);\n"
        f"CREATE TABLE {world.child} (id INTEGER PRIMARY KEY, {world.key} INTEGER REFERENCES {world.parent}(id), "
        f"{world.label} TEXT, {world.amount} INTEGER);"
    )


def _setup(world: _World, data: _Data) -> str:
    """Python code that builds data.db in the working folder."""
    script = [_schema(world)]
    script.append(f"INSERT INTO {world.parent} VALUES\n" + ",\n".join(map(repr, data.parents)) + ";")
    script.append(f"INSERT INTO {world.child} VALUES\n" + ",\n".join(map(repr, data.children)) + ";")
    body = "\n".join(script)
    return f'import sqlite3\n\nconnection = sqlite3.connect("data.db")\nconnection.executescript("""\n{body}\n""")\nconnection.close()\n'
