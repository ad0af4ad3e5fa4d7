"""Tasks from the user's own files: JSON lines, a JSON array, Parquet; the former two `.gz` or not."""

from __future__ import annotations

import glob
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, Never, cast

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Task
from eagdata.tasks.mapping import uses
from eagdata.tasks.rows import BadRow, Row, RowSettings, tasks_of


@settings
class FileSettings(RowSettings):
    """What `jsonl` and `parquet` have in common."""

    path: str
    """File, or pattern such as data/*.jsonl; files are read in the order of their names."""


class JsonlTasks:
    """Tasks from JSON lines, or from a `.json` file that holds one array of objects."""

    Config = FileSettings

    def __init__(self, config: FileSettings) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        rows = (row for path in _paths(self._config.path) for row in _json_rows(path))
        return tasks_of(rows, self._config, n=n, seed=seed, origin=self._config.path)


class ParquetTasks:
    """Tasks from Parquet files, read batch by batch."""

    Config = FileSettings

    def __init__(self, config: FileSettings) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        rows = (row for path in _paths(self._config.path) for row in _parquet_rows(path, self._config))
        return tasks_of(rows, self._config, n=n, seed=seed, origin=self._config.path)


def _row(path: Path, number: int, raw: object) -> Row:
    """Row `number` of a file, from 1: bytes that are still to be read, or what was read."""
    name = path.name
    return Row(f"{path}:{number}", f"{name.split('.')[0]}-{number:05d}", name, partial(_columns, raw))


def _columns(raw: object) -> Mapping[str, object]:
    """Raises: BadRow."""
    value = _parsed(raw) if isinstance(raw, bytes) else raw
    if not isinstance(value, dict):
        raise BadRow(f"not a JSON object but {type(value).__name__}")
    return value


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadRow(f"not UTF-8: byte {error.start + 1} is {raw[error.start]:#04x}") from error
    except (ValueError, RecursionError) as error:
        raise BadRow(f"not JSON: {error}") from error


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _paths(pattern: str) -> list[Path]:
    found = [pattern] if Path(pattern).is_file() else sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
    if not found:
        raise RecipeError(
            f"no file {pattern!r}", why="tasks.path is neither a file nor a pattern that matches one", mend="check tasks.path"
        )
    return [Path(path) for path in found]


def _json_rows(path: Path) -> Iterator[Row]:
    mend = "check tasks.path; a .gz file may be cut off"
    try:
        with cast("BinaryIO", (gzip.open if path.suffix == ".gz" else open)(path, "rb")) as file:
            if path.name.removesuffix(".gz").endswith(".json") and _is_array(file):
                for number, raw in enumerate(_array(file.read()), start=1):
                    yield _row(path, number, raw)
                return
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _row(path, number, line)
    except (OSError, EOFError, zlib.error, BadRow) as error:
        raise RecipeError(f"cannot read {path}", why=str(error), mend=mend) from error


def _is_array(file: BinaryIO) -> bool:
    """Whether the first sign of the file opens an array; a `.json` file of JSON lines, as `datasets` writes them, begins with an object."""
    start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    return start.startswith(b"[")


def _array(raw: bytes) -> list[object]:
    value = _parsed(raw)
    return value if isinstance(value, list) else []


def _parquet_rows(path: Path, config: FileSettings) -> Iterator[Row]:
    """Rows with the columns that are used."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            used = [name for name in file.schema_arrow.names if uses(dict(config.fields), name)]
            number = 0
            for batch in file.iter_batches(batch_size=1024, columns=used):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(path, number, row)
    except (OSError, pa.ArrowException) as error:
        raise RecipeError(f"cannot read {path}", why=str(error), mend="check tasks.path: it must be a whole Parquet file") from error
