"""Runs to files that something else reads: rows through an exporter, and settings for the trainers that read them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from eagdata.contracts import Exporter, Tokenizer
from eagdata.errors import RecipeError, StoreError
from eagdata.exporters.chats import COLUMNS
from eagdata.exporters.trainers import trainer_files
from eagdata.pipeline.building import build
from eagdata.pipeline.exported import Row, unified, write_export
from eagdata.publish.files import write_file
from eagdata.records import Json
from eagdata.registry import plugin_class

STEP = 1_024
"""Tokens. Lengths are rounded up to a multiple; shorter ones are told by its powers of two."""
MESSAGE_TOKENS = 16
"""What a chat template adds to a message, at most: 5 in ChatML and Llama 3, 12 more around a tool call or its answer in Qwen2.5."""
_COUNTER = "qwen25"
_READ = {"trajectories": COLUMNS | {"tokens"}, "traces": frozenset({"id", "prompt", "trace"})}
_BATCH_ROWS = 64


@dataclass
class Lengths:
    """Tokens of the rows that went out, with room for what a chat template adds."""

    tokenizers: set[str] = field(default_factory=set)
    unknown: int = 0
    """Rows that do not say how long they are."""
    _longest: int = 0
    _steps: Counter[int] = field(default_factory=Counter)

    def take(self, tokens: int | None, tokenizer: str) -> None:
        """Add one row."""
        if tokens is None:
            self.unknown += 1
            return
        self.tokenizers.add(tokenizer)
        self._longest = max(self._longest, tokens)
        self._steps[-(-tokens // STEP)] += 1

    @property
    def longest(self) -> int | None:
        """Tokens of the longest row; None if any is unknown."""
        return None if self.unknown or not self._steps else self._longest

    @property
    def max_length(self) -> int | None:
        """A length that cuts nothing."""
        return None if self.longest is None else -(-self.longest // STEP) * STEP

    @property
    def cut(self) -> dict[str, Json]:
        """Length -> the share of rows that it would cut, for the powers of two from 1,024 that cut any."""
        steps, found, total = 1, dict[str, Json](), self._steps.total()
        while total and (over := sum(count for needed, count in self._steps.items() if needed > steps)):
            found[str(steps * STEP)] = round(over / total, 4)
            steps *= 2
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export came to."""

    format: str
    out: Path
    rows: int
    read: int
    """Trajectories or traces that were read."""
    cannot: tuple[str, ...]
    lengths: Lengths
    trainer: tuple[Path, ...]
    """Settings for trainers; empty if none reads the format, or the lengths are unknown."""

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        lengths: dict[str, Json] = {
            "tokenizer": ", ".join(sorted(self.lengths.tokenizers)) or None,
            "longest": self.lengths.longest,
            "max_length": self.lengths.max_length,
            "cut": self.lengths.cut,
        }
        return {
            "schema_version": 1,
            "format": self.format,
            "out": str(self.out),
            "rows": self.rows,
            "read": self.read,
            "cannot": list(self.cannot),
            "lengths": lengths,
            "trainer": [str(path) for path in self.trainer],
        }


def export(format: str, data: Sequence[Path], out: Path, *, given: Mapping[str, Json], fresh: bool = False) -> Exported:  # noqa: A002
    """Write the rows of `data` in a format to `out`, and settings for trainers to `trainer/` beside it.

    `data`: run folders, what was curated, Parquet files or folders of them. `out`: a `.jsonl` or `.parquet` file; a folder for a format
    of documents. `given`: settings of the exporter. Memory does not grow with the rows.

    Raises: RecipeError for an unknown format, wrong settings, data that does not have what the format needs or gives no row; StoreError
    if something is there already and not `fresh`; PrerequisiteError if the disk is full or does not allow it. `out` is then as it was.
    """
    exporter = exporter_of(format, given)
    settings_at = out.parent / "trainer" / out.name
    _check_place(out, exporter, format=format, fresh=fresh, taken=[path for path in (out, settings_at) if path.exists()])
    files = [file for path in data for file in _files(path, exporter.reads, format=format)]
    schema = getattr(exporter, "schema", None)
    if schema is None and out.suffix == ".parquet" and not exporter.documents:
        schema = unified(exporter.rows(read_rows(files)))
    measured = _Measured(exporter)
    rows = write_export(out, measured.rows(read_rows(files)), schema=schema, documents=exporter.documents)
    if not rows:
        why = f"{measured.read} {exporter.reads} were read, and none gives a row"
        raise RecipeError(f"there is nothing to export as {format!r}", why=why, mend="give a run with more tasks or branches")
    lengths = measured.lengths
    trainer = _trainer(settings_at, format, given, lengths=lengths)
    return Exported(format=format, out=out, rows=rows, read=measured.read, cannot=exporter.cannot, lengths=lengths, trainer=trainer)


def exporter_of(format: str, given: Mapping[str, Json]) -> Exporter:  # noqa: A002
    """An exporter by its name, with its settings. Raises: RecipeError for an unknown name or wrong settings."""
    from pydantic import TypeAdapter, ValidationError

    config: Any = plugin_class("exporters", format).Config  # type: ignore[attr-defined]
    try:
        return cast("Exporter", build("exporters", format, TypeAdapter(config).validate_python(given)))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        known = ", ".join(TypeAdapter(config).json_schema()["properties"]) or "none"
        raise RecipeError(f"the settings of export {format!r} are wrong", why=wrong, mend=f"--set KEY=VALUE; its keys: {known}") from error


