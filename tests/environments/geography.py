"""The `sql` environment and verifier on real questions: `python -m tests.environments.geography DATA_FOLDER`.

DATA_FOLDER holds geography_sql.jsonl (rows with id, sql, executes) and geography.sqlite, of github.com/jkkummerfeld/text2sql-data.
Printed: how often a reference passes, a reference with one changed constant fails, and reversed rows pass exactly where no order counts.
What a result is, and whether it differs, is found here by SQLite alone.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from eagdata.contracts import CleanRoom
from eagdata.environments.databases import file_sha256
from eagdata.environments.sql import SqlEnvironment
from eagdata.records import Json, Task
from eagdata.testing import clean_room
from eagdata.verifiers.sql import SqlVerifier

AT_ONCE = 4
LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'|(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
OPPOSITE = {
    "MAX": "MIN",
    "MIN": "MAX",
    "SUM": "AVG",
    "AVG": "SUM",
    "COUNT": "MAX",
    "DESC": "ASC",
    "DISTINCT": "",
    "<": ">",
    ">": "<",
    "=": "<>",
}
Rows = list[tuple[object, ...]]


@dataclass
class Proof:
    """The counts, and what came out otherwise than it must."""

    database: sqlite3.Connection
    clean: CleanRoom
    config: dict[str, Json]
    texts: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def prove(self, row: dict[str, Json]) -> None:
        sql = str(row["sql"])
        task = Task(
            id=str(row["id"]), question="?", verifier="sql", reference={"sql": sql}, environment="sql", environment_config=self.config
        )
        if not row["executes"]:
            return await self.expect(task, sql, "unscored", "a reference that does not run")
        rows = self.rows(sql) or []
        await self.expect(task, sql, "pass", "reference")
        await self.mutated(task, sql, rows)
        if not rows:
            self.counts["the result is empty"] += 1
            return None
        columns = ", ".join(f"c{i}" for i in range(len(rows[0])))
        body = f"WITH r({columns}) AS ({sql.strip().rstrip(';')}), s AS (SELECT *, row_number() OVER () AS n FROM r)"
        await self.expect(task, f"{body} SELECT {columns} FROM s ORDER BY n DESC", "pass", "reversed, no order or one row")
        await self.ordered(task, f"{body} SELECT {columns} FROM s ORDER BY", columns)
        return None

    async def mutated(self, task: Task, sql: str, rows: Rows) -> None:
        """A constant, or where none matters an aggregate or a direction, is changed so that the result is another one."""
        for name, others in (("one constant changed", changes(sql, self.texts)), ("one operator changed", swaps(sql))):
            if changed := next((other for other in others if not same(self.rows(other), rows)), None):
                return await self.expect(task, changed, "fail", name)
            self.counts[
                f"{name}: not done, the result stays the same or there is none{'' if LITERAL.search(sql) else ', no constant'}"
            ] += 1
        return None

    async def ordered(self, task: Task, body: str, columns: str) -> None:
        """The same question with an order, which no question of this data has on more than one row."""
        down = columns.replace(",", " DESC,") + " DESC"
        rows, reverse = self.rows(f"{body} {columns}"), self.rows(f"{body} {down}")
        strict = replace(task, reference={"sql": f"{body} {columns}"})
        kind = ("pass", "ordered and all rows equal, reversed") if rows == reverse else ("fail", "ordered, reversed")
        await self.expect(strict, f"{body} {down}", *kind)
        loose = replace(task, reference={"sql": f"{body} length(c0)"})
        await self.expect(loose, f"{body} length(c0), {down}", "pass", "ordered with ties, the tied rows the other way round")
        lengths = {len(str(row[0])) for row in rows or []}
        kind = ("fail", "ordered with ties, the groups reversed") if len(lengths) > 1 else ("pass", "ordered, all rows tied, reversed")
        await self.expect(loose, f"{body} length(c0) DESC, {columns}", *kind)

    async def expect(self, task: Task, answer: str, status: str, name: str) -> None:
        verdict = await SqlVerifier(SqlVerifier.Config()).verify(task, answer, None, self.clean)
        self.counts[f"{name}: {verdict.status}"] += 1
        if verdict.status != status:
            self.wrong.append(f"{task.id} {name}: {verdict.status}, not {status}: {answer}\n    {verdict.checks[-1]}")

    def rows(self, sql: str) -> Rows | None:
        try:
            return self.database.execute(sql).fetchall()
        except sqlite3.Error:
            return None


def changes(sql: str, texts: tuple[str, ...]) -> Iterator[str]:
    """`sql` with one constant changed: a text to another one of the database, a number to one near or far."""
    for found in LITERAL.finditer(sql):
        quote = found[0][0]
        others = [f"{quote}{text}{quote}" for text in texts if quote not in text]
        if quote not in "'\"":
            number = float(found[0])
            others = [f"{value:g}" for value in (number + 1, number - 1, number * 2, number / 2, number * 1000, -1)]
        yield from (sql[: found.start()] + other + sql[found.end() :] for other in others if other != found[0])


def swaps(sql: str) -> Iterator[str]:
    """`sql` with one aggregate or operator changed to its opposite."""
    for found in re.finditer(r"\b(?:MAX|MIN|SUM|AVG|COUNT|DESC|DISTINCT)\b|[<>=]", sql):
        yield sql[: found.start()] + OPPOSITE[found[0]] + sql[found.end() :]


def same(a: Rows | None, b: Rows) -> bool:
    """A mutant that does not run is none: an error is too easily refused."""
    return a is None or Counter(a) == Counter(b)


def texts_of(database: sqlite3.Connection) -> list[str]:
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return sorted({cell for name in names for row in database.execute(f"SELECT * FROM {name}") for cell in row if isinstance(cell, str)})


async def main(folder: Path) -> int:
    file = folder / "geography.sqlite"
    rows = [json.loads(line) for line in (folder / "geography_sql.jsonl").read_text().splitlines()]
    database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    gate = asyncio.Semaphore(AT_ONCE)
    async with clean_room({"sql": SqlEnvironment(SqlEnvironment.Config(timeout_s=30))}) as clean:
        proof = Proof(database, clean, {"database": str(file), "sha256": file_sha256(file)}, ("nowhere", *texts_of(database)))

        async def one(row: dict[str, Json]) -> None:
            async with gate:
                await proof.prove(row)

        await asyncio.gather(*map(one, rows))
    counts = "".join(f"{count:6} {name}\n" for name, count in sorted(proof.counts.items()))
    wrong = "\n".join(proof.wrong) or "all as they must be"
    sys.stdout.write(f"{len(rows)} questions\n{counts}{wrong}\n")
    return 1 if proof.wrong else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(Path(sys.argv[1]))))
