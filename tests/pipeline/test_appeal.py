"""Appeals: a judge model's word stands beside a rejection, and no row rests on it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eagdata.pipeline import Summary, generate
from eagdata.recipe import read_plan
from eagdata.store import read_traces
from tests.endpoint import Answer, Endpoint, Seen, completion

CODE = "I count.\n\n```python\nprint('a dozen, 12, 13')\n```"
ANSWERS = {"one": "a dozen", "two": "13", "three": "12"}
JUDGED = {"a dozen": "They agree. \\boxed{same}", "13": "No. \\boxed{Different}"}


async def speak(seen: Seen) -> Answer:
    """The teacher and the judge: told apart by what they are asked."""
    asked = str(seen.messages[-1]["content"])
    if "Other answer:" in asked:
        given = asked.partition("Other answer:\n")[2].partition("\n")[0]
        return Answer(body=completion(JUDGED.get(given, "I cannot say.")))
    if seen.messages[-1]["role"] == "user" and "Output" not in asked:
        return Answer(body=completion(CODE))
    task = next(name for message in seen.messages for name in ANSWERS if f"Task {name}:" in str(message["content"]))
    return Answer(body=completion(f"So \\boxed{{{ANSWERS[task]}}}"))


async def run(folder: Path, *, appeal: bool = True) -> Summary:
    """Three tasks with the answer 12: one says it in words, one is wrong, one is right."""
    rows = [{"id": name, "question": f"Task {name}: how many are a dozen?", "answer": "12"} for name in ANSWERS]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    async with Endpoint(speak) as server:
        speaker = {"kind": "openai_chat", "model": "m", "base_url": server.url}
        tasks = {"kind": "jsonl", "path": str(folder / "tasks.jsonl"), "fields": {name: name for name in rows[0]}, "verifier": "exact"}
        overrides = {
            "n": 3, "tasks": tasks,
            "teacher": speaker, "search": {"kind": "linear_retry"}, "limits.nodes": 4, "thresholds.min_kept": 0.0,
        }  # fmt: skip
        plan = read_plan("quickstart", overrides=overrides | ({"appeal": {**speaker, "model": "judge"}} if appeal else {}))
        return await generate(plan, folder / "run")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")


async def test_an_appeal_is_recorded_and_changes_no_verdict(tmp_path: Path) -> None:
    summary = await run(tmp_path)
    assert summary.counts["kept"] == 1
    assert summary.counts["rejected_by_reason"] == {"wrong_answer": 2}
    assert summary.rows["appeals"] == {"heard": 2, "granted": 1, "refused": 1, "unsettled": 0, "calls": 2, "cost_usd": None}
    rejected = pq.read_table(tmp_path / "run" / "data" / "rejected").to_pylist()
    found = {row["task_id"]: row["evidence"] for row in rejected}
    assert "on appeal, judge finds it the same as the reference" in found["one"]
    assert "on appeal, judge finds it not the same as the reference" in found["two"]
    kept = pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()
    assert [row["task_id"] for row in kept] == ["three"]
    heard = {trace.task.id: trace.appeals for trace in read_traces(tmp_path / "run")}
    assert heard["three"] == ()
    assert heard["one"][0].evidence == "They agree. \\boxed{same}"
    assert heard["one"][0].call


async def test_without_the_section_nobody_is_asked(tmp_path: Path) -> None:
    summary = await run(tmp_path, appeal=False)
    assert summary.rows["appeals"] is None
    assert all(trace.appeals == () for trace in read_traces(tmp_path / "run"))
