"""The columns of some rows, whether an Arrow table holds them or objects read from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

_WHOLE = 2**53
"""Below it a float holds every whole number."""
_INT64 = range(-(2**63), 2**63)


class BadRow(ValueError):
    """Why a row, by its place among those that were given, cannot be read."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at


class Columns(Protocol):
    """Columns by name, or by a dotted path into a nested one; a column whose own name has the dots wins."""

    names: frozenset[str]
    """Of the whole file, not of these rows alone."""

    def __len__(self) -> int: ...

    def texts(self, path: str) -> pa.Array:
        """As `large_string`: texts, and what `spelt` makes of numbers and flat lists; null where there is none. Raises: BadRow."""
        ...

    def values(self, path: str, kind: pa.DataType) -> pa.Array:
        """As bool, int64, float64 or string; what does not fit is null, except that a string spells everything."""
        ...

    def is_text(self, name: str) -> bool:
        """Whether the column holds texts, and not lists or objects."""
        ...

    def without(self, names: Sequence[str]) -> int | None:
        """The first row that has none of these columns, not even with null."""
        ...

    def objects(self, names: Sequence[str]) -> Iterator[Mapping[str, object]]:
        """The rows as Python values, with at least the columns named, as far as they are there."""
        ...


class TableColumns:
    """Of an Arrow batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.names = frozenset(batch.schema.names)
        self._batch = batch

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    def texts(self, path: str) -> pa.Array:
        """See `Columns`."""
        column = self._column(path)
        if column is not None and pa.types.is_nested(column.type) and not _is_flat_list(column.type):
            raise BadRow(0, f"{path!r} holds {column.type}, not texts")
        return self.values(path, pa.large_string())

    def values(self, path: str, kind: pa.DataType) -> pa.Array:
        """See `Columns`."""
        column = self._column(path)
        if column is None:
            return pa.nulls(len(self), kind)
        if is_string(kind):
            return column.cast(kind) if is_string(column.type) else array([spelt(value) for value in column.to_pylist()], kind)
        is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
        fits = pa.types.is_boolean(column.type) if pa.types.is_boolean(kind) else is_number
        return column.cast(kind, safe=False) if fits else pa.nulls(len(self), kind)

    def is_text(self, name: str) -> bool:
        """See `Columns`."""
        return is_string(self._batch.schema.field(name).type)

    def without(self, names: Sequence[str]) -> int | None:
        """See `Columns`."""
        return None

    def objects(self, names: Sequence[str]) -> Iterator[Mapping[str, object]]:
        """See `Columns`."""
        return iter(self._batch.select([name for name in names if name in self.names]).to_pylist())

    def _column(self, path: str) -> pa.Array | None:
        if path in self.names:
            return self._batch.column(path)
        name, *inner = path.split(".")
        if not inner or name not in self.names or at_path(self._batch.schema.field(name).type, inner) is None:
            return None
        return pc.struct_field(self._batch.column(name), inner)


class ObjectColumns:
    """Of objects that were read from JSON."""

    def __init__(self, rows: Sequence[Mapping[str, object]], names: frozenset[str]) -> None:
        self.names = names
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def texts(self, path: str) -> pa.Array:
        """See `Columns`."""
        found = [value_at(row, path) for row in self._rows]
        for at, value in enumerate(found):
            if isinstance(value, dict | list) and not _is_flat(value):
                raise BadRow(at, f"{path!r} holds {short(value)}, which is no text")
        return array([value if isinstance(value, str) else spelt(value) for value in found], pa.large_string())

    def values(self, path: str, kind: pa.DataType) -> pa.Array:
        """See `Columns`."""
        found = [value_at(row, path) for row in self._rows]
        if is_string(kind):
            return array([value if isinstance(value, str) else spelt(value) for value in found], kind)
        if pa.types.is_boolean(kind):
            return array([value if isinstance(value, bool) else None for value in found], kind)
        if pa.types.is_integer(kind):
            return array([value if type(value) is int and value in _INT64 else None for value in found], kind)
        return array([float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None for value in found], kind)

    def is_text(self, name: str) -> bool:
        """See `Columns`."""
        return not any(isinstance(row.get(name), list | dict) for row in self._rows)

    def without(self, names: Sequence[str]) -> int | None:
        """See `Columns`."""
        return next((at for at, row in enumerate(self._rows) if not any(name in row for name in names)), None)

    def objects(self, names: Sequence[str]) -> Iterator[Mapping[str, object]]:
        """See `Columns`."""
        return iter(self._rows)


def value_at(row: Mapping[str, object], path: str) -> object:
    """What stands at a path of an object; None if there is nothing."""
    if path in row or "." not in path:
        return row.get(path)
    found: object = row
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def at_path(kind: pa.DataType, inner: Sequence[str]) -> pa.DataType | None:
    """Type of what stands at a path within a struct; None if there is nothing."""
    for part in inner:
        index = kind.get_field_index(part) if pa.types.is_struct(kind) else -1
        if index < 0:
            return None
        kind = kind.field(index).type
    return kind


def spelt(value: object) -> str | None:
    """A value as text. A flat list: one item a line. A float that is a whole number: without its point, so 51.0 and 51 are one."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and _is_flat(value):
        return "\n".join(spelt(item) or "" for item in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """An Arrow array. A lone surrogate, which JSON escapes can smuggle in and UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_well_formed(value) for value in values], kind)


def _well_formed(value: object) -> object:
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def short(value: object) -> str:
    """Its repr, at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _is_flat(value: object) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _is_flat_list(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(is_list and not pa.types.is_nested(kind.value_type))


def is_string(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts."""
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
