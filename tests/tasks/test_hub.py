"""Datasets of a folder and of a Hub, read by the real `datasets`; in processes of their own, since it fixes endpoint and cache once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.tasks.hub_server import hub

OLD, NEW = "a" * 40, "b" * 40
CARD = b"---\nconfigs:\n- config_name: main\n  data_files: [{split: train, path: main/train*}, {split: test, path: main/test*}]\n---\n"
READ = """
import json, sys
from dataclasses import asdict
from eagdata.errors import EagdataError
from eagdata.tasks.hub import HubTasks
try:
    found = [asdict(task) for task in HubTasks(HubTasks.Config(**json.loads(sys.argv[1]))).tasks(None, seed=0)]
except EagdataError as error:
    found = {"exit": error.exit_code, "said": str(error)}
print(json.dumps(found))
"""


def rows(first: int) -> list[dict[str, Any]]:
    return [{"question": f"{i}+1?", "answer": f"so it is\n#### {i + 1}", "meta": {"level": i}} for i in range(first, first + 3)]


def parquet(first: int) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(first)), file)
    return file.getvalue()


SUMS = {
    OLD: {"README.md": CARD, "main/train.parquet": parquet(0), "main/test.parquet": parquet(80)},
    NEW: {"README.md": CARD, "main/train.parquet": parquet(10), "main/test.parquet": parquet(90)},
}


def read(home: Path, endpoint: str = "http://127.0.0.1:9", **settings: object) -> Any:
    """Tasks, or the exit code and words of an error."""
    given = {"fields": {"question": "question", "answer": "answer | after_hashes", "metadata": {"level": "meta.level"}}, **settings}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    if endpoint.endswith(":9"):
        environment["HF_HUB_OFFLINE"] = "1"  # else it tries for half a minute
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(given)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_dataset_of_the_hub_is_read_at_its_newest_commit_which_is_recorded(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}) as endpoint:
        tasks = read(tmp_path, endpoint, path="own/sums", name="main")
        assert [task["answer"] for task in tasks] == ["11", "12", "13"]
        assert [task["id"] for task in tasks] == ["sums-train-00001", "sums-train-00002", "sums-train-00003"]
        assert {task["source"] for task in tasks} == {f"own/sums@{NEW}"}
        assert [task["metadata"] for task in tasks] == [{"level": 10}, {"level": 11}, {"level": 12}]
        test = read(tmp_path, endpoint, path="own/sums", name="main", split="test[:1]")
        assert [(task["answer"], task["id"]) for task in test] == [("91", "sums-test-00001")]
    assert read(tmp_path, path="own/sums", name="main") == tasks  # without a network, from the cache


def test_an_older_revision_can_be_asked_for(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}) as endpoint:
        tasks = read(tmp_path, endpoint, path="own/sums", revision=OLD)
    assert [(task["answer"], task["source"]) for task in tasks] == [(str(i), f"own/sums@{OLD}") for i in (1, 2, 3)]
    refused = read(tmp_path, path="own/sums", revision=NEW)  # without a network, the cache holds another one
    assert refused["exit"] == 4
    assert OLD in refused["said"]


def test_rows_can_be_streamed(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}) as endpoint:
        whole = read(tmp_path, endpoint, path="own/sums")
        streamed = read(tmp_path, endpoint, path="own/sums", streaming=True)
    assert streamed == whole


def test_what_does_not_exist_is_a_fault_of_the_recipe(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}) as endpoint:
        for wrong in (
            {"path": "own/none"},
            {"path": "own/sums", "name": "other"},
            {"path": "own/sums", "split": "validation"},
            {"path": "own/sums", "split": "validation", "streaming": True},
            {"path": "own/sums", "revision": "c" * 40},
        ):
            refused = read(tmp_path, endpoint, **wrong)
            assert refused["exit"] == 2, refused
            assert "cannot load the dataset" in refused["said"]


def test_a_gated_dataset_asks_for_a_key(tmp_path: Path) -> None:
    with hub({"own/sums": SUMS}, gated=frozenset({"own/sums"})) as endpoint:
        refused = read(tmp_path, endpoint, path="own/sums")
    assert refused["exit"] == 3
    assert "export HF_TOKEN" in refused["said"]


def test_without_a_network_it_says_how_to_go_on(tmp_path: Path) -> None:
    refused = read(tmp_path, path="own/sums")
    assert refused["exit"] == 4
    assert "hf download --repo-type dataset own/sums" in refused["said"]
    assert "--set tasks.path=DIR" in refused["said"]


def test_a_local_folder_is_a_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(0)))
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(50)))
    tasks = read(tmp_path, path=str(folder))
    assert [(task["id"], task["answer"], task["source"]) for task in tasks] == [(f"sums-train-{i:05d}", str(i), "sums") for i in (1, 2, 3)]
    assert [task["answer"] for task in read(tmp_path, path=str(folder), split="test", streaming=True)] == ["51", "52", "53"]
    only = read(tmp_path, path=str(folder), data_files={"train": "test.jsonl"})
    assert [task["answer"] for task in only] == ["51", "52", "53"]
    (tmp_path / "parquet").mkdir()
    (tmp_path / "parquet" / "data.parquet").write_bytes(parquet(7))
    assert [task["answer"] for task in read(tmp_path, path=str(tmp_path / "parquet"))] == ["8", "9", "10"]


def test_a_dataset_that_brings_code_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'ran')!r}, 'w')"
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "sums.py").write_text(script)
    with hub({"own/sums": {NEW: {**SUMS[NEW], "sums.py": script.encode()}}}) as endpoint:
        for path in (str(tmp_path / "sums"), "own/sums"):
            assert read(tmp_path, endpoint, path=path)["exit"] == 2
    assert not (tmp_path / "ran").exists()