class _Measured:
    """An exporter whose rows are counted and measured as they pass."""

    def __init__(self, exporter: Exporter) -> None:
        self.read = 0
        self.lengths = Lengths()
        self._exporter = exporter

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[Row]:
        """The rows of the export. Those made of trajectories say how long they are; others are counted here."""
        counted = self._exporter.reads == "traces" and not self._exporter.documents
        for row in self._exporter.rows(self._told(source)):
            if counted:
                self.lengths.take(_tokens(row, self._tokenizer.count), self._tokenizer.name)
            yield row

    def _told(self, source: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
        for row in source:
            self.read += 1
            if self._exporter.reads == "trajectories":
                self.lengths.take(*_trajectory_tokens(cast("Mapping[str, Any]", row)))
            yield row

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        config = plugin_class("tokenizers", _COUNTER).Config  # type: ignore[attr-defined]
        return cast("Tokenizer", build("tokenizers", _COUNTER, config()))


def _trajectory_tokens(row: Mapping[str, Any]) -> tuple[int | None, str]:
    """The row's own count, and what it does not count: the template's marks, tool calls, schemas of tools (two characters a token)."""
    known = row["tokens"]
    if known is None or known["total"] is None:
        return None, ""
    acts = any(message["tool_calls"] for message in row["messages"])
    tools = len(row["tools"]) // 2 if row["tools"] != "[]" else 0
    return known["total"] + (known["action"] or 0) * acts + tools + MESSAGE_TOKENS * len(row["messages"]), known["tokenizer"]


def _tokens(row: Mapping[str, Json], count: Callable[[str], int]) -> int:
    """All text of a row, with `chosen` or `rejected`, whichever is longer: a trainer reads them one at a time."""
    rivals = {key: _text_tokens(row[key], count) for key in ("chosen", "rejected") if key in row}
    return sum(_text_tokens(value, count) for key, value in row.items() if key not in rivals) + max(rivals.values(), default=0)


def _text_tokens(value: Json, count: Callable[[str], int]) -> int:
    if isinstance(value, str):
        return count(value)
    if isinstance(value, dict):
        return MESSAGE_TOKENS + sum(_text_tokens(inner, count) for inner in value.values())
    return sum(_text_tokens(inner, count) for inner in value) if isinstance(value, list) else 0


def _check_place(out: Path, exporter: Exporter, *, format: str, fresh: bool, taken: Sequence[Path]) -> None:  # noqa: A002
    """Raises: RecipeError for a name that does not fit the format; StoreError if something is there."""
    if not exporter.documents and (out.suffix not in (".jsonl", ".parquet") or out.is_dir()):
        raise RecipeError(f"cannot write {format!r} to {str(out)!r}", why="it is a table", mend="--out NAME.jsonl or --out NAME.parquet")
    if exporter.documents and (out.suffix in (".jsonl", ".parquet") or out.is_file()):
        raise RecipeError(f"cannot write {format!r} to {str(out)!r}", why="each row is a file of its own", mend="--out FOLDER")
    if not fresh and (found := [path for path in taken if path.is_file() or any(path.iterdir())]):
        raise StoreError(f"{str(found[0])!r} is there already", why="an export overwrites nothing", mend="another --out, or --fresh")


def _files(path: Path, reads: str, *, format: str) -> list[Path]:  # noqa: A002
    """The Parquet files of a run folder, a folder or a file that hold what the format reads. Raises: RecipeError."""
    if path.is_dir():
        place = next((one for one in (path / "data" / reads, path / reads, path) if any(one.glob("*.parquet"))), None)
        found = sorted(place.glob("*.parquet")) if place else []
    else:
        found = [path] if path.suffix == ".parquet" and path.is_file() else []
    if not found:
        why = f"it is no Parquet file, and no folder with `data/{reads}` or Parquet files in it"
        raise RecipeError(
            f"there are no {reads} at {str(path)!r}", why=why, mend=f"{format!r} is made from {reads}: give a run that has them"
        )
    for file in found:
        _check_columns(file, reads, format=format)
    return found


def _check_columns(file: Path, reads: str, *, format: str) -> None:  # noqa: A002
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        there = set(pq.read_schema(file).names)
    except (OSError, pa.ArrowException) as error:
        raise RecipeError(f"cannot read {file}", why=str(error), mend="give Parquet files that eagdata wrote") from error
    if missing := _READ[reads] - there:
        other = next((f"it holds {kind}" for kind, names in _READ.items() if kind != reads and there >= names), None)
        raise RecipeError(
            f"{file} holds no {reads}",
            why=other or f"it lacks the columns {', '.join(sorted(missing))}",
            mend=f"{format!r} is made from {reads}: give the folder of a run, or its `data/{reads}`",
        )


def read_rows(files: Sequence[Path]) -> Iterator[Mapping[str, Json]]:
    """The rows of Parquet files, in their order, few of them in memory at once. Raises: RecipeError for one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise RecipeError(f"cannot read {file}", why=str(error), mend="give Parquet files that eagdata wrote") from error


def _trainer(folder: Path, format: str, given: Mapping[str, Json], *, lengths: Lengths) -> tuple[Path, ...]:  # noqa: A002
    if folder.exists():
        shutil.rmtree(folder)
    if lengths.longest is None or lengths.max_length is None:
        return ()
    by = ", ".join(sorted(lengths.tokenizers))
    counted = f"Counted with {by}: the longest row has {lengths.longest:,} tokens, marks of a chat template with it; others differ."
    texts = trainer_files(format, given, data=f"../../{folder.name}", max_length=lengths.max_length, counted=counted)
    return tuple(write_file(folder / name, text).path for name, text in texts.items())
