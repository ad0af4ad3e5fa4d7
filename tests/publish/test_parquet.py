"""Shards: what goes in comes out of two other readers, the same rows give the same bytes, a refused disk leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any  # rows are open-ended in a test

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eagdata.errors import PrerequisiteError
from eagdata.publish.parquet import REJECTED_SCHEMA, SCHEMA, TRACES_SCHEMA, ShardWriter


def trajectory(i: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    calls = [{"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"code": "print(1)"}'}}]
    row |= {
        "id": f"row-{i}",
        "question": f"What is {i} + 1? 数学 👩‍🔬",
        "messages": [
            {"role": "user", "content": "q", "reasoning_content": None, "tool_calls": None, "tool_call_id": None, "name": None},
            {"role": "assistant", "content": "a" * i, "reasoning_content": None, "tool_calls": calls, "tool_call_id": None, "name": None},
        ],
        "loss": [False, True],
        "turns": [
            {
                "index": 0,
                "node": 3,
                "parent": None,
                "thought": "t",
                "action": "print(1)",
                "kind": "python",
                "observation": "1",
                "status": "ok",
                "duration_ms": None,
                "digest": "d",
            }
        ],
        "task": json.dumps({"reference": i}),
        "replay_runs": 2,
        "solve_rate": 0.5,
        "tokens": {"tokenizer": "o200k_base", "total": 6, "prompt": 1, "thought": 1, "action": 1, "observation": 1, "answer": 2},
        "seed": 2**62,
    }
    return row | changes


def write(folder: Path, rows: list[dict[str, Any]], **settings: int) -> ShardWriter:
    with ShardWriter(folder, SCHEMA, **settings) as writer:
        for row in rows:
            writer.write(row)
    return writer


def test_rows_come_back_from_pyarrow_and_from_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    rows = [trajectory(i) for i in range(25)]
    write(tmp_path / "data", rows, rows_per_shard=10)
    assert pa.concat_tables([pq.read_table(p) for p in sorted((tmp_path / "data").iterdir())]).to_pylist() == rows
    loaded = datasets.load_dataset("parquet", data_dir=str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].to_list() == rows


def test_columns_are_the_contracts_in_its_order_and_the_isolation() -> None:
    assert " ".join(SCHEMA.names) == (
        "id trace_id task_id task_key source license family split subset environment environment_version question answer final_answer "
        "messages loss tools turns task verdict checks replay_runs replay_digest n_turns n_actions n_errors n_branches n_backtracks "
        "n_siblings_failed solve_rate tokens linearization teacher sampling isolation cost_usd seed plan_digest eagdata_version created_at"
    )


def test_shards_are_named_by_their_final_number_and_share_one_schema(tmp_path: Path) -> None:
    writer = write(tmp_path, [trajectory(i) for i in range(25)], rows_per_shard=10)
    assert [file.path.name for file in writer.files] == [f"train-0000{i}-of-00003.parquet" for i in range(3)]
    assert [file.rows for file in writer.files] == [10, 10, 5]
    assert sorted(p.name for p in tmp_path.iterdir()) == [file.path.name for file in writer.files]
    assert all(pq.read_schema(file.path).equals(SCHEMA) for file in writer.files)
    assert all(file.bytes == file.path.stat().st_size for file in writer.files)


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, [trajectory(i) for i in range(3000)]) for name in "ab")
    assert [(f.sha256, f.rows) for f in first.files] == [(f.sha256, f.rows) for f in second.files]
    other = write(tmp_path / "c", [trajectory(i + 1) for i in range(3000)])
    assert other.files[0].sha256 != first.files[0].sha256


def test_row_groups_and_shards_are_bounded_by_size(tmp_path: Path) -> None:
    megabyte = "x" * 2**20
    writer = write(tmp_path, [trajectory(0, question=megabyte) for _ in range(100)], size_per_shard=80 * 2**20)
    assert [file.rows for file in writer.files] == [79, 21]
    groups = pq.read_metadata(writer.files[0].path)
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [63, 16]


def test_footer_has_page_index_zstd_and_a_digest_of_the_rows_only(tmp_path: Path) -> None:
    footer = pq.read_metadata(write(tmp_path, [trajectory(1)]).files[0].path)
    column = footer.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert column.has_column_index
    assert column.has_offset_index
    assert set(footer.metadata) == {b"ARROW:schema", b"eagdata.version", b"eagdata.content_sha256"}


def test_hostile_text_is_written_and_only_lone_surrogates_change(tmp_path: Path) -> None:
    kept = "NUL \x00, \u2028, \ufeff, \U0010ffff"
    row = trajectory(1, question=kept, answer="a\ud800b", turns=[{**trajectory(1)["turns"][0], "observation": "\udfff\x00"}])
    (back,) = pq.read_table(write(tmp_path, [row]).files[0].path).to_pylist()
    assert back == row | {"answer": "a\ufffdb", "turns": [{**row["turns"][0], "observation": "\ufffd\x00"}]}


def test_no_rows_give_one_empty_shard_with_all_columns(tmp_path: Path) -> None:
    for schema in (SCHEMA, TRACES_SCHEMA, REJECTED_SCHEMA):
        with ShardWriter(tmp_path / str(len(schema)), schema) as writer:
            pass
        assert [(file.path.name, file.rows) for file in writer.files] == [("train-00000-of-00001.parquet", 0)]
        assert pq.read_table(writer.files[0].path).schema.equals(schema)


def test_second_writing_replaces_all_shards_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, [trajectory(i) for i in range(9)], rows_per_shard=3)
    (tmp_path / "train-00007.part").write_bytes(b"left by a killed run")
    write(tmp_path, [trajectory(0)])
    assert [p.name for p in tmp_path.iterdir()] == ["train-00000-of-00001.parquet"]


def test_failure_in_the_block_leaves_no_file(tmp_path: Path) -> None:
    misfit = trajectory(5, replay_runs="twice")
    with pytest.raises(pa.ArrowException):
        write(tmp_path, [*(trajectory(i) for i in range(5)), misfit], rows_per_shard=2)
    assert list(tmp_path.iterdir()) == []


def test_row_with_other_columns_is_refused(tmp_path: Path) -> None:
    wrong = trajectory(1)
    wrong["questoin"] = wrong.pop("question")
    with pytest.raises(ValueError, match="questoin"), ShardWriter(tmp_path, SCHEMA) as writer:
        writer.write(wrong)
    assert list(tmp_path.iterdir()) == []


_FILL = """
import os, resource, sys
from pathlib import Path
from eagdata.errors import PrerequisiteError
from eagdata.publish.parquet import REJECTED_SCHEMA, ShardWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with ShardWriter(Path(sys.argv[1]), REJECTED_SCHEMA, rows_per_shard=int(sys.argv[2])) as writer:
        for i in range(5000):
            writer.write(dict.fromkeys(REJECTED_SCHEMA.names) | {"id": str(i), "trace": os.urandom(200).hex()})
except PrerequisiteError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("rows_per_shard", ["1000", "100000"], ids=["fails in a close", "fails in a row group"])
def test_full_disk_is_a_prerequisite_error_and_leaves_nothing(tmp_path: Path, rows_per_shard: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FILL, str(tmp_path / "data"), rows_per_shard], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3, done.stderr
    assert "why: File too large" in done.stdout
    assert "mend: free space" in done.stdout
    assert done.stderr == ""
    assert list((tmp_path / "data").iterdir()) == []


def test_folder_that_cannot_be_made_is_a_prerequisite_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PrerequisiteError, match="cannot write"):
        write(tmp_path / "file" / "data", [trajectory(1)])
