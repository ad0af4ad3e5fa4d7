"""What a run is said to take, before and after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.events import ignore
from eagdata.pipeline.assemble import Tally
from eagdata.pipeline.crew import task_source
from eagdata.pipeline.estimate import ENOUGH_TASKS, dry_run
from eagdata.pipeline.run import roll_out_all
from eagdata.pipeline.summary import Summary, spending, summarize
from eagdata.plan import Plan
from eagdata.recipe import read_plan
from eagdata.records import Json, Message, Node, Task, Trace, Usage
from eagdata.store import RunStore

PAID: dict[str, Json] = {"tasks.path": "x.jsonl", "teacher.model": "gpt-4.1-mini", "n": 100}
"""0.4 USD per million prompt tokens, 1.6 per million completion tokens."""
EXPECT: dict[str, Json] = {"expect.calls": 4, "expect.prompt_tokens": 2000, "expect.completion_tokens": 250}


@pytest.fixture(autouse=True)
def no_prices_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def plan_of(overrides: Mapping[str, Json] = {}, *, recipe: str = "gsm8k") -> Plan:
    return read_plan(recipe, overrides={**PAID, **overrides} if recipe == "gsm8k" else overrides)


def trace(position: int, *, calls: int = 5, prompt: int | None = 1000, completion: int | None = 100) -> Trace:
    """A finished task, each of whose calls took so many tokens."""
    used = Usage(calls=1, prompt_tokens=prompt, completion_tokens=completion, cost_usd=None if prompt is None else 0.01)
    nodes = tuple(Node(parent=None, sample=i, call=f"{position}/{i}", status="void", usage=used) for i in range(calls))
    task = Task(id=f"t-{position}", question="q", verifier="number", reference=1)
    return Trace(task=task, prompt=(Message(role="user", content="q"),), nodes=nodes)


async def finish(folder: Path, plan: Plan, traces: int) -> None:
    with RunStore(folder, plan) as store:
        for position in range(traces):
            await store.record_trace(position, trace(position))


def test_the_recipes_expectation_is_scaled_to_the_tasks_and_priced(tmp_path: Path) -> None:
    foreseen = dry_run(plan_of(EXPECT), tmp_path / "run")
    assert foreseen["estimate"] == {
        "calls": 400, "prompt_tokens": 200_000, "completion_tokens": 25_000, "cost_usd": pytest.approx(0.08 + 0.04),
        "source": f"`expect` in {plan_of().source}",
    }  # fmt: skip
    assert "2026-10-14" in str(foreseen["prices"])


def test_without_an_expectation_nothing_is_made_up(tmp_path: Path) -> None:
    none = dict.fromkeys(EXPECT)
    found = dry_run(plan_of(none), tmp_path / "run")["estimate"]
    assert isinstance(found, dict)
    assert "--n 20 prints the line" in str(found.pop("source"))
    assert set(found.values()) == {None}


async def test_what_the_run_itself_took_so_far_wins_once_it_is_enough(tmp_path: Path) -> None:
    plan, few, enough = plan_of(EXPECT), tmp_path / "few", tmp_path / "enough"
    await finish(few, plan, ENOUGH_TASKS - 1)
    await finish(enough, plan, ENOUGH_TASKS)
    assert dry_run(plan, few)["estimate"] == dry_run(plan, tmp_path / "none")["estimate"]
    found = dry_run(plan, enough)["estimate"]
    assert isinstance(found, dict)
    assert (found["calls"], found["prompt_tokens"], found["completion_tokens"]) == (500, 500_000, 50_000)
    assert "20 tasks that are finished" in str(found["source"])
    other = dry_run(plan_of({**EXPECT, "seed": 1}), enough)["estimate"]
    assert other == dry_run(plan, tmp_path / "none")["estimate"]


def test_ceilings_are_those_of_the_limits_and_of_the_budget(tmp_path: Path) -> None:
    def ceilings(overrides: Mapping[str, Json], *, recipe: str = "gsm8k") -> list[Json]:
        found = dry_run(plan_of(overrides, recipe=recipe), tmp_path)
        return [found[f"{part}_at_most"] for part in ("teacher_calls", "prompt_tokens", "completion_tokens", "tokens", "cost_usd")]

    assert ceilings({}) == [1200, None, 480_000, None, None]
    assert ceilings({"budget.cost_usd": 1.5}) == [1200, None, 480_000, None, 1.5]
    assert ceilings({"budget.tokens": 9000}) == [1200, 9000, 9000, 9000, None]
    assert ceilings({"teacher.max_tokens": None}) == [1200, None, None, None, None]
    assert ceilings({"n": 10}, recipe="quickstart") == [400, None, None, None, 0.0]


def test_a_budget_that_cannot_be_held_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="the price of 'nobody-knows' is unknown"):
        dry_run(plan_of({"teacher.model": "nobody-knows", "budget.cost_usd": 1}), tmp_path)
    assert dry_run(plan_of({"teacher.model": None, "budget.cost_usd": 1}), tmp_path)["prices"] is None


def summary_of(plan: Plan, *traces: Trace) -> Summary:
    tally = Tally(planned=len(traces))
    for one in traces:
        tally.take(one)
        tally.rejected["no_answer"] += 1
    tally.rows = 2
    return summarize(plan, Path("runs/x"), tally, time_s=1.0)


def test_a_finished_run_is_held_against_its_estimate() -> None:
    summary = summary_of(plan_of(EXPECT), trace(0), trace(1))
    assert summary.to_json()["estimate"] == {
        "calls": {"expected": 8, "actual": 10, "ratio": 1.25},
        "prompt_tokens": {"expected": 4000, "actual": 10_000, "ratio": 2.5},
        "completion_tokens": {"expected": 500, "actual": 1000, "ratio": 2.0},
        "cost_usd": {"expected": pytest.approx(0.0024), "actual": pytest.approx(0.1), "ratio": pytest.approx(41.667)},
    }
    told = "\n".join(summary.lines())
    assert "against the estimate: 10 of 8 calls (1.25), 10,000 of 4,000 prompt tokens (2.50), 1,000 of 500 completion tokens (2.00)" in told
    assert "cost 0.1000 USD, 0.050000 a kept row" in told
    assert "prices: 0.4 USD per million prompt tokens" in told


def test_a_run_without_an_estimate_prints_the_lines_for_the_next(tmp_path: Path) -> None:
    summary = summary_of(plan_of(dict.fromkeys(EXPECT)), trace(0), trace(1, calls=6))
    line = next(line for line in summary.lines() if "expect:" in line)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"tasks: procedural\nteacher: procedural\nsearch: eag\nenvironment: python\n{line.split('  ')[-1]}\n")
    expect = read_plan(str(recipe)).expect
    assert (expect.calls, expect.prompt_tokens, expect.completion_tokens) == (5.5, 5500, 550)


def test_unknown_tokens_are_expected_of_nobody() -> None:
    summary = summary_of(plan_of(dict.fromkeys(EXPECT)), trace(0, prompt=None, completion=None))
    assert summary.expect == {"calls": 5.0, "prompt_tokens": None, "completion_tokens": None}
    assert summary.teacher["cost_per_kept_row_usd"] is None


async def test_lost_tries_are_told_with_what_they_may_have_cost(tmp_path: Path) -> None:
    plan = plan_of()
    with RunStore(tmp_path / "run", plan) as store:
        assert spending(store) == {"tokens": 0, "cost_usd": 0.0, "lost_tries": 0}
        most = Usage(calls=1, prompt_tokens=900, completion_tokens=100, cost_usd=0.25)
        store.lost("k", most, task_id="t", path=".0", why="timed out")
    with RunStore(tmp_path / "run", plan) as store:
        spent = spending(store)
    assert spent == {"tokens": 1000, "cost_usd": 0.25, "lost_tries": 1}
    told = "in all at most 0.2500 USD and 1,000 tokens: with the calls of unfinished tasks, and 1 tries without a usable answer"
    assert told in replace(summary_of(plan, trace(0)), spent=spent).lines()


@pytest.mark.parametrize("recipe", ["quickstart", "eag2k"])
def test_the_estimate_of_a_shipped_recipe_is_right_within_a_fifth(recipe: str, tmp_path: Path) -> None:
    plan = read_plan(recipe, overrides={"n": 60, "seed": 7})
    foreseen = dry_run(plan, tmp_path / "run")["estimate"]
    assert isinstance(foreseen, dict)
    with RunStore(tmp_path / "run", plan) as store:
        asyncio.run(roll_out_all(plan, store, task_source(plan), emit=ignore, stopping=asyncio.Event()))
        calls = sum(done.usage.calls for _, done in store.traces())
    assert isinstance(foreseen["calls"], int)
    assert 0.8 <= calls / foreseen["calls"] <= 1.2
