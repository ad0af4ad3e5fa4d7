"""Tasks from benchmarks in the layout of Spider and BIRD: questions with a gold query in JSON, and a SQLite file for each database.

    dev.json                                 [{"db_id": "concert_singer", "question": "How many singers ...?", "query": "SELECT ..."}, ...]
    database/concert_singer/concert_singer.sqlite

Spider: https://yale-lily.github.io/spider, query in `query`. BIRD: https://bird-bench.github.io, query in `SQL`, with `evidence` and
`difficulty`, databases in `dev_databases` or `train_databases`. Trap: some of Spider's databases hold bytes that are no UTF-8.
"""

from __future__ import annotations

import glob
import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Json, Task

_FOLDERS = ("database", "databases", "dev_databases", "train_databases", "test_database")
_REPORTED = 20
_SCHEMA = "SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


class SpiderTasks:
    """Questions with a gold query, in the layout of Spider and BIRD."""

    @settings
    class Config:
        path: str
        """JSON file of questions, or a pattern such as spider/train_*.json."""
        databases: str = ""
        """Folder that holds <db_id>/<db_id>.sqlite; none: `database`, `dev_databases` or the like beside the file of questions."""
        inline_kb: int = 32
        """A database whose SQL text is no longer than this goes into the task itself, which then needs no file; 0: none does."""
        verifier_config: dict[str, Json] = field(default_factory=dict)
        """Settings of the verifier `sql`."""
        source: str = ""
        """Where the tasks come from, for the rows; none: the file's name."""
        license: str | None = None
        """Licence of the tasks; it goes into the rows and the card."""
        split: str = "train"
        """Split that the tasks belong to."""
        shuffle: bool = False
        """Take the questions in an order drawn from the run's seed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._database = cache(self._read)

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """At most `n` tasks. Raises: RecipeError that names all rows which make no task, up to 20 of them."""
        rows = [row for path in _paths(self._config.path) for row in _rows(path)]
        if self._config.shuffle:
            random.Random(seed).shuffle(rows)
        made, problems = list[Task](), list[str]()
        for row in islice(rows, n):
            try:
                made.append(self._task(row))
            except _BadRow as error:
                problems.append(f"{row.place}: {error}")
                if len(problems) == _REPORTED:
                    break
        if problems:
            mend = "mend the rows, or say where the databases are: --set tasks.databases=FOLDER"
            raise RecipeError(f"{self._config.path}: {len(problems)} questions make no task", why="\n".join(problems), mend=mend)
        if not rows:
            raise RecipeError(f"{self._config.path} holds no question", mend="check tasks.path")
        yield from made

    def _task(self, row: _Row) -> Task:
        """Raises: _BadRow."""
        query = _text(row.values, "query" if "query" in row.values else "SQL")
        db_id, question = _text(row.values, "db_id"), _text(row.values, "question")
        found = self._database(row.path, db_id)
        evidence = _text(row.values, "evidence") if row.values.get("evidence") else ""
        parts = (question, f"Hint: {evidence}" if evidence else "", f"The database:\n\n{found.schema}")
        facts = {name: row.values[name] for name in ("difficulty", "question_id") if name in row.values}
        return Task(
            id=f"{row.path.stem}-{row.number:05d}",
            question="\n\n".join(filter(None, parts)),
            verifier="sql",
            verifier_config=self._config.verifier_config,
            reference={"sql": query},
            answer=query,
            solution=query,
            environment="sql",
            environment_config={"dialect": "sqlite", **found.config},
            family=db_id,
            source=self._config.source or row.path.name,
            license=self._config.license,
            split=self._config.split,
            metadata={"db_id": db_id, **facts},
        )

    def _read(self, beside: Path, db_id: str) -> _Database:
        """Raises: _BadRow."""
        if db_id in (".", "..") or "/" in db_id or "\0" in db_id:
            raise _BadRow(f"field 'db_id' is {db_id!r}, which is no name of a folder")
        folders = [Path(self._config.databases)] if self._config.databases else [beside.parent / name for name in _FOLDERS]
        tried = [folder / db_id / f"{db_id}.sqlite" for folder in folders]
        file = next((path for path in tried if path.is_file()), None)
        if file is None:
            raise _BadRow(f"there is no database {' or '.join(map(str, tried))}")
        try:
            return _describe(file, self._config.inline_kb * 1024)
        except (sqlite3.Error, OSError) as error:
            raise _BadRow(f"the database {file} cannot be read: {error}") from error


class _BadRow(ValueError):
    """Why a row makes no task."""


@dataclass(frozen=True, slots=True)
class _Row:
    path: Path
    number: int
    values: Mapping[str, Json]

    @property
    def place(self) -> str:
        return f"{self.path}: row {self.number}"


@dataclass(frozen=True, slots=True)
class _Database:
    """What tasks hold of a database."""

    schema: str
    config: dict[str, Json]


def _describe(file: Path, inline_bytes: int) -> _Database:
    """Raises: sqlite3.Error; OSError."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        schema = "\n\n".join(f"{sql.strip()};" for (sql,) in db.execute(_SCHEMA) if sql)
        script = _script(db, inline_bytes)
    if script is not None:
        return _Database(schema, {"script": script})
    with file.open("rb") as data:
        return _Database(schema, {"database": str(file), "sha256": hashlib.file_digest(data, "sha256").hexdigest()})


def _script(db: sqlite3.Connection, most_bytes: int) -> str | None:
    """SQL that builds the same database; None if it is longer, or builds another one (virtual tables, texts with a zero in them)."""
    lines, size = list[str](), 0
    try:
        for line in db.iterdump():
            lines.append(line)
            size += len(line.encode()) + 1
            if size > most_bytes or "writable_schema" in line:
                return None
        script = "\n".join(lines)
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.executescript(script)
            return script if _contents(copy) == _contents(db) else None
    except (sqlite3.Error, UnicodeError):
        return None


def _contents(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    names = [str(name) for (name,) in db.execute(_TABLES)]
    return {name: db.execute('SELECT * FROM "{}"'.format(name.replace('"', '""'))).fetchall() for name in names}


def _paths(pattern: str) -> list[Path]:
    found = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise RecipeError(
            f"no file {pattern!r}", why="tasks.path is neither a file nor a pattern that matches one", mend="check tasks.path"
        )
    return [Path(path) for path in found]


def _rows(path: Path) -> Iterator[_Row]:
    """Raises: RecipeError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"cannot read {path}", why=str(error), mend="check tasks.path: it must be a JSON file") from error
    if not isinstance(values, list) or not all(isinstance(row, dict) for row in values):
        raise RecipeError(f"{path} is no list of questions", why="a JSON array of objects is wanted", mend="check tasks.path")
    for number, row in enumerate(values, 1):
        yield _Row(path, number, row)


def _text(values: Mapping[str, Json], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip():
        state = f"is {value!r}, must be a text that is not empty" if name in values else f"is missing; the row has {', '.join(values)}"
        raise _BadRow(f"field {name!r} {state}")
    return value.strip()
