"""Rows written to files and read back as documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eagdata.importers.sources import Sources, open_sources

Row = Mapping[str, Any]


def jsonl(path: Path, rows: Sequence[Row]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def parquet(path: Path, rows: Sequence[Row], *, schema: pa.Schema | None = None, group: int = 1000) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, row_group_size=group)
    return str(path)


def documents(sources: Sources) -> list[dict[str, Any]]:
    return [document for batch in sources.batches() for document in batch.documents.to_pylist()]


def seen(folder: Path, rows: Sequence[Row], *, name: str = "", **asked: Any) -> list[dict[str, Any]]:
    """Documents of rows, which must be the same from JSON lines and from Parquet, of the format `name`."""
    found = []
    for path in (jsonl(folder / "rows.jsonl", rows), parquet(folder / "rows.parquet", rows)):
        sources = open_sources([path], **asked)
        assert sources.described[0]["format"] == name or not name, sources.described
        found.append([{**document, "id": document["id"].removeprefix(Path(path).name)} for document in documents(sources)])
    assert found[0] == found[1]
    return found[0]


def turns(document: Row) -> list[tuple[str, str]]:
    """Role and text of each turn; the text of the document must be theirs."""
    assert document["text"] == "\n".join(turn["text"] for turn in document["turns"])
    return [(turn["role"], turn["text"]) for turn in document["turns"]]
