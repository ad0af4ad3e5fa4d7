"""What a curation leaves behind: the rows that stay as they came, every drop with its reason, the funnel, a card, the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa

from eagdata import __version__
from eagdata.analyze.funnel import draw_funnel
from eagdata.analyze.report import report_page
from eagdata.curate.corpus import read_table
from eagdata.importers.sources import Sources
from eagdata.plan import CurationPlan
from eagdata.publish.card import dataset_card
from eagdata.publish.files import WrittenFile, write_file
from eagdata.publish.lines import LinesWriter
from eagdata.publish.manifest import write_manifest
from eagdata.publish.parquet import DROPPED_SCHEMA, ShardWriter
from eagdata.records import Json

TRAJECTORIES, ROWS, REJECTED = "trajectories", "rows", "rejected"
SPLIT = "split"


@dataclass(frozen=True, kw_only=True)
class Curated:
    """A curation that has been decided."""

    plan: CurationPlan
    sources: Sources
    shards: Sequence[Path]
    alive: np.ndarray[tuple[int], np.dtype[np.bool_]]
    drops: Sequence[tuple[str, pa.Table]]
    """Stage and its `DROPS`, in the order of the stages."""
    columns: Sequence[pa.Table]
    """`row` and new columns."""

    @property
    def config(self) -> str:
        """Folder of the rows: `trajectories` where they are ours, which `eagdata verify` then takes."""
        return TRAJECTORIES if all(item["format"] == TRAJECTORIES for item in self.sources.described) else ROWS


def write_curated(out: Path, made: Curated, body: Mapping[str, Json]) -> None:
    """Write `data/`, `report/`, `README.md`, `plan.json` and, last, `manifest.json`. Raises: PrerequisiteError if the disk refuses."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    files = [*_write_rows(out / "data" / made.config, made), *_write_drops(out / "data" / REJECTED, made)]
    stats = _stats(made, body, files)
    funnel = draw_funnel(cast("list[dict[str, Json]]", body["funnel"]), items="rows")
    splits = {made.config: {split: f"data/{made.config}/{name}" for split, name in _patterns(made, files).items()}}
    configs = {name: sum(file.rows or 0 for file in files if file.path.parent.name == name) for name in (made.config, REJECTED)}
    written = [
        write_file(out / "plan.json", json.dumps(made.plan.resolved, indent=2, ensure_ascii=False) + "\n"),
        write_file(out / "report" / "stats.json", json.dumps(stats, indent=2, sort_keys=True, ensure_ascii=False) + "\n"),
        write_file(out / "report" / "funnel.svg", funnel.svg),
        write_file(out / "report" / "funnel.png", funnel.png),
        write_file(out / "report" / "report.html", report_page(stats, funnel=funnel.svg)),
        write_file(out / "README.md", dataset_card(stats, configs=configs, files=splits)),
    ]
    kept = {key: value for key, value in body.items() if key not in ("out", "paths", "time_s")}
    write_manifest(out, {**kept, "eagdata_version": __version__}, files=[*files, *written], time={"created_at": began})


def _write_rows(folder: Path, made: Curated) -> tuple[WrittenFile, ...]:
    """The rows that stay, in the order of the input, with the columns that stages gave them."""
    added = _added(made)
    splits = added[SPLIT].unique().to_pylist() if SPLIT in added.column_names else [None]
    names = [name or "train" for name in splits if name or len(splits) == 1] or ["train"]
    schema = _schema(made.sources.schema, added) if made.sources.schema is not None else None
    with ExitStack() as stack:
        writers = {name: _writer(folder, schema, split=name) for name in sorted(names)}
        for writer in writers.values():
            stack.enter_context(writer)
        for rows, columns in _kept(made, added):
            _route(rows, columns, writers)
    return tuple(file for writer in writers.values() for file in writer.files)


def _writer(folder: Path, schema: pa.Schema | None, *, split: str) -> ShardWriter | LinesWriter:
    return LinesWriter(folder, split=split) if schema is None else ShardWriter(folder, schema, split=split)


def _added(made: Curated) -> pa.Table:
    """New columns of the rows that stay, one line for each of them."""
    rows = pa.table({"row": pa.array(np.flatnonzero(made.alive), pa.int64())})
    for columns in made.columns:
        rows = rows.join(columns, "row", join_type="left outer").sort_by("row")
    return rows.drop_columns("row")


