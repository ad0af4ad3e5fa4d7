"""Croissant metadata: what the specification asks for, from the schema alone. `mlcroissant` reads it too: see the marked test."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any  # JSON-LD

import pyarrow as pa
import pytest

from eagdata.publish.croissant import Described, croissant
from eagdata.publish.parquet import SCHEMA, ShardWriter
from eagdata.records import Json

ABOUT: dict[str, Json] = {
    "name": "sums",
    "description": "Sums, run again.",
    "url": "https://huggingface.co/datasets/own/sums",
    "licenses": ["CC0-1.0", "unknown"],
    "creator": "own",
    "version": "1.0.0",
    "datePublished": "2026-01-02",
}
REQUIRED = {"@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished"}
"""Of a dataset: Croissant 1.1, section on dataset-level information."""
CHECK = """
import sys
import mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1], mapping={"repo": sys.argv[2]})
print([record["trajectories/id"].decode() for record in dataset.records("trajectories")])
"""


def described(folder: Path) -> Described:
    with ShardWriter(folder / "data" / "trajectories", SCHEMA, rows_per_shard=2) as writer:
        for i in range(3):
            writer.write(
                dict.fromkeys(SCHEMA.names) | {"id": f"row-{i}", "loss": [True], "messages": [{"role": "user", "content": "1+1?"}]}
            )
    files: list[dict[str, Json]] = [
        {"path": str(file.path.relative_to(folder)), "bytes": file.bytes, "sha256": file.sha256, "rows": file.rows} for file in writer.files
    ]
    return Described(config="trajectories", splits={"train": "data/trajectories/train-*.parquet"}, files=files, schema=SCHEMA)


def read(about: dict[str, Json], *configs: Described) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(croissant(about, configs))
    return found


def test_it_has_what_the_specification_asks_for(tmp_path: Path) -> None:
    one = described(tmp_path)
    found = read(ABOUT, one)
    assert found.keys() >= REQUIRED
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert found["license"] == ["https://spdx.org/licenses/CC0-1.0.html"]
    parts = {part["@id"]: part for part in found["distribution"]}
    for file in one.files:
        part = parts[str(file["path"])]
        assert (part["sha256"], part["contentSize"], part["contentUrl"]) == (file["sha256"], f"{file['bytes']} B", file["path"])
    assert parts["trajectories-files"]["includes"] == ["data/trajectories/train-*.parquet"]


def test_every_column_is_a_field_with_its_type_and_place(tmp_path: Path) -> None:
    [records] = read(ABOUT, described(tmp_path))["recordSet"]
    fields = {field["source"]["extract"]["column"]: field for field in records["field"]}
    assert list(fields) == SCHEMA.names
    assert (fields["seed"]["dataType"], fields["solve_rate"]["dataType"], fields["id"]["dataType"]) == ("sc:Integer", "sc:Float", "sc:Text")
    assert (fields["loss"]["dataType"], fields["loss"]["isArray"]) == ("sc:Boolean", True)
    calls = next(part for part in fields["messages"]["subField"] if part["@id"].endswith("/tool_calls"))
    function = next(part for part in calls["subField"] if part["@id"].endswith("/function"))
    assert [part["source"]["transform"]["jsonPath"] for part in function["subField"]] == [
        "tool_calls.function.name",
        "tool_calls.function.arguments",
    ]
    names = [field["@id"] for field in _all(records["field"])]
    assert len(names) == len(set(names))


def test_a_list_of_lists_says_so() -> None:
    schema = pa.schema([("completions", pa.list_(pa.list_(pa.json_()))), ("rewards", pa.list_(pa.float64()))])
    groups = Described(config="groups", splits={"train": "data/groups/train-*.parquet"}, files=[], schema=schema)
    [records] = read(ABOUT, groups)["recordSet"]
    assert [(field["dataType"], field["arrayShape"]) for field in records["field"]] == [("sc:Text", "-1,-1"), ("sc:Float", "-1")]


def _all(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for field in fields for one in (field, *_all(field.get("subField", [])))]


def test_what_is_not_known_is_left_out() -> None:
    lines = Described(config="rows", splits={"train": "data/rows/train-*.jsonl"}, files=[], schema=None)
    found = read(ABOUT | {"licenses": [], "datePublished": None}, lines)
    assert not {"license", "datePublished", "recordSet"} & found.keys()
    assert found["distribution"][1]["encodingFormat"] == "application/jsonlines"


@pytest.mark.skipif("MLCROISSANT_PYTHON" not in os.environ, reason="MLCROISSANT_PYTHON: a Python that has mlcroissant and pyarrow")
def test_mlcroissant_validates_it_and_loads_the_rows(tmp_path: Path) -> None:
    text = croissant(ABOUT, [described(tmp_path)])
    (tmp_path / "croissant.json").write_text(text)
    python = os.environ["MLCROISSANT_PYTHON"]
    done = subprocess.run(
        [python, "-c", CHECK, str(tmp_path / "croissant.json"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['row-0', 'row-1', 'row-2']"
