"""`eagdata export`, as a user runs it, over a small run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from eagdata.errors import RecipeError, StoreError
from eagdata.exporters.trajectories import read_trajectory
from eagdata.pipeline.export import Exported, export
from eagdata.tokenizers.ranks import Qwen25
from tests.e2e.running import digests, eagdata, last_json

FORMATS = ("messages", "text", "s1", "sharegpt", "alpaca", "prompt-completion", "verl")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    eagdata("generate", "--n", 12, "--out", "run", "--quiet", cwd=folder)
    return folder / "run"


def exported(format: str, data: Path, out: Path, *, fresh: bool = False, **given: object) -> Exported:  # noqa: A002
    return export(format, [data], out, given=given, fresh=fresh)  # type: ignore[arg-type]


def test_a_run_becomes_a_file_that_datasets_loads_and_says_what_it_lost(run: Path, tmp_path: Path) -> None:
    import datasets

    found = last_json(eagdata("export", "messages", run, "--out", "sft.parquet", "--json", cwd=tmp_path))
    rows = pq.read_table(run / "data" / "trajectories").to_pylist()
    assert found["rows"] == found["read"] == len(rows)
    assert found["cannot"]
    read = datasets.load_dataset("parquet", data_files=str(tmp_path / "sft.parquet"), split="train", cache_dir=str(tmp_path / "cache"))
    wanted = [[{"role": message["role"], "content": message["content"]} for message in row["messages"]] for row in rows]
    assert list(read["messages"]) == wanted


def test_people_are_told_what_is_lost_and_what_a_short_length_would_cut(run: Path, tmp_path: Path) -> None:
    done = eagdata("export", "text", run, "--out", "sft.jsonl", "--set", "template=qwen2.5", cwd=tmp_path)
    assert done.stdout == ""
    assert "not in it: what may be trained on" in done.stderr
    assert "1,024 would cut" in done.stderr
    assert "o200k_base" in done.stderr


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_comes_out_the_same_twice(run: Path, tmp_path: Path, format: str) -> None:  # noqa: A002
    for place in ("a", "b"):
        for name in ("x.jsonl", "x.parquet"):
            exported(format, run, tmp_path / place / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    lines = (tmp_path / "a" / "x.jsonl").read_text().splitlines()
    table = pq.read_table(tmp_path / "a" / "x.parquet")
    assert len(lines) == table.num_rows > 0
    assert list(json.loads(lines[0])) == table.column_names


def test_sessions_are_files_of_their_own(run: Path, tmp_path: Path) -> None:
    found = exported("session", run, tmp_path / "traces")
    files = sorted((tmp_path / "traces").iterdir())
    assert len(files) == found.rows
    header, *messages = (json.loads(line) for line in files[0].read_text().splitlines())
    assert files[0].stem == header["id"]
    assert [line["message"]["role"] for line in messages][:2] == ["system", "user"]
    assert not (tmp_path / "trainer").exists()


def test_the_length_in_the_settings_holds_every_row_in_the_words_of_a_real_template(run: Path, tmp_path: Path) -> None:
    found = exported("text", run, tmp_path / "x.jsonl", template="qwen2.5")
    settings_at = tmp_path / "trainer" / "x.jsonl"
    length = yaml.safe_load((settings_at / "trl.yaml").read_text())["max_length"]
    assert length == found.lengths.max_length
    assert length % 1_024 == 0
    assert yaml.safe_load((settings_at / "axolotl.yaml").read_text())["sequence_len"] == length
    assert yaml.safe_load((settings_at / "llamafactory.yaml").read_text())["cutoff_len"] == length
    counter = Qwen25(Qwen25.Config())
    counts = [counter.count(json.loads(line)["text"]) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert max(counts) <= length
    assert 0 < found.lengths.cut["1024"] < 1  # type: ignore[operator]


def test_the_settings_name_the_file_that_lies_beside_them(run: Path, tmp_path: Path) -> None:
    for format in ("messages", "sharegpt", "alpaca", "text"):  # noqa: A001
        out = tmp_path / f"{format}.parquet"
        exported(format, run, out)
        settings_at = tmp_path / "trainer" / out.name
        listed = json.loads((settings_at / "dataset_info.json").read_text())["eagdata"]
        assert (settings_at / listed["file_name"]).resolve() == out
        assert set(listed["columns"].values()) <= set(pq.read_schema(out).names)
        if (settings_at / "axolotl.yaml").exists():
            (dataset,) = yaml.safe_load((settings_at / "axolotl.yaml").read_text())["datasets"]
            assert (settings_at / dataset["path"]).resolve() == out
            assert dataset.get("field_messages", dataset.get("field")) in pq.read_schema(out).names


def test_what_was_curated_is_exported_like_a_run(run: Path, tmp_path: Path) -> None:
    eagdata("curate", run, "--out", "curated", "--quiet", cwd=tmp_path)
    found = exported("messages", tmp_path / "curated", tmp_path / "x.jsonl")
    assert found.read == pq.read_table(tmp_path / "curated" / "data" / "trajectories").num_rows


def test_several_inputs_follow_each_other(run: Path, tmp_path: Path) -> None:
    found = export("messages", [run, run / "data" / "trajectories"], tmp_path / "x.jsonl", given={})
    lines = (tmp_path / "x.jsonl").read_text().splitlines()
    assert found.rows == len(lines)
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


def test_nothing_is_overwritten_unless_it_is_asked_for(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    exported("messages", run, out)
    before = digests(tmp_path)
    with pytest.raises(StoreError, match="is there already"):
        exported("text", run, out)
    assert digests(tmp_path) == before
    exported("s1", run, out, fresh=True)
    assert "thinking_trajectories" in out.read_text()
    assert not (tmp_path / "trainer" / "x.jsonl").exists(), "settings of what is gone"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        exported("session", run, tmp_path / "folder")


@pytest.mark.parametrize(
    ("format", "data", "out", "given", "words"),
    [
        ("messagez", "", "x.jsonl", {}, "did you mean 'messages'"),
        ("messages", "", "x.txt", {}, "--out NAME.jsonl"),
        ("session", "", "x.jsonl", {}, "--out FOLDER"),
        ("messages", "", "x.jsonl", {"los": 1}, "its keys: loss"),
        ("text", "", "x.jsonl", {"template": 2}, "its keys: template"),
        ("sharegpt", "", "x.jsonl", {"any": 2}, "its keys: none"),
        ("messages", "nowhere", "x.jsonl", {}, "there are no trajectories"),
        ("messages", "data/traces", "x.jsonl", {}, "it holds traces"),
        ("messages", "data/rejected", "x.jsonl", {}, "it lacks the columns"),
        ("messages", "run.db", "x.jsonl", {}, "there are no trajectories"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_written(
    run: Path,
    tmp_path: Path,
    format: str,  # noqa: A002
    data: str,
    out: str,
    given: dict[str, object],
    words: str,
) -> None:
    with pytest.raises(RecipeError) as raised:
        exported(format, run / data, tmp_path / out, **given)
    assert words in str(raised.value)
    assert raised.value.mend
    assert not list(tmp_path.iterdir())


def test_a_wrong_command_exits_2(run: Path, tmp_path: Path) -> None:
    done = eagdata("export", "text", run, "--out", "x.jsonl", "--set", "template=nowhere", "--json", cwd=tmp_path, check=2)
    assert "chatml" in last_json(done)["error"]["mend"]


def test_a_row_that_breaks_on_the_way_leaves_no_file(run: Path, tmp_path: Path) -> None:
    table = pq.read_table(run / "data" / "trajectories")
    (tmp_path / "in").mkdir()
    rows = table.to_pylist()
    rows[-1]["tools"] = "{"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "in" / "x.parquet")
    with pytest.raises(RecipeError, match="is no trajectory"):
        exported("messages", tmp_path / "in", tmp_path / "out" / "x.jsonl")
    assert not list((tmp_path / "out").iterdir())


def test_rows_that_do_not_say_how_long_they_are_give_no_settings(run: Path, tmp_path: Path) -> None:
    table = pq.read_table(run / "data" / "trajectories")
    rows = table.to_pylist()
    rows[3]["tokens"] = None
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "in.parquet")
    found = exported("messages", tmp_path / "in.parquet", tmp_path / "x.jsonl")
    assert (found.lengths.unknown, found.lengths.longest, found.trainer) == (1, None, ())
    assert found.to_json()["lengths"]["longest"] is None  # type: ignore[index, call-overload]


TREES = '''
import json
from eagdata.contracts import settings

class Trees:
    """Rows made from traces."""

    @settings
    class Config:
        least: int = 0

    reads = "traces"
    documents = False
    cannot = ("everything else",)

    def __init__(self, config):
        self._least = config.least

    def rows(self, source):
        for row in source:
            nodes = json.loads(row["trace"])["nodes"]
            if len(nodes) >= self._least:
                chosen = [{"role": "assistant", "content": nodes[-1]["content"]}]
                yield {"prompt": json.loads(row["prompt"]), "chosen": chosen, "rejected": None}
'''


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which somebody's package with the format `trees` is installed; it names no schema."""
    there = tmp_path / "site" / "trees-1.0.dist-info"
    there.mkdir(parents=True)
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: trees\nVersion: 1.0\n")
    (there / "entry_points.txt").write_text("[eagdata.exporters]\ntrees = trees:Trees\n")
    (there.parent / "trees.py").write_text(TREES)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(there.parent), os.environ.get("PYTHONPATH"))))}


