"""Shipped recipes, run end to end on few tasks."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.running import eagdata, last_json

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_eag2k_mixes_three_subsets_that_all_verify(tmp_path: Path) -> None:
    summary = last_json(eagdata("generate", "eag2k", "--n", 90, "--out", "run", "--json", cwd=tmp_path, check=None))
    assert summary["counts"]["kept"] >= 80
    assert set(summary["rows"]["subsets"]) == {"direct", "refinement", "raw"}
    rows = pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()
    raw = [row for row in rows if row["subset"] == "raw"]
    assert all(row["n_actions"] == 0 and "```" not in row["messages"][0]["content"] for row in raw)
    assert last_json(eagdata("verify", "run", "--json", cwd=tmp_path))["verified"] == len(rows)


def test_linear_retry_rows_show_the_state_going_back_and_verify(tmp_path: Path) -> None:
    eagdata("generate", "--n", 36, "--out", "run", "--set", "search.kind=linear_retry", cwd=tmp_path, check=None)
    rows = pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()
    retried = [row for row in rows if row["n_backtracks"]]
    assert retried
    assert all(any("The state is back" in message["content"] for message in row["messages"]) for row in retried)
    assert last_json(eagdata("verify", "run", "--json", cwd=tmp_path))["verified"] == len(rows)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Tasks of GSM8K (MIT) beside the replies that a real 1.5B model gave to them."""
    with gzip.open(FIXTURES / "gsm8k_tasks.jsonl.gz") as tasks:
        (tmp_path / "gsm8k.jsonl").write_bytes(tasks.read())
    return tmp_path


def test_gsm8k_with_the_replies_of_a_real_model(recorded: Path) -> None:
    tasks = [json.loads(line) for line in (recorded / "gsm8k.jsonl").read_text().splitlines()]
    replay = ("--teacher", "replay", "--set", f"teacher.path={FIXTURES / 'gsm8k_replies.jsonl.gz'}")
    limits = ("--set", "limits.nodes=12", "--set", "search.attempts=3")
    done = eagdata("generate", "gsm8k", "--n", len(tasks), "--out", "run", *replay, *limits, "--json", cwd=recorded, check=None)
    summary = last_json(done)
    expected = json.loads((FIXTURES / "gsm8k_expected.json").read_text())
    assert summary["counts"] == expected["counts"]
    assert summary["rows"]["subsets"] == expected["subsets"]
    assert last_json(eagdata("verify", "run", "--json", cwd=recorded))["verified"] == summary["rows"]["rows"]
