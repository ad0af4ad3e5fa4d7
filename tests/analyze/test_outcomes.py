"""What came of attempts, against counting by hand."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

import pytest

from eagdata.analyze.outcomes import Attempts, Outcomes, pass_at_k, pass_table
from eagdata.records import Action, Failure, Leaf, Node, Observation, Task, Trace, Usage, Verdict

TASK = Task(id="t", question="q", verifier="exact")


@pytest.mark.parametrize("n", range(1, 8))
def test_pass_at_k_is_the_share_of_draws_with_a_success(n: int) -> None:
    for passed, k in itertools.product(range(n + 1), range(1, n + 1)):
        draws = list(itertools.combinations([True] * passed + [False] * (n - passed), k))
        assert pass_at_k(Attempts(n, passed), k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_does_not_overflow() -> None:
    assert pass_at_k(Attempts(100_000, 1), 50_000) == pytest.approx(0.5)


def test_table_takes_tasks_with_enough_attempts_alone() -> None:
    assert pass_table([Attempts(1, 1), Attempts(2, 1), Attempts(3, 0), Attempts(0, 0)]) == [
        {"k": 1, "pass_at_k": pytest.approx(statistics.fmean([1, 0.5, 0])), "tasks": 3},
        {"k": 2, "pass_at_k": pytest.approx(0.5), "tasks": 2},
    ]
    assert pass_table([]) == []


def acted(parent: int | None, status: str = "ok", kind: str | None = None) -> Node:
    seen = Observation(status=status, text="", kind=kind)  # type: ignore[arg-type]
    usage = Usage(calls=1, prompt_tokens=10, completion_tokens=7, cost_usd=0.5)
    return Node(parent=parent, sample=0, call="", status="acted", action=Action(kind="python", text="1"), observation=seen, usage=usage)


def answered(parent: int | None) -> Node:
    return Node(parent=parent, sample=0, call="", status="answered", answer="1")


def leaf(node: int, status: str) -> Leaf:
    return Leaf(node=node, verdict=Verdict(status=status, reward=None if status == "unscored" else float(status == "pass")))  # type: ignore[arg-type]


def told(traces: Sequence[Trace], rows: int = 1) -> dict[str, object]:
    found = Outcomes()
    for trace in traces:
        found.take(trace)
    return found.to_json(rows=rows)  # type: ignore[return-value]


def trace(nodes: Sequence[Node], leaves: Sequence[Leaf] = (), failure: Failure | None = None) -> Trace:
    return Trace(task=TASK, prompt=(), nodes=tuple(nodes), leaves=tuple(leaves), failure=failure)


RECOVERED = trace(
    # 0 fails; 1 is tried in its place and leads to 2, a wrong answer, and 3, a right one; 4 comes later.
    [acted(None, "error", "NameError"), acted(None), answered(1), answered(1), answered(1)],
    [leaf(2, "fail"), leaf(3, "pass"), leaf(4, "unscored")],
)
LOST = trace(
    [acted(None, "error", "NameError"), acted(0, "timeout")], failure=Failure(boundary="teacher", kind="x", message="", retryable=True)
)
STUMBLED_LATER = trace([answered(None), acted(None, "error", "NameError")], [leaf(0, "pass")])


def test_branches_to_success_count_ends_of_the_tree_up_to_the_first_verified_one() -> None:
    assert told([RECOVERED])["branches_to_success"] == {"n": 1, "mean": 3, "median": 3, "max": 3}
    assert told([STUMBLED_LATER, LOST])["branches_to_success"] == {"n": 1, "mean": 1, "median": 1, "max": 1}


def test_an_attempt_is_a_scored_leaf_and_unscored_is_no_failure() -> None:
    found = told([RECOVERED])
    assert (found["tasks"], found["attempts"], found["solved"]) == (1, 2, 1)
    assert found["pass_at_k"] == [{"k": 1, "pass_at_k": 0.5, "tasks": 1}, {"k": 2, "pass_at_k": 1.0, "tasks": 1}]


def test_errors_are_counted_by_kind_and_a_success_before_the_error_is_no_recovery() -> None:
    found = told([RECOVERED, LOST, STUMBLED_LATER])
    assert found["errors"] == {
        "NameError": {"failed_actions": 3, "tasks": 3, "recovered": 1},
        "timeout": {"failed_actions": 1, "tasks": 1, "recovered": 0},
    }
    assert (found["tasks_with_errors"], found["recovery_rate"]) == (3, pytest.approx(1 / 3))
    assert found["failures"] == {"teacher": 1}


def test_cost_is_that_of_all_calls_over_the_rows_that_were_kept() -> None:
    found = told([RECOVERED, LOST], rows=2)["cost"]
    assert found == {
        "rows": 2, "rows_per_task": 1.0, "calls": 4, "calls_per_row": 2.0, "completion_tokens_per_row": 14.0,
        "cost_usd": 2.0, "cost_per_row_usd": 1.0,
    }  # fmt: skip


def test_nothing_is_unknown_and_never_zero() -> None:
    found = told([], rows=0)
    assert (found["solved"], found["recovery_rate"], found["pass_at_k"]) == (None, None, [])
    assert found["cost"]["cost_per_row_usd"] is None  # type: ignore[index]
    assert told([trace([])], rows=1)["cost"]["cost_usd"] is None  # type: ignore[index]