def test_a_format_of_trees_reads_traces_and_is_measured_as_it_is_written(run: Path, tmp_path: Path, installed: dict[str, str]) -> None:
    found = last_json(eagdata("export", "trees", run, "--out", "x.parquet", "--json", cwd=tmp_path, env=installed))
    table = pq.read_table(tmp_path / "x.parquet")
    assert found["rows"] == found["read"] == table.num_rows == pq.read_table(run / "data" / "traces").num_rows
    assert table.column_names == ["prompt", "chosen", "rejected"]
    assert found["lengths"]["tokenizer"] == Qwen25(Qwen25.Config()).name
    assert found["lengths"]["longest"] > 100


def test_trajectories_alone_cannot_become_what_is_made_from_trees(run: Path, tmp_path: Path, installed: dict[str, str]) -> None:
    shutil.copytree(run / "data" / "trajectories", tmp_path / "curated" / "data" / "trajectories")
    for data, words in {run / "data" / "trajectories": "it holds trajectories", tmp_path / "curated": "there are no traces at"}.items():
        error = last_json(eagdata("export", "trees", data, "--out", "x.jsonl", "--json", cwd=tmp_path, env=installed, check=2))["error"]
        assert words in f"{error['what']} {error['why']}"


def test_an_export_without_a_row_is_an_error_and_no_file(run: Path, tmp_path: Path, installed: dict[str, str]) -> None:
    done = eagdata("export", "trees", run, "--out", "o/x.jsonl", "--set", "least=9999", "--json", cwd=tmp_path, env=installed, check=2)
    assert "nothing to export" in last_json(done)["error"]["what"]
    assert not list((tmp_path / "o").iterdir())


def test_the_text_of_every_row_is_still_the_one_that_was_verified(run: Path, tmp_path: Path) -> None:
    """What a trainer reads holds each action and each observation of the turns that were re-executed."""
    exported("text", run, tmp_path / "x.jsonl")
    texts = [json.loads(line)["text"] for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    for text, row in zip(texts, pq.read_table(run / "data" / "trajectories").to_pylist(), strict=True):
        for step in read_trajectory(row).steps:
            assert step.action.text in text
            assert step.text in text
