"""Conversion: a written trace becomes thoughts and executed actions, in rows that look like explored ones."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eagdata.errors import RecipeError
from eagdata.pipeline import Summary, generate, verify
from eagdata.recipe import read_plan
from eagdata.records import Json
from tests.endpoint import Answer, Endpoint, Seen, completion

THINKING = "Three crates of 14 jars are 3 * 14 = 44 jars. Two break, so 44 - 2 = 42 jars are left."
ROW: dict[str, Json] = {
    "solution": "40", "question": "3 crates hold 14 jars each, 2 jars break. How many are left?", "cot_type": "math",
    "source_type": "ours", "metadata": "{}", "cot": None, "thinking_trajectories": [THINKING], "attempt": "\\boxed{42}",
}  # fmt: skip
"""Of s1K's shape; its trace slips."""


async def speak(seen: Seen) -> Answer:
    """Retells the trace, a step a turn, and goes on from what was printed."""
    shown = str(seen.messages[-1]["content"])
    if "<reasoning>" in shown or "jars each" in shown:
        return Answer(body=completion("I count the jars.\n\n```python\njars = 3 * 14\nprint(jars)\n```"))
    if shown == "Output:\n42\n":
        return Answer(body=completion("Of these 42 two break.\n\n```python\nprint(jars - 2)\n```"))
    return Answer(body=completion(f"There are {shown.split()[-1]} left: \\boxed{{{shown.split()[-1]}}}"))


async def run(folder: Path, *, row: dict[str, Json] = ROW, **overrides: Json) -> tuple[Summary, list[Seen]]:
    (folder / "s1K.jsonl").write_text(json.dumps(row))
    async with Endpoint(speak) as server:
        given: dict[str, Json] = {
            "n": 1, "tasks.path": str(folder / "s1K.jsonl"), "teacher.model": "m", "teacher.base_url": server.url,
        }  # fmt: skip
        summary = await generate(read_plan("eag2k_convert", overrides=given | overrides), folder / "run")
        return summary, server.seen


def only_row(folder: Path) -> dict[str, object]:
    (row,) = pq.read_table(folder / "run" / "data" / "trajectories").to_pylist()
    return row  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")


async def test_the_teacher_is_shown_the_trace_and_what_really_came_out(tmp_path: Path) -> None:
    summary, seen = await run(tmp_path)
    assert summary.counts["kept"] == 1  # 40, though the trace says 42
    asked = [[str(message["content"]) for message in request.messages] for request in seen]
    assert all(THINKING in "\n".join(messages) for messages in asked)
    assert "somebody's reasoning" in asked[0][0]
    assert "166 - 40 = 126" in asked[0][1]  # the worked example: a trace that slips
    assert [messages[-1] for messages in asked[1:]] == ["Output:\n42\n", "Output:\n40\n"]


async def test_rows_look_as_if_the_teacher_had_explored_and_keep_their_source(tmp_path: Path) -> None:
    await run(tmp_path)
    (tmp_path / "explored").mkdir()
    await run(tmp_path / "explored", **{"prompt.mode": "explore"})
    row, explored = only_row(tmp_path), only_row(tmp_path / "explored")
    assert row["messages"] == explored["messages"]
    assert (row["license"], row["source"]) == ("Apache-2.0", "simplescaling/s1K")
    assert json.loads(str(row["task"]))["metadata"] == {"trace": THINKING, "source_type": "ours"}
    assert (await verify([tmp_path / "run" / "data" / "trajectories"])).verified == 1


async def test_a_worked_example_is_shown_only_where_it_is_asked_for(tmp_path: Path) -> None:
    _, seen = await run(tmp_path, **{"prompt.demonstration": False})
    assert [message["role"] for message in seen[0].messages] == ["system", "user"]
    assert (
        seen[0].messages[1]["content"]
        == f"{ROW['question']}\n\n<reasoning>\n{THINKING}\n</reasoning>\n\nBegin with its first computation: a short thought, then code."
    )


async def test_a_task_without_a_trace_is_no_task_to_convert(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no reasoning to convert[\s\S]*metadata: {trace"):
        await run(tmp_path, row={**ROW, "thinking_trajectories": [" "]})


async def test_tasks_that_are_asked_without_an_environment_are_asked_without_a_trace(tmp_path: Path) -> None:
    _, seen = await run(tmp_path, **{"rows.subsets": {"raw": 1.0}})
    assert all(THINKING not in str(message["content"]) for request in seen for message in request.messages)
