"""Datasets of a Hub on loopback, read by the real `datasets`; in processes of their own, since it fixes endpoint and cache once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.tasks.hub_server import hub
from tests.tasks.test_hub import NEW, OLD, SUMS

READ = """
import json, sys
from eagdata.errors import EagdataError
from eagdata.importers.sources import open_sources
found = []
for data in sys.argv[1:]:
    try:
        sources = open_sources([data], fields=["meta.level"])
        (batch,) = sources.batches()
        assert batch.rows.schema == sources.schema
        found.append({"described": sources.described, "format": sources.format, "rows": batch.rows.to_pylist(),
                      "documents": batch.documents.to_pylist()})
    except EagdataError as error:
        found.append({"exit": error.exit_code, "said": str(error)})
print(json.dumps(found))
"""


def read(home: Path, endpoint: str, *data: str) -> list[Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    if endpoint.endswith(":9"):
        environment["HF_HUB_OFFLINE"] = "1"  # else it tries for half a minute
    done = subprocess.run(
        [sys.executable, "-c", READ, *data], env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=home
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_dataset_of_the_hub_is_rows_at_a_recorded_commit(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}) as endpoint:
        newest, test, old, none, no_split = read(
            tmp_path, endpoint, "own/sums", "own/sums::main/test", f"own/sums@{OLD}", "own/none", "own/sums::validation"
        )
    assert (newest["format"], newest["described"]) == (
        "parquet",
        [{"path": "own/sums", "configuration": None, "split": "train", "revision": NEW, "rows": 3, "format": "question"}],
    )
    assert [one["answer"] for one in newest["documents"]] == ["11", "12", "13"]
    assert [one["id"] for one in newest["documents"]] == [f"own/sums::train:{i}" for i in (1, 2, 3)]
    assert [one["field.meta.level"] for one in newest["documents"]] == [10, 11, 12]
    assert [row["meta"] for row in newest["rows"]] == [{"level": 10}, {"level": 11}, {"level": 12}]
    assert [one["answer"] for one in test["documents"]] == ["91", "92", "93"]
    assert ([one["answer"] for one in old["documents"]], old["described"][0]["revision"]) == (["1", "2", "3"], OLD)
    assert (none["exit"], no_split["exit"]) == (2, 2)
    assert "cannot load the dataset 'own/none'" in none["said"]
    assert "owner/name@revision::configuration/split" in no_split["said"]


def test_without_a_network_it_says_how_to_go_on(tmp_path: Path) -> None:
    (refused,) = read(tmp_path, "http://127.0.0.1:9", "own/sums")
    assert refused["exit"] == 4
    assert "hf download --repo-type dataset own/sums" in refused["said"]
    assert "give DIR in its place" in refused["said"]
