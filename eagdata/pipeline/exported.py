"""Where exports go: one JSON lines or Parquet file, or a folder of documents. Whole under its name, or not there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eagdata.errors import RecipeError
from eagdata.publish.files import PART, disk_refused, sync_folder
from eagdata.publish.parquet import GROUP_ROWS, GROUP_SIZE
from eagdata.records import Json, well_formed

Row = dict[str, Json]
_AT_ONCE = 100
_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


def write_export(out: Path, rows: Iterable[Row], *, schema: pa.Schema | None, documents: bool) -> int:
    """Write `rows` to `out` and give their number; by its suffix JSON lines or Parquet, a folder if they are `documents`.

    A lone surrogate becomes U+FFFD. What stood at `out` is replaced at the end. No row: nothing is written, and the number is 0.

    Raises: RecipeError for a document's name that is none, or is there twice; PrerequisiteError if the disk is full or does not
    allow it; what `rows` raise. In all cases `out` is as it was.
    """
    part = out.with_name(out.name + PART)
    write: Callable[[Path, Iterable[Row]], int] = _write_documents if documents else _write_lines
    if not documents and out.suffix == ".parquet":
        write = _parquet(schema)
    try:
        _remove(part)
        out.parent.mkdir(parents=True, exist_ok=True)
        written = write(part, rows)
        if written:
            _remove(out)
            part.replace(out)
            sync_folder(out.parent)
    except OSError as error:
        raise disk_refused(out, error) from error
    finally:
        with suppress(OSError):
            _remove(part)
    return written


def unified(rows: Iterable[Row]) -> pa.Schema:
    """A schema that holds all of them, for an exporter that names none. Raises: pyarrow.ArrowException if there is none."""
    found = pa.schema([])
    for some in _batches(rows):
        columns = {key: [row.get(key) for row in some] for key in dict.fromkeys(key for row in some for key in row)}
        found = pa.unify_schemas([found, pa.table(columns).schema], promote_options="permissive")
    return found


def as_line(value: Json | Mapping[str, Json]) -> bytes:
    """A value as one line of JSON."""
    return well_formed(json.dumps(value, ensure_ascii=False, allow_nan=False)).encode() + b"\n"


def _write_lines(part: Path, rows: Iterable[Row]) -> int:
    written = 0
    with part.open("wb") as sink:
        for row in rows:
            sink.write(as_line(row))
            written += 1
        sink.flush()
        os.fsync(sink.fileno())
    return written


def _write_documents(part: Path, rows: Iterable[Row]) -> int:
    """`id` names the file and is not in it. Where nothing but `lines` is left, these are its lines; else it is one JSON object."""
    written = 0
    part.mkdir()
    for row in rows:
        name = str(row.pop("id"))
        lines = row["lines"] if row.keys() == {"lines"} else None
        if not _NAME.fullmatch(name):
            raise RecipeError(
                f"{name!r} names no file", why="it has other signs than letters, digits, '_', '-' and '.'", mend="rename the row"
            )
        try:
            with (part / f"{name}{'.json' if lines is None else '.jsonl'}").open("xb") as sink:
                sink.writelines(map(as_line, [row] if lines is None else lines))  # type: ignore[arg-type]
        except FileExistsError:
            mend = "drop the copy: eagdata curate DATA --out DIR, and export that"
            raise RecipeError(f"two rows are called {name!r}", why="each is a file of its own", mend=mend) from None
        written += 1
    return written


def _parquet(schema: pa.Schema | None) -> Callable[[Path, Iterable[Row]], int]:
    """Settings: see `publish.parquet`, whose writer takes no column of JSON: pyarrow builds none from Python values (26.0)."""
    if schema is None:
        raise ValueError("a Parquet file needs a schema")

    def write(part: Path, rows: Iterable[Row]) -> int:
        options = {"compression": "zstd", "compression_level": 3, "write_page_index": True, "use_content_defined_chunking": True}
        written = 0
        with part.open("wb") as sink:
            with pq.ParquetWriter(sink, schema, **options) as writer:
                for group in _groups(_tables(rows, schema)):
                    writer.write_table(_typed(group, schema))
                    written += group.num_rows
            sink.flush()
            os.fsync(sink.fileno())
        return written

    return write


def tables(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows as tables with the columns of the schema, a hundred at a time; a lone surrogate becomes U+FFFD.

    Raises: ValueError for a key that the schema lacks; pyarrow.ArrowException for a value that does not fit; what `rows` raise.
    """
    return (_typed(table, schema) for table in _tables(rows, schema))


def _tables(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    """With columns of JSON as texts."""
    storage = pa.schema([(field.name, _storage(field.type)) for field in schema])
    for some in _batches(rows):
        yield pa.Table.from_pylist([_stored(row, schema) for row in some], schema=storage)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Row groups of at most 1,000 rows, and of 64 MB unless a hundred rows are more."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in chain(tables, [None]):
        if waiting and (table is None or rows + table.num_rows > GROUP_ROWS or size + table.nbytes > GROUP_SIZE):
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows, size = [], 0, 0
        if table is not None:
            waiting.append(table)
            rows, size = rows + table.num_rows, size + table.nbytes


def _typed(group: pa.Table, schema: pa.Schema) -> pa.Table:
    """With its JSON columns as such. No other is cast: pyarrow 26.0 breaks a struct of nulls in a list by casting it to its own type."""
    columns = (
        group[field.name] if group.schema.field(field.name).type == field.type else group[field.name].cast(field.type) for field in schema
    )
    return pa.table(list(columns), schema=schema)


def _storage(kind: pa.DataType) -> pa.DataType:
    """The type that holds a JSON type's values, wherever it stands in `kind`."""
    if isinstance(kind, pa.JsonType):
        return pa.string()
    return pa.list_(_storage(kind.value_type)) if pa.types.is_list(kind) else kind


def _stored(value: Any, kind: pa.DataType | pa.Schema) -> Any:  # Any: whatever the type says
    """A value as its storage takes it. Raises: ValueError for a key that the schema lacks: it would be lost without a word."""
    if value is None:
        return None
    if isinstance(kind, pa.JsonType):
        return as_line(value)[:-1].decode()
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        fields = {field.name: field.type for field in kind}
        if lost := value.keys() - fields.keys():
            raise ValueError(f"the schema has no place for {sorted(lost)}")
        return {key: _stored(inner, fields[key]) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_stored(inner, kind.value_type) for inner in value]
    return value


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
