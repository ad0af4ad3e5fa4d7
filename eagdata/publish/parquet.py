"""Parquet shards: streamed in bounded memory, the same bytes for the same rows, complete or absent.

Settings: zstd level 3 with page index and content-defined chunks, row groups of at most 1,000 rows or 64 MB. Page index and
small row groups are what the Hub's viewer asks for (https://huggingface.co/docs/hub/datasets-viewer-configure); chunks cut by
content let the Hub store only what a new version changed (https://huggingface.co/docs/hub/datasets-libraries#content-defined-chunking).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from eagdata.publish.files import PART, WrittenFile, disk_refused, sync_folder
from eagdata.publish.schemas import DROPPED_SCHEMA, REJECTED_SCHEMA, SCHEMA, TRACES_SCHEMA
from eagdata.records import Json

__all__ = ["DROPPED_SCHEMA", "REJECTED_SCHEMA", "SCHEMA", "TRACES_SCHEMA", "ShardWriter"]

GROUP_ROWS = 1_000
GROUP_SIZE = 64 * 2**20
SHARD_ROWS = 100_000
SHARD_SIZE = 10**9
"""Sizes count a character as 1 and any other value as 8. A shard of this size makes a file of about 300 MB."""

R = TypeVar("R")


class ShardWriter:
    """Rows in, `{split}-00000-of-0000N.parquet` out. Use in `with`; `files` is filled when the block ends.

    Until then all shards bear temporary names; a block that ends in an exception leaves none of them. Earlier shards of
    the same split in the folder are replaced. No rows give one shard with the columns and no rows; `datasets` refuses to
    load such a one, so a card must not name it.

    Text that no UTF-8 file can hold (a lone surrogate, as JSON escapes can smuggle in) becomes U+FFFD here and nowhere
    else; NUL and all other characters are kept. Times are in a row only if the caller put them there.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, *, split: str = "train", rows_per_shard: int = SHARD_ROWS, size_per_shard: int = SHARD_SIZE
    ) -> None:
        self.files: tuple[WrittenFile, ...] = ()
        self._folder = folder
        self._schema = schema
        self._names = frozenset(schema.names)
        self._split = split
        self._rows_per_shard = rows_per_shard
        self._size_per_shard = size_per_shard
        self._shard: _Shard | None = None
        self._parts: list[tuple[Path, int]] = []
        self._published = False
        self._waiting = schema.empty_table()

    def write(self, row: Mapping[str, Json]) -> None:
        """Add one row.

        Raises: ValueError if its columns are not exactly the schema's; pyarrow.ArrowException, now or later, for a value that
        does not fit its column; PrerequisiteError if the disk is full or does not allow it.
        """
        if row.keys() != self._names:
            raise ValueError(f"columns differ from the schema: {sorted(row.keys() ^ self._names)}")
        row = dict(row)
        size = _size(row)
        self._guarded(self._room_for(size).add, row, size)

    def write_table(self, table: pa.Table) -> None:
        """Add rows that are Arrow already, with the schema's columns; one that the table lacks is null. Not to be mixed with `write`.

        Raises: pyarrow.ArrowException for a column that does not fit; PrerequisiteError if the disk is full or does not allow it.
        """
        self._waiting = pa.concat_tables([self._waiting, _fitted(table, self._schema)])
        while self._waiting.num_rows >= GROUP_ROWS:
            self._write_group(self._waiting.slice(0, GROUP_ROWS))
            self._waiting = self._waiting.slice(GROUP_ROWS)

    def _write_group(self, group: pa.Table) -> None:
        """Halved until it is no larger than a row group may be."""
        if group.nbytes > GROUP_SIZE and group.num_rows > 1:
            half = group.num_rows // 2
            self._write_group(group.slice(0, half))
            self._write_group(group.slice(half))
            return
        shard = self._room_for(group.nbytes)
        self._guarded(shard.add_group, group.combine_chunks())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                if self._waiting.num_rows:
                    self._write_group(self._waiting)
                if self._shard or not self._parts:
                    self._finish_shard(self._shard or self._guarded(self._start_shard))
                self._guarded(self._publish)
        finally:
            if not self._published:
                self._abandon()

    def _room_for(self, size: int) -> _Shard:
        """The shard that takes so much more: the one begun, or the next."""
        shard = self._shard
        if shard and (shard.rows >= self._rows_per_shard or shard.size + size > self._size_per_shard):
            self._finish_shard(shard)
            shard = None
        self._shard = shard or self._guarded(self._start_shard)
        return self._shard

    def _start_shard(self) -> _Shard:
        self._folder.mkdir(parents=True, exist_ok=True)
        return _Shard(self._folder / f"{self._split}-{len(self._parts):05d}{PART}", self._schema)

    def _finish_shard(self, shard: _Shard) -> None:
        self._shard = shard
        self._guarded(shard.close)
        self._parts.append((shard.path, shard.rows))
        self._shard = None

    def _publish(self) -> None:
        self.files = tuple(self._described(i, part, rows) for i, (part, rows) in enumerate(self._parts))
        for (part, _), file in zip(self._parts, self.files, strict=True):
            part.replace(file.path)
        mine = {file.path for file in self.files}
        for pattern in (f"{self._split}-*-of-*.parquet", f"{self._split}-*{PART}"):
            for stale in set(self._folder.glob(pattern)) - mine:
                stale.unlink()
        sync_folder(self._folder)
        self._published = True

    def _described(self, index: int, part: Path, rows: int) -> WrittenFile:
        with part.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        final = self._folder / f"{self._split}-{index:05d}-of-{len(self._parts):05d}.parquet"
        return WrittenFile(final, digest, part.stat().st_size, rows)

    def _guarded(self, act: Callable[..., R], *arguments: object) -> R:
        try:
            return act(*arguments)
        except OSError as error:
            raise disk_refused(self._folder, error) from error

    def _abandon(self) -> None:
        if self._shard:
            self._shard.discard()
            self._parts.append((self._shard.path, 0))
            self._shard = None
        for path in (*(part for part, _ in self._parts), *(file.path for file in self.files)):
            with suppress(OSError):
                path.unlink()
        self._parts, self.files = [], ()


