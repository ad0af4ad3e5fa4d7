"""Budgets that the teacher is told of: executions counted down, a word at a number of tokens; neither enters a row."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eagdata.errors import RecipeError
from eagdata.pipeline import Summary, generate, verify
from eagdata.recipe import read_plan
from eagdata.records import Json
from eagdata.store import read_traces
from tests.endpoint import Answer, Endpoint, Seen, completion

NO_MORE = "(No runs are left: reply without code and give the final answer.)"


def counting(seen: Seen, *, most: int) -> str:
    """Counts up by one a turn to `most`, then answers."""
    at = sum(str(message["content"]).startswith("Output") for message in seen.messages)
    return f"\\boxed{{{at}}}" if at == most else f"One more.\n\n```python\nprint({at} + 1)\n```"


async def run(folder: Path, *, most: int, **overrides: Json) -> tuple[Summary, list[list[str]]]:
    """One task, whose teacher runs code `most` times; also what it was shown, call by call."""
    (folder / "tasks.jsonl").write_text(json.dumps({"question": "How far do you count?", "answer": str(most)}))

    async def speak(seen: Seen) -> Answer:
        return Answer(body=completion(counting(seen, most=most)))

    async with Endpoint(speak) as server:
        given: dict[str, Json] = {
            "n": 1, "teacher": {"kind": "openai_chat", "model": "m", "base_url": server.url},
            "search": {"kind": "linear_retry", "retries": 0}, "prompt.demonstration": False, "thresholds.min_kept": 0.0,
            "tasks": {"kind": "jsonl", "path": str(folder / "tasks.jsonl"), "verifier": "number"},
        }  # fmt: skip
        summary = await generate(read_plan("quickstart", overrides=given | overrides), folder / "run")
        return summary, [[str(message["content"]) for message in seen.messages] for seen in server.seen]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")


async def test_executions_are_counted_down_before_the_teacher_and_not_in_the_row(tmp_path: Path) -> None:
    summary, asked = await run(tmp_path, most=3, **{"prompt.executions": 3})
    assert "You may run code 3 times at most" in asked[0][0]
    assert [messages[-1] for messages in asked] == [
        "How far do you count?", "Output:\n1\n\n(Runs left: 2.)", "Output:\n2\n\n(Runs left: 1.)", f"Output:\n3\n\n{NO_MORE}",
    ]  # fmt: skip
    assert all("left" not in text for messages in asked for text in messages[:-1])  # said of now, not of then
    assert summary.counts["kept"] == 1
    (row,) = pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()
    said = [message["content"] for message in row["messages"]]
    assert "You may run code 3 times at most" in said[0]
    assert not any("left" in text for text in said)
    assert (await verify([tmp_path / "run"])).verified == 1


async def test_a_branch_that_wants_more_executions_is_cut(tmp_path: Path) -> None:
    summary, _ = await run(tmp_path, most=3, **{"prompt.executions": 2})
    assert summary.counts["rejected_by_reason"] == {"limit": 1}
    (trace,) = read_traces(tmp_path / "run")
    assert trace.actions == 2
    assert [node.status for node in trace.nodes] == ["acted", "acted", "truncated"]


async def test_a_long_branch_is_asked_once_to_check_or_conclude(tmp_path: Path) -> None:
    _, asked = await run(tmp_path, most=4, **{"prompt.nudge_at_tokens": 10})  # a reply counts 5
    assert ["This has become long" in messages[-1] for messages in asked] == [False, False, True, False, False]
    (row,) = pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()
    assert not any("become long" in message["content"] for message in row["messages"])


async def test_without_budgets_nothing_is_said(tmp_path: Path) -> None:
    _, asked = await run(tmp_path, most=2)
    assert [messages[-1] for messages in asked] == ["How far do you count?", "Output:\n1\n", "Output:\n2\n"]
    assert "at most" not in asked[0][0]


async def test_a_budget_of_no_execution_is_no_budget(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="must be at least 1"):
        await run(tmp_path, most=1, **{"prompt.executions": 0})
