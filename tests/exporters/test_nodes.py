"""Turns with what came of them, from trees made by hand whose figures stand beside each turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eagdata.exporters.nodes import NodesExporter
from eagdata.records import Trace, well_formed
from tests.exporters.grown import HOSTILE, acted, answered, branched, disputed, hostile, leaf, row, trace

EXPORTER = NodesExporter(NodesExporter.Config())


def turns(made: Trace) -> list[dict[str, Any]]:
    return [dict(found) for found in EXPORTER.rows([row(made)])]


def columns(made: Trace, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(found[name] for name in names) for found in turns(made)]


def test_a_turn_says_where_it_stands_and_what_it_did() -> None:
    made = branched()
    made = replace(made, nodes=(*made.nodes[:3], replace(made.nodes[3], thought="I add.", score=0.7), *made.nodes[4:]))
    assert turns(made)[3] == {
        "trace_id": made.id,
        "task_id": "t1",
        "node": 3,
        "parent": 0,
        "path": "0.1",
        "depth": 2,
        "status": "acted",
        "thought": "I add.",
        "action": "a + 3",
        "observation": "5",
        "observation_status": "ok",
        "mistake": None,
        "visits": 1,
        "q": 1.0,
        "verified": 1,
        "refused": 0,
        "unknown": 1,
        "value": 0.7,
    }
    assert turns(made)[2] | {"trace_id": "", "task_id": ""} == {
        **dict.fromkeys(("thought", "trace_id", "task_id"), ""),
        **dict.fromkeys(("action", "observation", "observation_status", "mistake", "value")),
        "node": 2, "parent": 1, "path": "0.0.0", "depth": 3, "status": "answered",
        "visits": 1, "q": -1.0, "verified": 0, "refused": 1, "unknown": 0,
    }  # fmt: skip


def test_q_is_the_mean_of_the_scored_leaves_below_and_visits_are_their_number() -> None:
    assert columns(branched(), "path", "visits", "q", "verified", "refused", "unknown") == [
        ("0", 2, 0.0, 1, 1, 1),  # one right, one wrong: the mean of +1 and -1
        ("0.0", 1, -1.0, 0, 1, 0),
        ("0.0.0", 1, -1.0, 0, 1, 0),
        ("0.1", 1, 1.0, 1, 0, 1),  # what was not scored does not count
        ("0.1.0", 1, 1.0, 1, 0, 0),
        ("0.1.1", 0, None, 0, 0, 1),
        ("0.2", 0, None, 0, 0, 0),  # not gone on with: unknown, not 0
        ("1", 0, None, 0, 0, 0),  # an error, and nothing after it: unknown, not -1
    ]


def test_q_of_one_right_among_four_is_minus_a_half() -> None:
    made = trace(
        acted(None, "x = 1"), *(answered(0, str(at)) for at in range(4)),
        leaves=(leaf(1, "fail"), leaf(2, "pass"), leaf(3, "hack"), leaf(4, "fail")),
    )  # fmt: skip
    assert columns(made, "visits", "q")[0] == (4, -0.5)


def test_a_leaf_of_which_nothing_is_known_is_no_visit() -> None:
    assert set(columns(disputed(), "visits", "q", "unknown")) == {(0, None, 1)}


def test_a_mistake_has_its_kind() -> None:
    assert columns(branched(), "node", "mistake") == [
        (0, None), (1, "exploration"), (2, None), (3, None), (4, None), (5, None), (6, None), (7, "exploration"),
    ]  # fmt: skip


def test_hostile_text_is_kept_as_it_is() -> None:
    assert [found["observation"] for found in turns(hostile())] == [well_formed(HOSTILE), None, None]
