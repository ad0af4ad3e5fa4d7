"""The further sets of a run: its rows and trees through the exporters that the recipe names, as shards beside the rows."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from eagdata.contracts import Exporter
from eagdata.pipeline.building import build
from eagdata.pipeline.export import read_rows
from eagdata.pipeline.exported import tables, unified
from eagdata.plan import Plan
from eagdata.publish.files import WrittenFile
from eagdata.publish.parquet import ShardWriter


def write_further_sets(plan: Plan, folder: Path) -> dict[str, tuple[WrittenFile, ...]]:
    """Write `data/NAME/train-*.parquet` for each of the plan's `exports`, from the finished shards of the run; gives the files by name.

    A set without rows is one file with its columns. Memory does not grow with the rows. The same shards give the same bytes.

    Raises: RecipeError if the exporter refuses a row; PrerequisiteError if the disk is full or does not allow it.
    """
    exporters = {name: cast("Exporter", build("exporters", kind, config)) for name, (kind, config) in plan.exports.items()}
    return {name: _written(folder / "data", name, exporter) for name, exporter in exporters.items()}


def _written(data: Path, name: str, exporter: Exporter) -> tuple[WrittenFile, ...]:
    source = sorted((data / exporter.reads).glob("*.parquet"))
    schema = getattr(exporter, "schema", None) or unified(exporter.rows(read_rows(source)))
    with ShardWriter(data / name, schema) as writer:
        for table in tables(exporter.rows(read_rows(source)), schema):
            writer.write_table(table)
    return writer.files
