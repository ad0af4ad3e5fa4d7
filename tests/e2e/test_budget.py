"""A run never costs more than its cap: not with replies of any length, not under faults, not when it is killed and resumed.

The endpoint keeps its own books of what it bills, lost answers included. `python -m tests.e2e.test_budget` makes the whole of it: 50
runs with random caps, ten of them killed on the way.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from eagdata.events import ignore
from eagdata.pipeline.crew import task_source
from eagdata.pipeline.run import roll_out_all
from eagdata.recipe import read_plan
from eagdata.records import Json
from eagdata.store import RunStore
from tests.e2e.running import eagdata, last_json
from tests.endpoint import Dials, Endpoint, Procedural, serving

PRICES = "program: {prompt: 0.4, completion: 1.6, as_of: 2026-11-01, source: these tests}\n"
PICO_PROMPT, PICO_COMPLETION, PICO = 400_000, 1_600_000, 10**12
MOST_OF_A_TRY_USD = 0.006
"""Above the worst case of any request of these runs: 12 kB of prompt and 200 tokens of completion."""
FAULTS = Dials(latency_s=0.002, throttle=0.05, fail=0.05, reset=0.05, cut=0.05, malformed=0.05, deck=20, retry_after=("none",))
TEACHER: dict[str, Json] = {
    "teacher.kind": "openai_chat", "teacher.model": "program", "teacher.max_tokens": 200, "teacher.wait_s": 0.01, "concurrency": 8,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Capped:
    """One run with a cap: what it was allowed, what the endpoint billed, and what the journal counts."""

    cap_usd: float
    billed_usd: float
    counted_usd: float
    within: bool
    """In whole pico-USD."""
    ended: bool
    """By the budget, before all tasks were done."""
    lost_tries: int


def billed_pico(server: Endpoint) -> int:
    return server.books.prompt_tokens * PICO_PROMPT + server.books.completion_tokens * PICO_COMPLETION


def capped(cap_usd: float, server: Endpoint, store: RunStore, *, tasks: int) -> Capped:
    bill = billed_pico(server)
    return Capped(
        cap_usd=cap_usd,
        billed_usd=bill / PICO,
        counted_usd=store.spent().cost_usd or 0.0,
        within=bill <= round(cap_usd * PICO),
        ended=len(store.finished()) < tasks,
        lost_tries=store.lost_tries(),
    )


def settings(prices: Path, server: Endpoint, *, tasks: int, seed: int) -> dict[str, Json]:
    return {**TEACHER, "n": tasks, "seed": seed, "teacher.base_url": server.url, "teacher.prices": str(prices)}


def one_run(prices: Path, *, cap_usd: float, seed: int, tasks: int = 6) -> Capped:
    """A run under faults, in this process; rows are not written."""
    with serving(Procedural(hidden_tokens=True), dials=FAULTS) as server, tempfile.TemporaryDirectory() as folder:
        plan = read_plan("quickstart", overrides={**settings(prices, server, tasks=tasks, seed=seed), "budget.cost_usd": cap_usd})
        with RunStore(Path(folder) / "run", plan) as store:
            asyncio.run(roll_out_all(plan, store, task_source(plan), emit=ignore, stopping=asyncio.Event()))
            return capped(cap_usd, server, store, tasks=tasks)


def killed_run(prices: Path, rng: Random, *, cap_usd: float, seed: int, tasks: int = 8) -> Capped:
    """A run on the command line that is killed twice, at random moments of its calls, and then goes on to its end."""
    where = prices.parent
    with serving(Procedural(hidden_tokens=True), dials=Dials(latency_s=0.05)) as server:
        given = settings(prices, server, tasks=tasks, seed=seed)
        command = ["generate", "quickstart", "--out", f"killed-{seed}", "--max-cost", str(cap_usd)]
        command += [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
        for _ in range(2):
            goal = len(server.books.entries) + rng.randint(1, 20)
            process = subprocess.Popen([sys.executable, "-m", "eagdata.cli", *command], cwd=where, stderr=subprocess.DEVNULL)
            while process.poll() is None and len(server.books.entries) < goal:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
        eagdata(*command, cwd=where, check=None)
        with RunStore(where / f"killed-{seed}", read_plan("quickstart", overrides=given)) as store:
            return capped(cap_usd, server, store, tasks=tasks)


def many_runs(where: Path, *, runs: int, killed: int, seed: int = 5) -> list[Capped]:
    """Runs with random caps, from none to somewhat more than the whole run takes."""
    rng, prices = Random(seed), where / "prices.yaml"
    prices.write_text(PRICES)
    found = [one_run(prices, cap_usd=round(rng.uniform(0, 0.045), 6), seed=seed * 1000 + i) for i in range(runs - killed)]
    return found + [killed_run(prices, rng, cap_usd=round(rng.uniform(0.005, 0.045), 6), seed=i) for i in range(killed)]


def check(found: list[Capped]) -> None:
    for run in found:
        assert run.within, run
        assert run.billed_usd <= run.counted_usd + 1e-12, f"billed more than the journal knows of: {run}"
        if run.ended:
            assert run.counted_usd > run.cap_usd - MOST_OF_A_TRY_USD, f"ended while there was room for another try: {run}"
    assert sum(run.ended for run in found) >= len(found) // 4
    assert sum(run.lost_tries for run in found) > 0


def test_no_random_cap_is_exceeded(tmp_path: Path) -> None:
    check(many_runs(tmp_path, runs=12, killed=2))


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(Procedural()) as endpoint:
        yield endpoint


def generate(server: Endpoint, *arguments: object) -> list[object]:
    teacher = ("--teacher", "openai_chat", "--base-url", server.url, "--set", "thresholds.min_kept=0")
    return ["generate", "quickstart", "--n", 6, "--out", "run", *teacher, *arguments]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "m:7b", "--max-cost", 1), ("the price of 'm:7b' is unknown", "eagdata/prices.yaml", '"m:7b": {prompt: USD')),
        (
            ("--model", "m", "--max-tokens", 9, "--set", "teacher.max_tokens=null"),
            ("nothing bounds a reply of 'm'", "teacher.max_tokens=1024"),
        ),
    ],
)
def test_a_cap_that_cannot_be_held_is_refused_before_anything_is_sent(
    server: Endpoint, tmp_path: Path, arguments: tuple[object, ...], told: tuple[str, ...], dry: tuple[str, ...]
) -> None:
    done = eagdata(*generate(server, *arguments, *dry), cwd=tmp_path, env={"XDG_CONFIG_HOME": str(tmp_path)}, check=2)
    assert all(words in " ".join(done.stderr.split()) for words in told), done.stderr
    assert not server.books.entries


def test_a_run_that_its_budget_ends_says_so_and_goes_on_with_a_larger_one(server: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "config" / "eagdata").mkdir(parents=True)
    (tmp_path / "config" / "eagdata" / "prices.yaml").write_text(PRICES)
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    command = generate(server, "--model", "program", "--set", "teacher.max_tokens=200")
    first = eagdata(*command, "--max-cost", 0.01, "--json", cwd=tmp_path, env=own, check=1)
    counts = last_json(first)["counts"]
    done = counts["planned"] - counts["unspent"]
    assert counts["planned"] == 6
    assert counts["unspent"] > 0
    missed = f"the budget of 0.01 USD ended the run after {done} of 6 tasks; the same command with a larger --max-cost goes on"
    assert missed in last_json(first)["missed"]
    spent = last_json(first)["spent"]["cost_usd"]
    assert spent * PICO == pytest.approx(billed_pico(server))
    assert last_json(first)["teacher"]["cost_usd"] < spent <= 0.01, "calls of tasks that were cut off are paid for, too"
    told = eagdata(*command, "--max-cost", 0.01, cwd=tmp_path, env=own, check=1).stderr
    assert f"not met: {missed}" in told
    last = last_json(eagdata(*command, "--max-cost", 5, "--json", cwd=tmp_path, env=own))
    assert last["counts"]["unspent"] == 0
    assert len({entry.calls for entry in server.books.entries}) == len(server.books.entries), "a call was paid for twice"
    assert last["teacher"]["cost_usd"] * PICO == pytest.approx(billed_pico(server))
    assert last["teacher"]["cost_per_kept_row_usd"] == pytest.approx(last["teacher"]["cost_usd"] / last["rows"]["rows"])
    assert "2026-11-01, these tests" in last["teacher"]["prices"]
    again = last_json(eagdata(*command, "--max-cost", 5, "--json", cwd=tmp_path, env=own))
    assert {**again, "time_s": 0} == {**last, "time_s": 0}, "a finished run tells the same once more"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        everything = many_runs(Path(folder), runs=50, killed=10)
    for run in everything:
        sys.stdout.write(f"{run}\n")
    check(everything)
    used = [run.billed_usd / run.cap_usd for run in everything if run.ended and run.cap_usd]
    sys.stdout.write(f"{len(everything)} runs, {sum(run.ended for run in everything)} ended by their budget, 0 beyond it; ")
    sys.stdout.write(f"of those caps {min(used):.0%} to {max(used):.0%} were billed\n")
