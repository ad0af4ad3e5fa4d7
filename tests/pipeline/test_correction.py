"""Prefix correction: what the teacher could not solve, a stronger one goes on with from where it still was right."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import cast

import pyarrow.parquet as pq
import pytest

from eagdata.contracts import NOWHERE, Expansion, Feedback, Growth, Reply, Request, Teacher, Verifier
from eagdata.errors import RecipeError
from eagdata.pipeline import Summary, generate, verify
from eagdata.pipeline.calls import Calls
from eagdata.pipeline.correction import Correction, Corrector
from eagdata.plan import Limits
from eagdata.recipe import read_plan
from eagdata.records import Json, NodeStatus, Trace
from eagdata.rollout import Crew
from eagdata.search.best_of_n import BestOfNSearch
from eagdata.store import read_traces
from tests.endpoint import Answer, Endpoint, Seen, completion

CASES = {"right": "84", "slips": "84", "lost": "84"}
"""Tasks: solved at once; a wrong answer after a good turn; nothing but errors."""


def block(thought: str, code: str) -> str:
    return f"{thought}\n\n```python\n{code}\n```"


def student(task: str, shown: list[str]) -> str:
    """Makes one good turn, then errs for ever where it is not `right`."""
    if task == "lost":
        return block("I guess.", f"print(unknown_{len(shown)})")
    if not shown:
        return block("Seven dozen.", "dozens = 7\nprint(dozens)")
    return block("Times twelve.", "print(12 * dozens)") if task == "right" and len(shown) == 1 else "\\boxed{84}"


def teacher(task: str, shown: list[str]) -> str:
    """Builds on `dozens` where the student left it."""
    last = shown[-1] if shown else ""
    if "84" in last:
        return "The output shows it: \\boxed{84}."
    return block("A dozen are twelve.", "print(dozens * 12)" if "7" in last else "print(7 * 12)")


def speak(seen: Seen) -> Answer:
    """Student and teacher at one endpoint, by model."""
    task = next(name for m in seen.messages for name in CASES if f"Task {name}:" in str(m["content"]))
    shown = [str(m["content"]) for m in seen.messages if str(m["content"]).startswith(("Output", "Error"))]
    return Answer(body=completion((teacher if seen.body["model"] == "strong" else student)(task, shown)))


class School:
    """An endpoint and the calls to it, by model."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.strong_is_ill = False

    async def speak(self, seen: Seen) -> Answer:
        model = str(seen.body["model"])
        self.calls[model] += 1
        return Answer(status=400, body={"error": {"message": "ill"}}) if model == "strong" and self.strong_is_ill else speak(seen)


async def run(folder: Path, taught: School, *, corrected: bool = True, **overrides: Json) -> Summary:
    rows = [{"id": name, "question": f"Task {name}: how many are seven dozen?", "answer": answer} for name, answer in CASES.items()]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    async with Endpoint(taught.speak) as server:
        speaker: dict[str, Json] = {"kind": "openai_chat", "base_url": server.url, "attempts": 1}
        given: dict[str, Json] = {
            "n": 3, "teacher": speaker | {"model": "weak"}, "search": {"kind": "linear_retry", "retries": 1},
            "tasks": {"kind": "jsonl", "path": str(folder / "tasks.jsonl"), "fields": {key: key for key in rows[0]}, "verifier": "number"},
            "prompt.demonstration": False, "limits.nodes": 12, "limits.correction": 5,
            "thresholds.min_kept": 0.0, "thresholds.max_failed": 1.0, "concurrency": 1,
        }  # fmt: skip
        if corrected:
            given["correction"] = speaker | {"model": "strong"}
        return await generate(read_plan("quickstart", overrides=given | overrides), folder / "run")


def traces(folder: Path) -> dict[str, Trace]:
    return {trace.task.id: trace for trace in read_traces(folder / "run")}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")


async def test_a_failed_branch_goes_on_from_its_last_good_turn(tmp_path: Path) -> None:
    summary = await run(tmp_path, taught := School())
    trace = traces(tmp_path)["slips"]
    marked = trace.sampling["correction"]
    assert isinstance(marked, dict)
    assert marked["teacher"] == "strong"
    (leaf,) = trace.verified_leaves()
    branch = trace.path(leaf.node)
    assert trace.nodes[branch[0]].thought == "Seven dozen."
    assert marked["nodes"] == list(branch[1:])  # the good turn is the student's, all after it the teacher's
    assert summary.counts["kept"] == 3
    assert summary.teacher["calls"] == taught.calls.total()
    rows = {row["task_id"]: row for row in pq.read_table(tmp_path / "run" / "data" / "trajectories").to_pylist()}
    assert json.loads(rows["slips"]["sampling"])["correction"]["teacher"] == "strong"
    assert "dozens * 12" in rows["slips"]["messages"][-3]["content"]  # a name that only the forked state knows
    assert (await verify([tmp_path / "run" / "data" / "trajectories"])).verified == 3


