"""The section `exports` of a recipe: what is read, and the further sets that a run writes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from eagdata.errors import RecipeError
from eagdata.pipeline import Summary, generate
from eagdata.pipeline.export import exporter_of
from eagdata.pipeline.publish import prepare
from eagdata.recipe import read_plan
from tests.e2e.running import digests, eagdata, last_json

RECIPE = """\
name: mine
n: 12
tasks: {kind: procedural}
teacher: {kind: procedural, blind_rate: 0.5}
search: eag
prompt: {demonstration: false}
environment: python
rows: {report_tokenizers: []}
thresholds: {min_kept: 0}
"""
EXPORTS: dict[str, Any] = {
    "preferences": {"kind": "preference", "edit_distance": 0},
    "steps": {"kind": "stepwise", "labels": "soft"},
    "labels": {"kind": "unpaired"},
    "turns": {"kind": "nodes"},
    "groups": {"kind": "groups"},
    "chats": {"kind": "messages"},
    "nothing": {"kind": "preference", "margin": 2, "edit_distance": 100_000},
}
READS = {"chats": "trajectories"}


def written(folder: Path, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(text)
    return str(path)


def asking(folder: Path, exports: Any = EXPORTS) -> str:
    return written(folder, RECIPE + yaml.safe_dump({"exports": exports}))


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(RecipeError) as raised:
        read_plan(written(folder, RECIPE + text))
    assert raised.value.mend
    return raised.value.why.splitlines()


def test_every_problem_is_shown_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
exports:
  traces: preference
  My-Set: {kind: unpaired}
  a: {kind: preferenc}
  b: {kind: stepwise, label: soft}
  c: {kind: preference, margin: 3}
  d: atif
  e: {margin: 1}
  f: {kind: text, template: no/such/file}
""",
    )
    for line, words in {
        11: "'traces' names no set",
        12: "'My-Set' names no set",
        13: "did you mean 'preference'?",
        14: "unknown key 'exports.b.label'; did you mean 'labels'?",
        15: "margin must be within 0 and 2",
        16: "eagdata export atif RUN --out FOLDER",
        17: "exports.e needs a mapping with a `kind`",
        18: "there is no chat template 'no/such/file'",
    }.items():
        assert any(f"recipe.yaml:{line}:" in text and words in text for text in found), (line, found)
    assert len(found) == 8


def test_trees_that_are_not_written_cannot_be_exported(tmp_path: Path) -> None:
    text = RECIPE.replace("rows: {", "rows: {traces: false, ") + "exports: {a: nodes, b: messages}\n"
    with pytest.raises(RecipeError, match="1 problem") as raised:
        read_plan(written(tmp_path, text))
    assert "exports.a: nodes is made of whole trees, and rows.traces is off; give rows.traces: true" in raised.value.why


def test_a_section_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    assert "must be a mapping" in problems(tmp_path, "exports: [preference]\n")[0]


def test_without_exports_a_plan_is_what_it_was(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, RECIPE))
    assert "exports" not in plan.resolved
    for nothing in ("exports:\n", "exports: {}\n"):
        assert read_plan(written(tmp_path, RECIPE + nothing)).resolved == plan.resolved


def test_exports_are_resolved_and_digested_whatever_their_order(tmp_path: Path) -> None:
    plan = read_plan(asking(tmp_path))
    assert plan.resolved["exports"]["steps"] == {"kind": "stepwise", "labels": "soft", "threshold": 0.5, "min_leaves": 1}  # type: ignore[index, call-overload]
    assert plan.digest != read_plan(written(tmp_path, RECIPE)).digest
    turned = read_plan(written(tmp_path, RECIPE + yaml.safe_dump({"exports": dict(reversed(EXPORTS.items()))}, sort_keys=False)))
    assert (turned.digest, list(turned.exports)) == (plan.digest, list(plan.exports))


def test_an_option_changes_one_setting_or_the_whole_exporter(tmp_path: Path) -> None:
    path = written(tmp_path, RECIPE + "exports: {a: preference, b: {kind: stepwise, labels: soft}}\n")
    plan = read_plan(path, overrides={"exports.a.margin": 1.5, "exports.b.kind": "unpaired", "exports.c": "nodes"})
    assert plan.resolved["exports"]["a"]["margin"] == 1.5  # type: ignore[index, call-overload]
    assert plan.resolved["exports"]["b"] == {"kind": "unpaired"}  # type: ignore[index, call-overload]
    assert plan.exports["c"][0] == "nodes"


