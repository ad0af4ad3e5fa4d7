"""The `sql` environment: a database of the task's own, in the memory of a box, whose live state can be forked.

A task's `environment_config`: `database` (path of a file) with `sha256`, or `script` (SQL that builds it); `writable` (false: a
statement that would change it is refused); `dialect`, `row_limit` and the usual limits over those of the environment.
"""

from __future__ import annotations

import importlib.metadata
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Literal

from eagdata.contracts import settings
from eagdata.environments.box import LIMIT_KEYS, BoxEnvironment, BoxSettings, check_keys, read_limits, read_text, wrong
from eagdata.environments.databases import find_database
from eagdata.environments.episode import Start
from eagdata.errors import PrerequisiteError
from eagdata.records import Json, Task

_KEYS = ("database", "sha256", "script", "dialect", "writable", "row_limit", *LIMIT_KEYS)
_DIALECTS = ("sqlite", "duckdb")
_PLACE = "database"
_MB = 1 << 20


class SqlEnvironment(BoxEnvironment):
    """Where SQL runs: SQLite or DuckDB, a fresh copy of the task's database for each episode, forked copy-on-write."""

    name = "sql"
    language = "sql"

    @settings
    class Config(BoxSettings):
        """Limits, isolation, and the database system."""

        dialect: Literal["sqlite", "duckdb"] = "sqlite"
        """Database system of tasks that name none."""
        row_limit: int = 50
        """Rows of a result that are shown; the number of the others is said."""
        disk_mb: int = 512
        """Size of the working folder: a database file passes through it on its way into memory."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._own = config
        self.version = f"sqlite {sqlite3.sqlite_version}" + (f", duckdb {found}" if (found := _duckdb_version()) else "")

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        return (
            f"Each action is one SQL statement or several, for {_TITLES[self._own.dialect]}, on one database that stays open from one "
            f"action to the next. A result is shown as a table: the column names, then at most {self._own.row_limit} rows, cells "
            "separated by ' | '; NULL is NULL, and a text that could be taken for something else stands in double quotes. "
            "The database can be read only, unless the task asks for a change of it. "
            f"An action may take {self.config.timeout_s:g} seconds and {self.config.memory_mb} MB of memory. When a statement fails, what "
            "ran before it stays in effect. An action that is stopped for time or memory has no effect at all."
        )

    def start(self, task: Task) -> Start:
        """The task's database and settings. Raises: RecipeError; PrerequisiteError for a file or a library that is not here."""
        check_keys(task, _KEYS)
        given: dict[str, Json] = {
            "dialect": self._own.dialect,
            "row_limit": self._own.row_limit,
            "writable": False,
        } | task.environment_config
        dialect, writable, rows = given["dialect"], given["writable"], given["row_limit"]
        if dialect not in _DIALECTS:
            raise wrong(task, f"environment_config.dialect is {dialect!r}", f"use one of: {', '.join(_DIALECTS)}")
        if not isinstance(writable, bool):
            raise wrong(task, f"environment_config.writable is {writable!r}", "give true or false")
        if type(rows) is not int or rows < 1:
            raise wrong(task, f"environment_config.row_limit is {rows!r}", "give a whole number above 0")
        if dialect == "duckdb":
            self._check_duckdb(task)
        limits, file = read_limits(task, self.config), self._file(task)
        if file is not None:  # the file's bytes and their copy are there at the same time
            limits = replace(limits, memory_mb=limits.memory_mb + 2 * file.stat().st_size // _MB + 1)
        return Start(
            task_id=task.id,
            seed=task.seed,
            files={},
            mounts={_PLACE: str(file)} if file else {},
            limits=limits,
            host="sql",
            settings={
                "dialect": dialect,
                "database": _PLACE if file else None,
                "script": read_text(task, "script"),
                "writable": writable,
                "row_limit": rows,
                "output_chars": limits.output_chars,
                "memory_mb": limits.memory_mb,
            },
            libraries=("duckdb",) if dialect == "duckdb" else (),
        )

    def _check_duckdb(self, task: Task) -> None:
        """Raises: PrerequisiteError."""
        if _duckdb_version() is None:
            raise PrerequisiteError(f"task {task.id!r} needs DuckDB", why="duckdb is not installed", mend="pip install eagdata[duckdb]")
        if self.isolation == "landlock":
            raise PrerequisiteError(
                f"task {task.id!r} needs DuckDB, which does not start in the isolation 'landlock'",
                why="DuckDB 2.0 aborts where it may not read /proc/self/cgroup and /sys/fs/cgroup",
                mend="run where user namespaces are allowed: --set environment.isolation=namespaces",
            )

    def _file(self, task: Task) -> Path | None:
        """The task's database file, if it has one. Raises: RecipeError; PrerequisiteError."""
        name, sha256 = read_text(task, "database"), read_text(task, "sha256")
        if not name:
            return None
        if "script" in task.environment_config:
            raise wrong(task, "environment_config has a database and a script", "give one of them")
        file = find_database(name, sha256 or None)
        if file.stat().st_size > self.config.disk_mb * _MB:
            needed = file.stat().st_size // _MB + 1
            raise wrong(task, f"the database {name!r} has {needed} MB", f"--set environment.disk_mb={needed}")
        return file


_TITLES = {"sqlite": "SQLite", "duckdb": "DuckDB"}


def _duckdb_version() -> str | None:
    try:
        return importlib.metadata.version("duckdb")
    except importlib.metadata.PackageNotFoundError:
        return None
