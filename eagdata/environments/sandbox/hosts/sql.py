"""What runs in the box of the `sql` environment: one database in the memory of the process, so that a fork of it is a fork of the data.

Actions: `sql` (statements; what they give is printed), and for judges `rows` (one query as JSON), `dump` (a digest of all tables) and
`thin` (about half of the rows go, a different half for each number).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
from collections.abc import Iterator
from typing import Any

from .sql_duckdb import DuckDB
from .sql_engine import Engine, Result
from .sql_sqlite import Sqlite

COUNTED_ROWS = 100_000
"""Rows of a result that are looked at to say how many are not shown."""
_CELL_CHARS = 1000
_SHARED = 1009  # a prime: the residues that decide which rows stay are spread evenly
_VALUE_CHARS = 900_000  # a frame holds a megabyte
_QUOTED = re.compile(
    r"[\s\"…(]|.*(?:[\x00-\x1f\x7f-\x9f\u2028\u2029|]|\s$)|X'|(?:null|true|false|[+-]?(?:\.?[0-9].*|inf.*|nan))$", re.I | re.S
)


class SqlHost:
    """Runs actions on one database."""

    def __init__(self, engine: Engine, *, row_limit: int, value_chars: int) -> None:
        self._engine = engine
        self._row_limit = row_limit
        self._value_chars = min(value_chars, _VALUE_CHARS)

    def execute(self, kind: str, text: str) -> str | None:
        """Run one action; what a judge asked for is the value. Raises: what the statement raises; ValueError for an unknown kind."""
        if kind == "rows":
            return self._rows(text)
        if kind == "dump":
            return self._dump()
        if kind not in ("sql", "thin"):
            raise ValueError(f"no action of kind {kind!r}")
        if kind == "sql":
            self._show(text)
        else:
            self._thin(int(text))
        return None

    def _show(self, text: str) -> None:
        between = ""
        for result in self._engine.run(text):
            sys.stdout.write(between)
            sys.stdout.writelines(f"{line}\n" for line in _lines(result, self._row_limit))
            between = "\n"

    def _rows(self, text: str) -> str:
        result, reads = self._engine.query(text)
        rows, truncated = list[str](), False
        room = self._value_chars - 100 - len(json.dumps(result.columns))
        for row in result.rows:
            encoded = json.dumps([_json(value) for value in row])
            room -= len(encoded) + 2 + encoded.count('"') + encoded.count("\\")  # it is quoted once more on its way
            if room < 0:
                truncated = True
                break
            rows.append(encoded)
        head = json.dumps({"columns": result.columns, "truncated": truncated, "reads": reads})
        return f'{head[:-1]}, "rows": [{", ".join(rows)}]}}'

    def _dump(self) -> str:
        found = [self._digest(name, kind) for name, kind in self._engine.relations()]
        whole = hashlib.sha256(json.dumps(found).encode()).hexdigest()
        return json.dumps({"digest": whole, "in_transaction": self._engine.in_transaction()})

    def _digest(self, name: str, kind: str) -> list[Any]:
        count, total = 0, 0
        for row in self._engine.unrestricted(f"SELECT * FROM {_name(name)}"):
            count += 1  # the sum over all rows does not depend on their order, and counts each as often as it occurs
            total += int.from_bytes(hashlib.sha256(json.dumps([_canonical(value) for value in row]).encode()).digest())
        columns = [column for (column,) in self._engine.unrestricted(f"SELECT name FROM pragma_table_info({_text(name)})")]
        return [name, kind, columns, count, f"{total % 2**256:x}"]

    def _thin(self, seed: int) -> None:
        for name, kind in self._engine.relations():
            if kind == "table":
                chance = random.Random(f"{seed}/{name}")
                factor, offset = chance.randrange(1, _SHARED), chance.randrange(_SHARED)
                place = f"(abs(rowid % {_SHARED}) * {factor} + {offset}) % {_SHARED} % 2"
                try:
                    list(self._engine.unrestricted(f"DELETE FROM {_name(name)} WHERE {place} = 0"))
                except Exception:  # no row ids, or other rows must not lose these: the table stays whole
                    continue


def start(settings: dict[str, Any]) -> SqlHost:
    """A host with its database loaded.

    `settings`: dialect, database (name of a file in this folder, or None), script, writable, row_limit, output_chars, memory_mb.
    Raises: ValueError for a file that is no database; what the script raises.
    """
    given = {key: settings[key] for key in ("database", "script", "writable")}
    engine: Engine = DuckDB(**given, memory_mb=settings["memory_mb"]) if settings["dialect"] == "duckdb" else Sqlite(**given)
    return SqlHost(engine, row_limit=settings["row_limit"], value_chars=settings["output_chars"])


def _lines(result: Result, row_limit: int) -> Iterator[str]:
    """A result as text: the names, then the rows, `|` between cells. Every value has one spelling, and no two have the same."""
    if result.columns is None:
        yield "OK" if result.changed is None else f"{result.changed} row{'s' * (result.changed != 1)} changed"
        return
    yield " | ".join(map(shown, result.columns))
    count = 0
    for count, row in enumerate(result.rows, 1):
        if count <= row_limit:
            yield " | ".join(map(shown, row))
        elif count > COUNTED_ROWS:
            break
    if not count:
        yield "(no rows)"
    elif count > row_limit:
        more = f"more than {COUNTED_ROWS - row_limit}" if count > COUNTED_ROWS else str(count - row_limit)
        yield f"… {more} more rows"


def shown(value: Any) -> str:
    """One cell: texts bare where nothing else is written like it, else as JSON strings; NULL, numbers as Python writes them, X'00ff'."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        text = f"X'{value[:_CELL_CHARS].hex()}'"
        return text if len(value) <= _CELL_CHARS else f"{text} … {len(value) - _CELL_CHARS} more bytes"
    if not isinstance(value, str):
        return repr(value) if isinstance(value, int | float) else str(value)
    text = value[:_CELL_CHARS]
    text = json.dumps(text, ensure_ascii=False) if not text or _QUOTED.match(text) else text
    return text if len(value) <= _CELL_CHARS else f"{text} … {len(value) - _CELL_CHARS} more characters"


def _json(value: Any) -> Any:
    """A value as JSON keeps it apart from all others; of the types that SQLite lacks, dates and the like become text."""
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__name__ == "Decimal":
        return float(value)
    return json.dumps(value, default=str) if isinstance(value, list | tuple | dict) else str(value)


def _canonical(value: Any) -> Any:
    """`_json`, with numbers that differ only by rounding made the same: nine digits of a float, and whole floats as whole numbers."""
    value = _json(value)
    if isinstance(value, float):
        value = value if value.is_integer() else float(f"{value:.9g}")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value if not isinstance(value, str) else [value]


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
