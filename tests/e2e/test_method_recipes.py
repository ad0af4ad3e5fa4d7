"""The recipes of published methods, run end to end on few tasks: does the data have what the method is about?

What a turn led to is counted here anew, from the JSON of `data/traces` alone.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eagdata.pipeline import verify
from tests.e2e.running import eagdata, last_json
from tests.e2e.smt_proofs import write_proofs

Rows = list[dict[str, Any]]


def run(recipe: str, folder: Path, *arguments: object) -> dict[str, Any]:
    """The summary of a run whose tasks all ended as something, and whose rows all verify."""
    summary: dict[str, Any] = last_json(eagdata("generate", recipe, "--out", "run", *arguments, "--json", cwd=folder))
    counts = summary["counts"]
    assert counts["kept"] + counts["rejected"] + counts["failed"] + counts["unspent"] == counts["planned"]
    assert (counts["failed"], counts["unspent"]) == (0, 0)
    assert counts["kept"] > 0
    assert asyncio.run(verify([folder / "run"])).verified == summary["rows"]["rows"] > 0
    return summary


def table(folder: Path, name: str) -> Rows:
    found: Rows = pq.read_table(folder / "run" / "data" / name).to_pylist()
    assert found, f"data/{name} is empty"
    return found


@dataclass(frozen=True)
class Tree:
    """A trace, and what is counted in it."""

    trace: dict[str, Any]

    @property
    def nodes(self) -> Rows:
        found: Rows = self.trace["nodes"]
        return found

    @property
    def corrected(self) -> list[int]:
        """The corrector's turns."""
        found: list[int] = self.trace["sampling"].get("correction", {}).get("nodes", [])
        return found

    def way(self, node: int | None) -> tuple[int, ...]:
        return () if node is None else (*self.way(self.nodes[node]["parent"]), node)

    @cached_property
    def ends(self) -> dict[int, list[bool]]:
        """Turn -> of each scored leaf at or below it, whether it is verified."""
        found: dict[int, list[bool]] = {node: [] for node in range(len(self.nodes))}
        for leaf in self.trace["leaves"]:
            verified = leaf["verdict"]["status"] == "pass" and leaf["drop"] is None
            if verified or leaf["verdict"]["status"] == "fail":
                for node in self.way(leaf["node"]):
                    found[node].append(verified)
        return found

    def failed(self, node: int) -> bool:
        seen = self.nodes[node]["observation"]
        return seen is not None and seen["status"] != "ok"

    def q(self, node: int) -> float | None:
        """Mean of +1 for a verified and -1 for a refused leaf."""
        ends = self.ends[node]
        return sum(2 * end - 1 for end in ends) / len(ends) if ends else None

    def said(self, texts: Sequence[str]) -> list[int]:
        """The turns at which a branch has said just these texts."""
        depth = len(texts)
        ways = ((node, self.way(node)) for node in range(len(self.nodes)))
        return [node for node, way in ways if len(way) == depth and [self.nodes[i]["content"] for i in way] == list(texts)]


def trees(folder: Path) -> dict[str, Tree]:
    return {row["task_id"]: Tree(json.loads(row["trace"])) for row in table(folder, "traces")}


def texts(messages: list[str]) -> list[str]:
    """What the teacher says in messages, each of which Parquet holds as JSON."""
    return [message["content"] for message in map(json.loads, messages) if message["role"] == "assistant"]


def pairs(folder: Path) -> Iterator[tuple[Tree, dict[str, Any], int, int]]:
    """Each pair, its sides as texts, with its tree and its two turns, which must be siblings; of turns that say the same, the first."""
    grown = trees(folder)
    for row in table(folder, "preferences"):
        tree = grown[row["task_id"]]
        before, [good_text], [bad_text] = (texts(row[side]) for side in ("prompt", "chosen", "rejected"))
        row |= {"chosen": good_text, "rejected": bad_text}
        chosen, rejected = [*before, good_text], [*before, bad_text]
        good = next(node for node in tree.said(chosen) if any(tree.ends[node]))
        bad = tree.said(rejected)
        assert bad
        assert tree.nodes[bad[0]]["parent"] == tree.nodes[good]["parent"]
        assert not any(any(tree.ends[node]) for node in bad), "a rejected turn leads to the answer"
        assert any(tree.ends[node] or tree.failed(node) for node in bad), "nothing says it is wrong"
        yield tree, row, good, bad[0]