async def test_what_the_teacher_solves_is_left_alone_and_what_never_ran_is_begun_anew(tmp_path: Path) -> None:
    await run(tmp_path, School())
    found = traces(tmp_path)
    assert "correction" not in found["right"].sampling
    lost = found["lost"]
    (leaf,) = lost.verified_leaves()
    assert [lost.nodes[i].thought for i in lost.path(leaf.node)][:1] == ["A dozen are twelve."]


async def test_without_the_section_nobody_else_is_asked(tmp_path: Path) -> None:
    summary = await run(tmp_path, taught := School(), corrected=False)
    assert set(taught.calls) == {"weak"}
    assert summary.counts["kept"] == 1


async def test_the_search_leaves_turns_for_the_correction(tmp_path: Path) -> None:
    retries: Json = {"kind": "linear_retry", "retries": 50, "backtracks": 50}
    await run(tmp_path, School(), search=retries)
    for name in ("slips", "lost"):
        trace = traces(tmp_path)[name]
        marked = trace.sampling["correction"]
        assert isinstance(marked, dict)
        assert marked["nodes"][0] == 7  # type: ignore[index]  # of 12, five are the corrector's
        assert len(trace.nodes) <= 12


async def test_a_correction_that_broke_off_goes_on_without_a_call_made_twice(tmp_path: Path) -> None:
    taught = School()
    taught.strong_is_ill = True
    broken = await run(tmp_path, taught)
    assert broken.counts["failed"] == 2
    weak, taught.strong_is_ill = taught.calls["weak"], False
    summary = await run(tmp_path, taught)
    assert summary.counts["kept"] == 3
    assert taught.calls["weak"] == weak


async def test_a_recipe_must_leave_turns_to_both(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"limits\.correction is 12, must be above 0 and below limits\.nodes, 12"):
        await run(tmp_path, School(), **{"limits.correction": 12})


class Written:
    """Where calls go: who was asked, under which path, and for which sample."""

    def __init__(self, who: str, calls: list[tuple[str, str, int]]) -> None:
        self._who, self._calls = who, calls

    async def propose(self, *at: object) -> tuple[str, Reply]:
        path, request = cast("tuple[str, Request]", at[-2:])
        self._calls.append((self._who, path, request.sample))
        return "", Reply(content="")


def lone(calls: list[tuple[str, str, int]]) -> Correction:
    """The correction of one task, whose search follows one line."""
    crew = Crew(
        propose=Written("weak", calls).propose, search=BestOfNSearch(BestOfNSearch.Config(n=1)), environment=None, clean=NOWHERE,
        verifier=cast("Verifier", None), prompt=(), tools=(), stop=(), limits=Limits(nodes=12, correction=7), view="direct", replay_runs=2,
    )  # fmt: skip
    strong = cast("Calls", Written("strong", calls))
    return Correction(Corrector(cast("Teacher", None), strong), crew, task_id="t")


def tell(growth: Growth, node: int, parent: int | None, status: NodeStatus, *, error: bool = False) -> None:
    growth.tell(Feedback(node=node, parent=parent, status=status, error=error, kind=status))


async def test_cuts_come_deepest_first_each_once_and_a_line_ends_where_it_cannot_go_on() -> None:
    """Lines 0-1-2 (wrong answer), 0-3 (error), 4 (error): cut at 1, at 0, and before the first turn."""
    correction = lone(calls := [])
    growth = correction.start(seed=0)
    assert growth.ask() == (Expansion(node=None),)
    request = Request(messages=(), seed=0, sample=3)
    await correction.propose(".3", request)
    tell(growth, 0, None, "acted")
    tell(growth, 1, 0, "acted")
    tell(growth, 2, 1, "answered")
    tell(growth, 3, 0, "acted", error=True)
    tell(growth, 4, None, "acted", error=True)
    asked = []
    ends: tuple[NodeStatus, ...] = ("acted", "void", "repeated", "answered")
    for node, status in enumerate(ends, start=5):
        (expansion,) = growth.ask()
        assert growth.ask() == (expansion,)
        asked.append(expansion.node)
        tell(growth, node, expansion.node, status)
    assert asked == [1, 5, 0, None]
    assert growth.ask() == ()
    assert correction.nodes == [5, 6, 7, 8]
    await correction.propose(".3", request)
    assert calls == [("weak", ".3", 3), ("strong", "correction/.3", 0)]  # a path of its own: the journal keeps them apart


def test_a_trace_with_a_fault_is_not_corrected() -> None:
    growth = lone([]).start(seed=0)
    tell(growth, 0, None, "acted")
    tell(growth, 1, 0, "failed")
    assert growth.ask() == ()
