"""`eagdata publish` against a Hub on loopback, with the Hub's real client, and read back by `datasets` and by `eagdata verify`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # JSON

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.e2e.running import eagdata, last_json
from tests.hub.server import BOOKKEEPING, READ, WRITE, Hub, hub

NAME = "own/quick"
KEY = "sk-proj-" + "Ab3" * 16
DRIVER = """
import json, os, sys
from dataclasses import asdict
from pathlib import Path
from eagdata.errors import EagdataError
from eagdata.pipeline.publish import prepare, publish
found = []
for folder, name, token, public in json.loads(sys.argv[1]):
    os.environ["HF_TOKEN"] = token
    try:
        found.append(asdict(publish(prepare(Path(folder), name), public=public)))
    except EagdataError as error:
        found.append({"exit": error.exit_code, "said": str(error)})
print(json.dumps(found))
"""
READ_BACK = """
import json, sys
import datasets
from huggingface_hub import snapshot_download
datasets.disable_progress_bars()
loaded = {name: datasets.load_dataset(sys.argv[1], name, split="train") for name in datasets.get_dataset_config_names(sys.argv[1])}
default = datasets.load_dataset(sys.argv[1], split="train")
print(json.dumps({
    "ids": {name: rows["id"][:] for name, rows in loaded.items()},
    "default": default["id"][:],
    "messages": default["messages"][0],
    "bytes": loaded["trajectories"].info.splits["train"].num_bytes,
    "at": snapshot_download(sys.argv[1], repo_type="dataset", local_dir=sys.argv[2]),
}))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    eagdata("generate", "--n", 6, "--out", "run", "--quiet", cwd=folder)
    return folder / "run"


@pytest.fixture
def served() -> Iterator[Hub]:
    with hub() as serving:
        yield serving


def environment(served: Hub, home: Path, token: str | None = WRITE) -> dict[str, str]:
    found = {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": served.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return found | {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0", "HF_TOKEN": token or ""}


def publish(served: Hub, folder: Path, at: Path, *options: str, check: int | None = 0) -> dict[str, Any]:
    done = eagdata("publish", folder, NAME, "--json", *options, cwd=at, env=environment(served, at), check=check)
    return last_json(done) | {"stderr": done.stderr}


def drive(served: Hub, at: Path, cases: list[tuple[Path, str, str, bool]], **changes: str) -> list[dict[str, Any]]:
    """Several publications in one process: folder, repository, token, public."""
    asked = json.dumps([[str(folder), *rest] for folder, *rest in cases])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, asked],
        env={**os.environ, **environment(served, at), **changes}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def changed(run: Path, to: Path, shard: str, column: str, value: object, *, row: int = 1) -> Path:
    """A copy of the run with another value in one cell, for which the manifest vouches."""
    shutil.copytree(run, to)
    path = to / "data" / shard / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, table.schema.field(column), pa.array(values, table.schema.field(column).type)), path)
    relist(to)
    return to


