"""The recipe `sos_countdown` end to end: every search parses back from its text, and every kept way holds before an independent judge."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from eagdata.mistakes import mistakes
from eagdata.records import Trace, from_json
from tests.exporters import sos_countdown


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smaller searches than the recipe's, with more slips, so that forty of them are quick and show every kind of turn."""
    smaller = ("tasks.sizes=[3,4]", "search.retries=2", "teacher.slip_rate=0.2")
    return sos_countdown.generate(tmp_path_factory.mktemp("sos"), 40, *smaller)


def traces(run: Path) -> list[Trace]:
    return [from_json(Trace, row["trace"]) for row in sos_countdown.rows_of(run, "traces")]


def test_every_search_parses_back_and_every_kept_way_holds(run: Path) -> None:
    counts, wrong = sos_countdown.look(run)
    assert wrong == []
    assert counts["traces"] == 40
    assert counts["rows"] >= 12
    assert counts["moves back"] > counts["rows"]


def test_rows_are_executed_again_alike_forks_and_dead_ends_included(run: Path) -> None:
    command = [sys.executable, "-m", "eagdata.cli", "verify", str(run / "data" / "trajectories"), "--json", "--n", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["rows"], told["verified"], told["differing"]) == (0, 8, 8, [])


def test_a_row_ends_at_the_first_verified_answer_of_its_search(run: Path) -> None:
    known = {trace.id: trace for trace in traces(run)}
    for row in sos_countdown.rows_of(run, "trajectories"):
        trace = known[row["trace_id"]]
        assert row["turns"][-1]["node"] == min(leaf.node for leaf in trace.verified_leaves())
        assert row["linearization"] == "sos"


def test_the_searches_make_mistakes_of_arithmetic_and_exploration_that_the_environment_shows(run: Path) -> None:
    found = Counter(kind for trace in traces(run) for kind in mistakes(trace))
    assert found["arithmetic"] > 10
    assert found["exploration"] > 3
    assert found[None] > 0.7 * found.total()  # a dead end is no mistake


def test_a_tampered_text_is_noticed(run: Path) -> None:
    """The look itself: a tree with one more node, and a way with a number used twice, do not pass it."""
    trees = {row["id"]: row for row in sos_countdown.rows_of(run, "traces")}
    row = next(sos_countdown.rows_of(run, "trajectories"))
    trace = from_json(Trace, trees[row["trace_id"]]["trace"])
    assert not [fault for fault in sos_countdown.faults(row, trace) if fault]
    other = replace(trace, nodes=(replace(trace.nodes[0], content="other"), *trace.nodes[1:]))
    assert "the text of the row parses into another tree" in list(sos_countdown.faults(row, other))
    numbers = json.loads(row["task"])["reference"]["numbers"]
    doubled = row | {"final_answer": f"{numbers[0]}+{row['final_answer']}"}
    assert any("uses" in str(fault) for fault in sos_countdown.faults(doubled, trace))
