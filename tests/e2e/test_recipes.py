"""Shipped recipes, run end to end on few tasks."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eagdata.contracts import Verifier
from eagdata.pipeline.building import verifier_of
from eagdata.pipeline.crew import task_source
from eagdata.pipeline.gate import failing
from eagdata.recipe import read_plan
from eagdata.records import Json
from tests.e2e.running import eagdata, last_json

FIXTURES = Path(__file__).parents[1] / "fixtures"
REAL = Path(__file__).parents[3] / "shared" / "data"
NO_KEY = ("--set", "teacher.base_url=http://127.0.0.1:9")
SHAPES: dict[str, list[dict[str, Json]]] = {
    "gsm8k": [{"question": "48 + 24?", "answer": "48 + 24 = <<48+24=72>>72\n#### 72"}, {"question": "50 * 20?", "answer": "#### 1,000"}],
    "math": [
        {"problem": "Solve $2x = 1$.", "solution": r"So $x = \boxed{\frac{1}{2}}$.", "level": "Level 1", "type": "Algebra"},
        {"problem": "Where is $x^2 < 1$?", "solution": r"Not $\boxed{0}$ but $\boxed{(-1, 1)}$", "level": "Level 5", "type": "Algebra"},
    ],
    "countdown": [{"numbers": [1, 1, 4, 6]}, {"numbers": "2 3 4 12"}],
    "cruxeval": [{"id": "s0", "code": "def f(x):\n    return {x: (1,)}", "input": "'a'", "output": "{'a': (1,)}"}],
    "svamp": [{"id": "chal-1", "question": "Packs cost 76 dollars, 25 less now. How much?", "answer": 51.0, "type": "Subtraction"}],
    "aqua": [{"question": "Which is 6 squared?", "options": ["A)12", "B)36", "C)18", "D)6", "E)9"], "correct": "B"}],
}
"""Rows of our own in the shape of each recipe's source."""


@pytest.mark.parametrize("recipe", SHAPES)
def test_rows_of_a_known_shape_become_tasks_that_pass_the_gate(recipe: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in SHAPES[recipe]))
    gate = last_json(eagdata("doctor", recipe, "--set", f"tasks.path={rows}", *NO_KEY, "--json", cwd=tmp_path))["gate"]
    assert (gate["tasks"], gate["failing"], gate["shown"]) == (len(SHAPES[recipe]), 0, [])
    known = "unchecked" if recipe == "countdown" else "pass"  # its rows have no solution
    assert gate["checks"]["reference"] == dict.fromkeys(("pass", "fail", "unchecked", "error"), 0) | {known: len(SHAPES[recipe])}


def test_countdown_takes_rows_with_a_target_of_their_own(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"nums": [44, 19, 35], "target": 98}))
    fields: Json = {"question": "Make {target} from\n{nums}", "reference": {"numbers": "nums", "target": "target"}}
    plan = read_plan("countdown", overrides={"tasks.path": str(rows), "tasks.fields": fields})
    (task,) = task_source(plan).tasks(None, seed=0)
    assert (task.question, task.reference) == ("Make 98 from\n44\n19\n35", {"numbers": [44, 19, 35], "target": 98})


def test_doctor_says_which_tasks_fail_the_gate_and_exits_1(tmp_path: Path) -> None:
    rows = [*SHAPES["gsm8k"], {"question": "q?", "answer": "many"}, {"question": "7 - 3? The answer is 4.", "answer": "4"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gated = ("doctor", "gsm8k", "--set", "tasks.path=rows.jsonl", *NO_KEY)
    gate = last_json(eagdata(*gated, "--json", cwd=tmp_path, check=1))["gate"]
    assert (gate["tasks"], gate["failing"]) == (4, 2)
    assert [(one["task"], one["check"]) for one in gate["shown"]] == [("rows-00003", "reference"), ("rows-00004", "leak")]
    told = eagdata(*gated, cwd=tmp_path, check=1).stdout
    assert "task gate: 2 of 4 tasks fail" in told
    assert "states the answer" in told
    assert last_json(eagdata(*gated, "--n", 2, "--json", cwd=tmp_path))["gate"]["tasks"] == 2


def test_doctor_says_that_the_tasks_are_missing_beside_all_else(tmp_path: Path) -> None:
    told = last_json(eagdata("doctor", "gsm8k", *NO_KEY, "--json", cwd=tmp_path, check=2))
    (missing,) = (check for check in told["checks"] if not check["ok"])
    assert missing["what"] == "tasks"
    assert "no file 'gsm8k.jsonl'" in missing["found"]
    assert told["gate"] is None


@pytest.mark.parametrize(
    ("recipe", "file", "count", "overrides"),
    [
        ("gsm8k", "gsm8k_train", 2500, {}),
        ("svamp", "svamp", 1000, {}),
        ("aqua", "aqua", 508, {}),
        ("countdown", "game24", 1362, {}),
        ("cruxeval", "cruxeval", 400, {}),
        ("math", "qwen_math_cot_samples", 100, {"tasks.fields": {"question": "question", "answer": "solution | boxed"}}),
    ],
)
async def test_real_rows_become_tasks_that_pass_the_gate(recipe: str, file: str, count: int, overrides: dict[str, Json]) -> None:
    if not (REAL / f"{file}.jsonl").exists():
        pytest.skip("the real rows are not here")
    plan = read_plan(recipe, overrides={"tasks.path": str(REAL / f"{file}.jsonl"), **overrides})
    tasks = list(task_source(plan).tasks(None, seed=0))
    assert len(tasks) == count
    made: dict[str, Verifier] = {}
    for task in tasks[:: max(1, count // 100)]:
        assert await failing(task, verifier=verifier_of(task, made)) is None, task.id


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
    done = eagdata("generate", "gsm8k", "--n", len(tasks), "--out", "run", *replay, "--json", cwd=recorded, check=None)
    summary = last_json(done)
    expected = json.loads((FIXTURES / "gsm8k_expected.json").read_text())
    assert summary["counts"] == expected["counts"]
    assert summary["rows"]["subsets"] == expected["subsets"]
    assert last_json(eagdata("verify", "run", "--json", cwd=recorded))["verified"] == summary["rows"]["rows"]