def relist(folder: Path) -> None:
    """Make the manifest vouch for the files as they are."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["files"]:
        data = (folder / file["path"]).read_bytes()
        file |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_run_is_published_in_one_commit_and_reads_back_and_verifies(served: Hub, run: Path, tmp_path: Path) -> None:
    made = publish(served, run, tmp_path)
    repository = served.repositories[NAME]
    assert repository.private
    assert (made["created"], made["private"], made["new_commit"], made["commit"]) == (True, True, True, repository.head)
    assert len(repository.commits) == 2  # the Hub's own, and ours
    assert "sent" in made["stderr"]

    listed = {file["path"]: file["sha256"] for file in json.loads(repository.files["manifest.json"])["files"]}
    there = {path: hashlib.sha256(data).hexdigest() for path, data in repository.files.items() if path not in BOOKKEEPING}
    assert there == listed | {"manifest.json": there["manifest.json"]}
    assert not {"run.db", "plan.json", ".lock"} & there.keys()

    done = subprocess.run(
        [sys.executable, "-c", READ_BACK, NAME, str(tmp_path / "back")],
        env={**os.environ, **environment(served, tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read, rows = json.loads(done.stdout), pq.read_table(run / "data" / "trajectories").to_pylist()
    assert read["default"] == read["ids"]["trajectories"] == [row["id"] for row in rows]
    assert read["ids"]["traces"] == pq.read_table(run / "data" / "traces")["id"].to_pylist()
    assert read["messages"] == rows[0]["messages"]
    head = yaml.safe_load(repository.files["README.md"].decode().split("---\n")[1])
    info = next(one for one in head["dataset_info"] if one["config_name"] == "trajectories")
    assert info["splits"] == [{"name": "train", "num_bytes": read["bytes"], "num_examples": len(rows)}]
    verified = last_json(eagdata("verify", tmp_path / "back", "--json", cwd=tmp_path))
    assert verified["verified"] == verified["rows"] == len(rows)


def test_the_same_content_twice_makes_no_new_commit_and_sends_nothing(served: Hub, run: Path, tmp_path: Path) -> None:
    first, again = drive(served, tmp_path, [(run, NAME, WRITE, False)] * 2)
    assert first["changed"]
    assert not again["changed"]
    assert again["commit"] == first["commit"]
    assert len(served.repositories[NAME].commits) == 2
    assert set(served.sent.values()) == {1}
    assert len([request for request in served.requests if "/commit/" in request]) == 1


@pytest.mark.parametrize(("event", "count"), [("stored", 3), ("committed", 1)])
def test_a_killed_upload_goes_on_to_one_whole_commit_and_sends_nothing_twice(
    served: Hub, run: Path, tmp_path: Path, event: str, count: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "eagdata.cli", "publish", str(run), NAME],
        env={**os.environ, **environment(served, tmp_path)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seen: list[str] = []

    def kill(happened: str) -> None:
        seen.append(happened)
        if seen.count(event) == count:
            process.kill()

    served.hook = kill
    assert process.wait(timeout=120) == -9
    served.hook = lambda _event: None
    before = len(served.repositories[NAME].commits)
    assert before == (2 if event == "committed" else 1)
    assert before == 2 or served.repositories[NAME].files == BOOKKEEPING
    [again] = drive(served, tmp_path, [(run, NAME, WRITE, False)])
    assert len(served.repositories[NAME].commits) == 2
    assert bool(again["changed"]) == (event == "stored")
    assert set(served.sent.values()) == {1}
    assert "manifest.json" in served.repositories[NAME].files


def test_a_planted_key_stops_it_and_is_not_shown(served: Hub, run: Path, tmp_path: Path) -> None:
    question = "Sum of 1 and 2?\nmy key is " + KEY
    planted = changed(run, tmp_path / "planted", "trajectories", "question", question)
    refused = publish(served, planted, tmp_path, check=2)
    assert "data/trajectories/train-00000-of-00001.parquet, row 1, column question: openai sk-p***" in refused["error"]["why"]
    assert "--allow openai" in refused["error"]["mend"]
    assert KEY not in json.dumps(refused)
    assert served.requests == []
    allowed = publish(served, planted, tmp_path, "--allow", "openai")
    assert allowed["allowed"] == {"openai": 1}
    assert len(served.repositories[NAME].commits) == 2


def test_a_dry_run_lists_files_and_card_without_network_or_token(served: Hub, run: Path, tmp_path: Path) -> None:
    done = eagdata("publish", run, NAME, "--dry-run", cwd=tmp_path, env=environment(served, tmp_path, token=None) | {"HF_HUB_OFFLINE": "1"})
    assert served.requests == []
    assert "data/trajectories/train-00000-of-00001.parquet" in done.stdout
    assert "croissant.json" in done.stdout
    assert "run.db" not in done.stdout
    assert "dataset_info:" in done.stdout
    assert "a program, not a model: no terms" in done.stdout
    assert f"would go to {served.url}/datasets/{NAME}" in done.stderr


def test_only_a_whole_folder_is_published(served: Hub, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "unfinished")
    (tmp_path / "unfinished" / "manifest.json").unlink()
    shutil.copytree(run, tmp_path / "edited")
    (tmp_path / "edited" / "README.md").write_text("# Mine\n")
    shutil.copytree(run, tmp_path / "outside")
    (tmp_path / "secret").write_text("of mine")
    manifest = json.loads((run / "manifest.json").read_text())
    digest = hashlib.sha256(b"of mine").hexdigest()
    manifest["files"].append({"path": "../secret", "sha256": digest, "bytes": 7, "rows": None})
    (tmp_path / "outside" / "manifest.json").write_text(json.dumps(manifest))
    names = ("unfinished", "edited", "outside", "nowhere")
    unfinished, edited, outside, nowhere, no_owner, no_id = drive(
        served,
        tmp_path,
        [*((tmp_path / name, NAME, WRITE, False) for name in names), (run, "quick", WRITE, False), (run, "a/b/c", WRITE, False)],
    )
    assert unfinished["exit"] == edited["exit"] == outside["exit"] == 5
    assert "is not finished" in unfinished["said"]
    assert "README.md: has been changed" in edited["said"]
    assert "secret: lies outside the folder" in outside["said"]
    assert nowhere["exit"] == no_owner["exit"] == no_id["exit"] == 2
    assert "give OWNER/quick" in no_owner["said"]
    assert served.requests == []


def test_nothing_becomes_public_unasked(served: Hub, run: Path, tmp_path: Path) -> None:
    served.add("own/open", private=False)
    served.add("own/closed", private=True)
    unasked, asked, new, closed = drive(
        served,
        tmp_path,
        [(run, "own/open", WRITE, False), (run, "own/open", WRITE, True), (run, "own/new", WRITE, True), (run, "own/closed", WRITE, True)],
    )
    assert unasked["exit"] == 2
    assert "is public" in unasked["said"]
    assert "--public" in unasked["said"]
    assert asked["private"] is False
    assert served.repositories["own/new"].private is False
    assert (new["created"], closed["created"], closed["private"]) == (True, False, True)
    assert served.repositories["own/closed"].private


def test_what_the_hub_refuses_says_how_to_mend_it(served: Hub, run: Path, tmp_path: Path) -> None:
    served.add(NAME, private=True)
    cases = [(run, NAME, token, False) for token in ("", "hf_wrong", READ)]
    cases += [(run, "other/set", WRITE, False), (run, "own/down", WRITE, False)]
    missing, wrong, reader, stranger, down = drive(served, tmp_path, cases)
    assert missing["exit"] == wrong["exit"] == reader["exit"] == stranger["exit"] == 3
    for refused in (missing, wrong):
        assert "export HF_TOKEN" in refused["said"]
    assert "must be allowed to write to repositories of 'own'" in reader["said"]
    assert "must be allowed to write to repositories of 'other'" in stranger["said"]
    assert down["exit"] == 4
    assert "the same command again" in down["said"]
    [unreached] = drive(served, tmp_path, [(run, NAME, WRITE, False)], HF_ENDPOINT="http://127.0.0.1:9")
    assert unreached["exit"] == 4
    [offline] = drive(served, tmp_path, [(run, NAME, WRITE, False)], HF_HUB_OFFLINE="1")
    assert offline["exit"] == 3
    assert "unset HF_HUB_OFFLINE" in offline["said"]
    assert served.repositories[NAME].files == BOOKKEEPING


def test_a_new_version_replaces_its_own_files_alone(served: Hub, run: Path, tmp_path: Path) -> None:
    served.add("own/theirs", private=True, files={"data/train.csv": b"a,b\n"})
    served.add(NAME, private=True, files={"README.md": b"# soon\n", "LICENSE": b"mine\n"})
    stale = "data/trajectories/train-00001-of-00002.parquet"
    newer = changed(run, tmp_path / "newer", "trajectories", "final_answer", "42")
    refused, first = drive(served, tmp_path, [(run, "own/theirs", WRITE, False), (run, NAME, WRITE, False)])
    assert refused["exit"] == 2
    assert "did not publish" in refused["said"]
    assert "README.md" in first["changed"]
    served.repositories[NAME].files[stale] = b"of an earlier version"
    [second] = drive(served, tmp_path, [(newer, NAME, WRITE, False)])
    assert second["deleted"] == [stale]
    assert "data/traces/train-00000-of-00001.parquet" not in second["changed"]
    assert stale not in served.repositories[NAME].files
    assert served.repositories[NAME].files["LICENSE"] == b"mine\n"


def test_what_was_curated_is_published_with_the_facts_of_its_rows(served: Hub, run: Path, tmp_path: Path) -> None:
    eagdata("curate", run, "--out", "curated", "--quiet", cwd=tmp_path)
    found = publish(served, tmp_path / "curated", tmp_path, "--dry-run")
    head = yaml.safe_load(found["card"].split("---\n")[1])
    assert head["license"] == "cc0-1.0"
    assert [one["config_name"] for one in head["configs"]] == [one["config_name"] for one in head["dataset_info"]] == ["trajectories"]
    assert "| procedural | " in found["card"]
    assert "plan.json" not in {file["path"] for file in found["files"]}