def edits(one: str, other: str) -> int:
    """Levenshtein's distance, by the book."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def test_rstar_math_gives_branches_without_errors_pairs_of_steps_and_the_value_of_every_node(tmp_path: Path) -> None:
    run("rstar_math", tmp_path, "--n", 9, "--set", "search.iterations=4")
    grown, rows = trees(tmp_path), table(tmp_path, "trajectories")
    per_task = [row["task_id"] for row in rows]
    assert 2 in map(per_task.count, per_task)
    assert max(map(per_task.count, per_task)) == 2
    assert all(row["n_errors"] == 0 and row["linearization"] == "direct" for row in rows)

    nodes = table(tmp_path, "nodes")
    assert len(nodes) == sum(len(tree.nodes) for tree in grown.values())
    for row in nodes:
        tree = grown[row["task_id"]]
        assert row["path"] == ".".join(str(tree.nodes[i]["sample"]) for i in tree.way(row["node"]))
        assert row["visits"] == len(tree.ends[row["node"]])
        assert row["q"] == pytest.approx(tree.q(row["node"]))
    assert {row["q"] for row in nodes} > {-1.0, 1.0}

    for number, (tree, row, good, bad) in enumerate(pairs(tmp_path)):
        assert row["margin"] >= 0.5
        assert row["edit_distance"] >= 20
        assert number > 3 or edits(row["chosen"], row["rejected"]) == row["edit_distance"]  # slow: the first few
        assert (tree.q(good) or 0) > (tree.q(bad) or -1)


def test_step_dpo_pairs_the_first_wrong_step_with_one_that_goes_on_right_from_the_same_prefix(tmp_path: Path) -> None:
    run("step_dpo", tmp_path, "--n", 40)
    mended = 0
    for tree, row, good, bad in pairs(tmp_path):
        assert bad not in tree.corrected
        assert all(any(tree.ends[node]) for node in tree.way(good)), "the prefix is not good"
        assert row["margin"] > 0
        mended += good in tree.corrected
    assert mended > 0
    for tree in trees(tmp_path).values():
        check_correction(tree)


def check_correction(tree: Tree) -> None:
    """A corrector begins where nothing was solved, after turns of the teacher that ran; all below that is its own."""
    theirs = set(tree.corrected)
    solved = [leaf["node"] for leaf in tree.trace["leaves"] if leaf["verdict"]["status"] == "pass"]
    assert not theirs or theirs.issuperset(solved)
    for node in theirs:
        parent = tree.nodes[node]["parent"]
        if parent is not None and parent not in theirs:
            assert tree.nodes[parent]["observation"]["status"] == "ok"
            assert any(other["parent"] == parent and i not in theirs for i, other in enumerate(tree.nodes)), "no branch failed here"
    assert all(other["parent"] not in theirs or i in theirs for i, other in enumerate(tree.nodes))


def test_tora_keeps_four_valid_ways_a_problem_and_trains_on_no_output(tmp_path: Path) -> None:
    run("tora", tmp_path, "--n", 12)
    rows = table(tmp_path, "trajectories")
    per_task = [row["task_id"] for row in rows]
    assert 1 < max(map(per_task.count, per_task)) <= 4
    assert len({(row["task_id"], *(turn["action"] for turn in row["turns"])) for row in rows}) == len(rows)
    assert all(row["n_errors"] == 0 for row in rows)
    for row in rows:
        assert row["loss"] == [message["role"] == "assistant" for message in row["messages"]]
        assert sum(message["content"].startswith("Output:\n") for message in row["messages"]) == row["n_actions"] > 0

    report = asyncio.run(verify([forged(tmp_path, rows)]))
    assert list(report.differing) == [rows[0]["id"]]
    assert report.verified == 2


def forged(folder: Path, rows: Rows) -> Path:
    """Three rows, but the first shows its right answer as the output of code that raises: ToRA's math-train-1527-0."""
    schema = pq.read_schema(next((folder / "run" / "data" / "trajectories").glob("*.parquet")))
    turn = [turn for turn in rows[0]["turns"] if turn["action"]][-1]
    lie = "def f():\n    print(4)\n\n\nf(2)"
    messages = [message | {"content": message["content"].replace(turn["action"], lie)} for message in rows[0]["messages"]]
    turns = [one | {"action": lie} if one is turn else one for one in rows[0]["turns"]]
    lying = rows[0] | {"messages": messages, "turns": turns}
    pq.write_table(pa.Table.from_pylist([lying, *rows[1:3]], schema=schema), folder / "forged.parquet")
    return folder / "forged.parquet"