def made(recipe: str, folder: Path, **overrides: Any) -> Summary:
    return asyncio.run(generate(read_plan(recipe, overrides=overrides), folder))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("exports")
    return folder / "run", made(asking(folder), folder / "run")


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """What the exporter makes of the run's own shards."""
    given = dict(EXPORTS[name])
    exporter = exporter_of(given.pop("kind"), given)
    return [dict(one) for one in exporter.rows(pq.read_table(folder / "data" / READS.get(name, "traces")).to_pylist())]


def test_each_set_loads_by_its_name_and_is_what_its_exporter_makes(run: tuple[Path, Summary], tmp_path: Path) -> None:
    import datasets

    folder, summary = run
    for name in EXPORTS.keys() - {"nothing"}:
        loaded = datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path))
        assert list(loaded) == rows_of(folder, name), name
        assert summary.exports[name] == len(loaded) > 0
    by_task = {one["task_id"]: one["solve_rate"] for one in rows_of(folder, "groups")}
    own = pq.read_table(folder / "data" / "trajectories", columns=["task_id", "solve_rate"]).to_pylist()
    assert {one["task_id"]: by_task[one["task_id"]] for one in own} == {one["task_id"]: one["solve_rate"] for one in own}


def test_a_set_without_rows_has_its_columns_and_is_not_named_in_the_card(run: tuple[Path, Summary]) -> None:
    folder, summary = run
    assert summary.exports["nothing"] == 0
    assert pq.read_table(folder / "data" / "nothing").schema.names == pq.read_table(folder / "data" / "preferences").schema.names
    head = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    assert {one["config_name"] for one in head["configs"]} == {*EXPORTS, "trajectories", "traces", "rejected"} - {"nothing"}
    assert [one["config_name"] for one in head["configs"] if one.get("default")] == ["trajectories"]


def test_manifest_summary_and_card_tell_of_them(run: tuple[Path, Summary]) -> None:
    folder, summary = run
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = {file["path"]: file["rows"] for file in manifest["files"]}
    assert {name: listed[f"data/{name}/train-00000-of-00001.parquet"] for name in EXPORTS} == summary.exports == manifest["exports"]
    assert summary.to_json()["exports"] == summary.exports
    assert any(f"{summary.exports['preferences']} preferences" in line for line in summary.lines())
    assert "| `steps` | kind: stepwise, labels: soft, threshold: 0.5, min_leaves: 1 |" in (folder / "README.md").read_text()


def test_a_finished_run_says_the_same_and_verifies(run: tuple[Path, Summary]) -> None:
    folder, summary = run
    before = digests(folder)
    again = made(asking(folder.parent), folder)
    assert (again.time_s, again.exports) == (None, summary.exports)
    assert digests(folder) == before
    report = last_json(eagdata("verify", folder, "--n", 3, "--json", cwd=folder.parent))
    assert report["verified"] == report["rows"] == 3


def test_they_are_published_with_what_datasets_must_know_of_them(run: tuple[Path, Summary], tmp_path: Path) -> None:
    import datasets

    prepared = prepare(run[0], "own/set")
    for file in prepared.files:
        place = tmp_path / "repo" / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.source if isinstance(file.source, bytes) else file.source.read_bytes())
    infos = {one["config_name"]: one for one in yaml.safe_load(prepared.card.split("---\n")[1])["dataset_info"]}
    for name in ("groups", "preferences", "turns"):
        loaded = datasets.load_dataset(str(tmp_path / "repo"), name, split="train", cache_dir=str(tmp_path / "cache"))
        assert [loaded.info.splits["train"].num_bytes] == [one["num_bytes"] for one in infos[name]["splits"]]
        assert list(loaded) == rows_of(run[0], name)


def test_a_run_that_is_killed_while_it_writes_ends_in_the_same_bytes(run: tuple[Path, Summary], tmp_path: Path) -> None:
    folder, recipe = tmp_path / "run", asking(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "eagdata.cli", "generate", recipe, "--out", str(folder), "--quiet"], stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (folder / "data" / "chats").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    (folder / "data" / "chats").mkdir(exist_ok=True)
    (folder / "data" / "chats" / "train-00000.part").write_bytes(b"half of it")
    (folder / "manifest.json").unlink(missing_ok=True)
    assert made(recipe, folder).exports == run[1].exports
    assert digests(folder) == digests(run[0])


def test_a_run_that_is_asked_for_none_writes_none(tmp_path: Path) -> None:
    summary = made(written(tmp_path, RECIPE), tmp_path / "run", n=2)
    assert sorted(path.name for path in (tmp_path / "run" / "data").iterdir()) == ["rejected", "traces", "trajectories"]
    assert "exports" not in summary.to_json()
    assert "exports" not in json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert "Further sets" not in (tmp_path / "run" / "README.md").read_text()
