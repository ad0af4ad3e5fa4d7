"""A task that cannot tell right from wrong is left out of a run before anything is paid for it, and is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eagdata.pipeline import Summary, generate
from eagdata.recipe import read_plan
from tests.endpoint import Answer, Endpoint, Seen, completion

SOUND = {"id": "sound", "question": "What is 6 times 7?", "answer": "42"}
BROKEN = {"id": "broken", "question": "What is 5 times 7?", "answer": "thirty-five or so"}
LEAKED = {"id": "leaked", "question": "What is 37 times 73? (The answer is 2701.)", "answer": "2701"}


async def speak(seen: Seen) -> Answer:
    done = len(seen.messages) > 2
    return Answer(body=completion("So \\boxed{42}" if done else "I multiply.\n\n```python\n6 * 7\n```"))


async def run(folder: Path, *, gate: bool) -> tuple[Summary, list[str]]:
    """The summary, and the questions that the teacher was asked."""
    rows = (SOUND, BROKEN, LEAKED)
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    tasks = {"kind": "jsonl", "path": str(folder / "tasks.jsonl"), "fields": {name: name for name in SOUND}, "verifier": "number"}
    async with Endpoint(speak) as server:
        overrides = {
            "n": 3, "tasks": tasks, "teacher": {"kind": "openai_chat", "model": "m", "base_url": server.url},
            "search": {"kind": "linear_retry"}, "limits.nodes": 4, "thresholds.min_kept": 0.0, "verification.gate": gate,
        }  # fmt: skip
        summary = await generate(read_plan("quickstart", overrides=overrides), folder / "run")
        return summary, [str(seen.messages[1]["content"]) for seen in server.seen]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")


async def test_a_task_that_fails_the_gate_is_left_out_unpaid_and_counted(tmp_path: Path) -> None:
    summary, asked = await run(tmp_path, gate=True)
    assert set(asked) == {SOUND["question"]}
    assert (summary.counts["kept"], summary.counts["rejected_by_reason"]) == (1, {"task_gate": 2})
    rejected = pq.read_table(tmp_path / "run" / "data" / "rejected").to_pylist()
    found = {row["task_id"]: (row["stage"], row["reason"], row["evidence"]) for row in rejected}
    assert found["broken"][:2] == ("tasks", "task_gate")
    assert "reference" in found["broken"][2]
    assert "leak" in found["leaked"][2]


async def test_without_the_gate_every_task_is_asked(tmp_path: Path) -> None:
    _, asked = await run(tmp_path, gate=False)
    assert len(set(asked)) == 3