class _Shard:
    """One Parquet file that grows row group by row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self.size = 0
        self._schema = schema
        self._sink: BinaryIO = path.open("wb")
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            compression_level=3,
            write_page_index=True,
            use_content_defined_chunking=True,
        )
        self._digest = hashlib.sha256()
        self._group: list[dict[str, Json]] = []
        self._group_size = 0

    def add(self, row: dict[str, Json], size: int) -> None:
        if self._group and (len(self._group) >= GROUP_ROWS or self._group_size + size > GROUP_SIZE):
            self._write_group()
        self._group.append(row)
        self._group_size += size
        self.rows += 1
        self.size += size

    def add_group(self, group: pa.Table) -> None:
        """Rows that are a row group of their own."""
        self._write(group)
        self.rows += group.num_rows
        self.size += group.nbytes

    def close(self) -> None:
        """Write the rest and the footer, and sync."""
        if self._group:
            self._write_group()
        self._writer.add_key_value_metadata({"eagdata.version": version("eagdata"), "eagdata.content_sha256": self._digest.hexdigest()})
        self._writer.close()
        self._sink.flush()
        os.fsync(self._sink.fileno())
        self._sink.close()

    def discard(self) -> None:
        """Close what is open, whatever the disk says. The file is of no use then."""
        for close in (self._writer.close, self._sink.close):
            with suppress(OSError, pa.ArrowException, ValueError):
                close()

    def _write_group(self) -> None:
        self._write(_table(self._group, self._schema))
        self._group, self._group_size = [], 0

    def _write(self, table: pa.Table) -> None:
        for batch in table.to_batches():
            self._digest.update(batch.serialize())
        self._writer.write_table(table, row_group_size=GROUP_ROWS)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of the schema, in its order and of its types."""
    present = set(table.column_names)
    columns = [table[f.name].cast(f.type) if f.name in present else pa.nulls(table.num_rows, f.type) for f in schema]
    return pa.table(columns, schema=schema)


def _table(rows: list[dict[str, Json]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist([_well_formed(row) for row in rows], schema=schema)


def _well_formed(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: _well_formed(inner) for key, inner in value.items()}
    return [_well_formed(inner) for inner in value] if isinstance(value, list | tuple) else value


def _size(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 8