def _schema(schema: pa.Schema, added: pa.Table) -> pa.Schema:
    """The input's, with the new columns at the end, or instead of those of the same name."""
    kept = [field for field in schema if field.name not in added.column_names]
    return pa.schema([*kept, *added.schema], metadata=None)


def _kept(made: Curated, added: pa.Table) -> Iterator[tuple[pa.Table | list[bytes], pa.Table]]:
    """Batches of rows that stay, with their new columns."""
    row = place = 0
    for batch in made.sources.batches():
        alive = made.alive[row : row + batch.documents.num_rows]
        row += len(alive)
        count = int(alive.sum())
        rows = (
            batch.rows.filter(pa.array(alive))
            if isinstance(batch.rows, pa.Table)
            else [r for r, a in zip(batch.rows, alive, strict=True) if a]
        )
        yield rows, added.slice(place, count)
        place += count


def _route(rows: pa.Table | list[bytes], columns: pa.Table, writers: Mapping[str, Any]) -> None:  # Any: a writer of either kind
    """Each row to the file of its split."""
    if isinstance(rows, pa.Table):
        whole = rows.drop_columns([name for name in columns.column_names if name in rows.column_names])
        for name, column in zip(columns.column_names, columns.columns, strict=True):
            whole = whole.append_column(name, column)
        for split, writer in writers.items():
            writer.write_table(whole if len(writers) == 1 else whole.filter(pa.compute.equal(whole[SPLIT], split)))
        return
    new = columns.to_pylist() if columns.num_columns else [None] * len(rows)
    for line, values in zip(rows, new, strict=True):
        split = (values or {}).get(SPLIT) or next(iter(writers))
        writers[split].write(orjson.dumps(orjson.loads(line) | values) if values else line)


def _write_drops(folder: Path, made: Curated) -> tuple[WrittenFile, ...]:
    """Every drop: which row, where, why, by which evidence."""
    gone = pa.concat_tables([drops.append_column("stage", pa.array([stage] * len(drops), pa.string())) for stage, drops in made.drops])
    gone = gone.sort_by("row")
    places = gone["row"].to_numpy()
    with ShardWriter(folder, DROPPED_SCHEMA) as writer:
        for shard in made.shards:
            known = read_table(shard).select(["row", "id", "task", "source", "family"])
            first = known["row"][0].as_py()
            start, end = np.searchsorted(places, (first, first + len(known)))
            here = known.take(pa.array(places[start:end] - first))
            for name in ("stage", "reason", "evidence"):
                here = here.append_column(name, gone[name].slice(start, end - start))
            writer.write_table(here)
    return writer.files


def _patterns(made: Curated, files: Sequence[WrittenFile]) -> dict[str, str]:
    """Split -> pattern of its files."""
    ending = "parquet" if made.sources.schema is not None else "jsonl"
    splits = sorted({file.path.name.split("-")[0] for file in files if file.path.parent.name == made.config})
    return {split: f"{split}-*.{ending}" for split in splits}


def _stats(made: Curated, body: Mapping[str, Json], files: Sequence[WrittenFile]) -> dict[str, Json]:
    """All that report and card show; no time is in it."""
    return {
        "schema_version": 1,
        "name": made.plan.name,
        "description": "Curated rows: every row that was dropped is listed with the reason and the evidence.",
        "plan_digest": made.plan.digest,
        "eagdata_version": __version__,
        "curation": dict(cast("dict[str, Json]", body["counts"])),
        "funnel": body["funnel"],
        "stages": body["stages"],
        "made": {"seed": made.plan.seed, "curation": [kind for kind, _ in made.plan.stages], "verified_rows": made.config == TRAJECTORIES},
        "rows": {"rows": sum(file.rows or 0 for file in files if file.path.parent.name == made.config)},
        "inputs": [_nameless(item) for item in made.sources.described if item["rows"]],
    }


def _nameless(item: Mapping[str, Json]) -> dict[str, Json]:
    """An input without the folders it lay in: they say something of the machine, and the report is published."""
    return {**item, "path": Path(str(item["path"])).name} if "sha256" in item else dict(item)