def test_tora_has_another_teacher_go_on_where_all_samples_failed(tmp_path: Path) -> None:
    slips = ("teacher.slip_rate=1", "teacher.relapse_rate=1", "search.n=1", "limits.depth=5")
    run("tora", tmp_path, "--n", 24, *(part for slip in slips for part in ("--set", slip)))
    grown = trees(tmp_path)
    for tree in grown.values():
        check_correction(tree)
    joined = [row for row in table(tmp_path, "trajectories") if "correction" in json.loads(row["sampling"])]
    whose = [{turn["node"] in grown[row["task_id"]].corrected for turn in row["turns"]} for row in joined]
    assert {True, False} in whose, "no row begins with the student's turns and ends with the corrector's"


def test_prm_monte_carlo_labels_a_step_by_its_continuations(tmp_path: Path) -> None:
    run("prm_monte_carlo", tmp_path, "--n", 9)
    grown = trees(tmp_path)
    labels, values = set[bool](), set[float]()
    for row in table(tmp_path, "steps"):
        tree = grown[row["task_id"]]
        (*before, end) = steps = list(found(tree, row["completions"]))
        assert row["prompt"].endswith(tree.trace["task"]["question"])
        for node, label, value in zip(steps, row["labels"], row["values"], strict=True):
            assert label == any(tree.ends[node])
            assert value == pytest.approx(sum(tree.ends[node]) / len(tree.ends[node]))
        assert all(len(tree.ends[node]) >= 4 for node in before)
        assert tree.nodes[end]["status"] == "answered" or len(tree.ends[end]) >= 4
        labels |= set(row["labels"])
        values |= set(row["values"])
    assert labels == {True, False}
    assert values > {0.0, 1.0}, "no step whose continuations end in both ways"


def found(tree: Tree, steps: Sequence[str]) -> Iterator[int]:
    """The turns of a sequence of steps: each is what was said and then what was seen. Of leaves that say the same, the first."""
    at: int | None = None
    for step in steps:
        at = next(i for i, node in enumerate(tree.nodes) if node["parent"] == at and tree.ends[i] and is_step(node, step))
        yield at


def is_step(node: dict[str, Any], step: str) -> bool:
    heads, seen = {"ok": "Output", "error": "Error", "timeout": "Timeout", "limit": "Limit"}, node["observation"]
    shown = [f"{heads[seen['status']]}:\n{seen['text'] or '(no output)'}"] if seen else []
    return step == "\n\n".join([node["content"], *shown])


def test_prm_smt_labels_a_step_as_z3_does(tmp_path: Path) -> None:
    z3 = pytest.importorskip("z3", reason="needs the extra smt")
    theories = write_proofs(tmp_path)
    replay = ("--teacher", "replay", "--set", "teacher.path=replies.jsonl", "--set", "tasks.path=proofs.jsonl")
    summary = run("prm_smt", tmp_path, *replay)
    assert summary["counts"]["kept"] == summary["counts"]["planned"] == len(theories)
    claims = dict.fromkeys((True, False), 0)
    for row in table(tmp_path, "steps"):
        declared, premises = theories[row["task_id"]]
        holds = list(premises)
        for step, label in zip(row["completions"], row["labels"], strict=True):
            claimed = re.search(r"\(step \w+ (.*)\)\n```", step)
            if claimed is None:
                assert label == ("the wrong way" not in step)
                continue
            solver = z3.Solver()
            solver.from_string("\n".join([*declared, *(f"(assert {one})" for one in [*holds, f"(not {claimed[1]})"])]))
            assert label == (solver.check() == z3.unsat), step
            holds += [claimed[1]] * label
            claims[label] += 1
    assert min(claims.values()) >= 3
