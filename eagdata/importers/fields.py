"""Columns that stages ask for beyond those of a document: whether there are such, and of which type they are in all batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from eagdata.errors import RecipeError
from eagdata.importers.columns import at_path, is_string, value_at
from eagdata.importers.files import Source

_TYPES = {"truth values": pa.bool_(), "whole numbers": pa.int64(), "numbers": pa.float64(), "texts": pa.string()}


def fields_of(sources: Sequence[Source], fields: Sequence[str]) -> pa.Schema:
    """Name and type of each field: int64, float64, bool, or string where values are of several kinds. Rows of JSON are read for it.

    Raises: RecipeError for a field that no row has, or that holds lists or objects.
    """
    found: dict[str, set[str]] = {}
    names: set[str] = set()
    if fields:
        for source in sources:
            for kinds in _of_schema(source.schema, fields) if source.schema is not None else _of_lines(source, fields, names):
                for name, kind in kinds.items():
                    found.setdefault(name, set()).add(kind)
            names.update(source.schema.names if source.schema is not None else ())
    return pa.schema([(name, _type(name, found.get(name), names)) for name in dict.fromkeys(fields)])


def _type(name: str, kinds: set[str] | None, names: set[str]) -> pa.DataType:
    if kinds is None:
        why = f"its columns are {', '.join(sorted(names))}"
        raise RecipeError(f"no row has the column {name!r}", why=why, mend="name one of these in the recipe; dots lead into nested ones")
    if nested := kinds - _TYPES.keys() - {"nothing"}:
        mend = "name a column of texts, numbers or truth values; dots lead into nested ones"
        raise RecipeError(f"the column {name!r} holds {nested.pop()}", why="a stage needs one value a row", mend=mend)
    kinds = kinds - {"nothing"}
    if kinds == {"whole numbers", "numbers"}:
        return _TYPES["numbers"]
    return _TYPES[kinds.pop()] if len(kinds) == 1 else _TYPES["texts"]


def _of_schema(schema: pa.Schema, fields: Sequence[str]) -> Iterator[dict[str, str]]:
    for name in fields:
        head, *inner = [name] if name in schema.names else name.split(".")
        kind = at_path(schema.field(head).type, inner) if head in schema.names else None
        if kind is not None:
            yield {name: _kind_of_type(kind)}


def _kind_of_type(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_null(kind):
        return "nothing"
    if types.is_boolean(kind):
        return "truth values"
    if types.is_integer(kind) and not types.is_uint64(kind):
        return "whole numbers"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    return str(kind) if types.is_nested(kind) and not is_string(kind) else "texts"


def _of_lines(source: Source, fields: Sequence[str], names: set[str]) -> Iterator[dict[str, str]]:
    for piece in source.pieces():
        for row in piece.columns.objects(()):
            names.update(row)
            yield {name: _kind(value_at(row, name)) for name in fields if _has(row, name)}


def _has(row: Mapping[str, object], name: str) -> bool:
    outer, _, last = name.rpartition(".")
    inner = value_at(row, outer) if outer else None
    return name in row or (isinstance(inner, dict) and last in inner)


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "truth values"
        case int() if -(2**63) <= value < 2**63:
            return "whole numbers"
        case int() | float():
            return "numbers"
        case list() | dict():
            return "lists or objects"
    return "texts"
