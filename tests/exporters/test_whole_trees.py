"""The exports from whole trees on real runs, against slow counts over the raw JSON of the traces."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from eagdata.exporters.atif import AtifExporter
from eagdata.exporters.groups import GroupsExporter
from eagdata.exporters.nodes import NodesExporter
from eagdata.exporters.preference import PreferenceExporter
from eagdata.exporters.stepwise import StepwiseExporter
from eagdata.exporters.unpaired import UnpairedExporter
from eagdata.exporters.verifiers import VerifiersExporter
from eagdata.pipeline.exported import write_export
from tests.e2e.running import eagdata
from tests.exporters.grown import branched, disputed, hostile, retried, row, tooled

Raw = dict[str, Any]


@pytest.fixture(scope="module", params=["eag", "linear_retry"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Raw]:
    """Rows of `traces` of a run whose teacher misreads many questions."""
    folder = tmp_path_factory.mktemp(request.param)
    sets = ("teacher.blind_rate=0.5", f"search.kind={request.param}", "thresholds.min_kept=0", "rows.report_tokenizers=[]")
    eagdata("generate", "--n", 8, "--out", "run", *(word for one in sets for word in ("--set", one)), cwd=folder)
    return pq.read_table(folder / "run" / "data" / "traces").to_pylist()


def path(trace: Raw, node: int | None) -> list[int]:
    return [] if node is None else [*path(trace, trace["nodes"][node]["parent"]), node]


def verdicts(trace: Raw, node: int) -> list[str]:
    """Of the leaves at or below a node. The runs have neither drops nor appeals."""
    assert not trace["appeals"]
    assert not any(leaf["drop"] for leaf in trace["leaves"])
    return [leaf["verdict"]["status"] for leaf in trace["leaves"] if node in path(trace, leaf["node"])]


def traces(grown: list[Raw]) -> list[Raw]:
    return [json.loads(one["trace"]) for one in grown]


def made(exporter: Any, grown: list[Raw], **given: Any) -> list[Raw]:
    return [dict(one) for one in exporter(exporter.Config(**given)).rows(grown)]


def test_there_is_something_to_tell_apart(grown: list[Raw]) -> None:
    counted = Counter(leaf["verdict"]["status"] for trace in traces(grown) for leaf in trace["leaves"])
    assert counted["pass"] > 3
    assert counted["fail"] > 3
    assert counted.keys() == {"pass", "fail"}


def test_labels_of_branches_are_the_verdicts(grown: list[Raw]) -> None:
    expected = [
        (leaf["verdict"]["status"] == "pass", trace["nodes"][leaf["node"]]["content"])
        for trace in traces(grown)
        for leaf in trace["leaves"]
    ]
    found = made(UnpairedExporter, grown)
    assert [(one["label"], one["completion"][-1]["content"]) for one in found] == expected
    assert all(one["prompt"][-1]["role"] == "user" and one["completion"][0]["role"] == "assistant" for one in found)


def test_labels_of_steps_are_counts_over_all_leaves_below(grown: list[Raw]) -> None:
    expected = []
    for trace in traces(grown):
        for leaf in sorted(trace["leaves"], key=lambda leaf: int(leaf["node"])):
            below = [verdicts(trace, node) for node in path(trace, leaf["node"])]
            expected.append([one.count("pass") / len(one) for one in below])
    found = made(StepwiseExporter, grown)
    assert [one["values"] for one in found] == expected
    assert [one["labels"] for one in found] == [[share > 0 for share in shares] for shares in expected]


def test_figures_of_turns_are_counts_over_all_leaves_below(grown: list[Raw]) -> None:
    expected = []
    for trace in traces(grown):
        for node in range(len(trace["nodes"])):
            below = [1 if status == "pass" else -1 for status in verdicts(trace, node)]
            samples = [str(trace["nodes"][at]["sample"]) for at in path(trace, node)]
            expected.append((".".join(samples), len(below), sum(below) / len(below) if below else None))
    found = made(NodesExporter, grown)
    assert [(one["path"], one["visits"], None if one["q"] is None else pytest.approx(one["q"])) for one in found] == expected
    assert len({(one["trace_id"], one["path"]) for one in found}) == len(found)


def test_rewards_of_a_group_are_the_verdicts_of_its_branches(grown: list[Raw]) -> None:
    found = made(GroupsExporter, grown)
    assert [one["rewards"] for one in found] == [
        [1.0 if leaf["verdict"]["status"] == "pass" else 0.0 for leaf in trace["leaves"]] for trace in traces(grown) if trace["leaves"]
    ]
    assert [one["solve_rate"] for one in found] == [sum(one["rewards"]) / len(one["rewards"]) for one in found]


def test_pairs_are_all_that_there_are(grown: list[Raw]) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for trace in traces(grown):
        nodes, is_line = trace["nodes"], trace["search"] == "linear_retry"
        failed = {at for at, node in enumerate(nodes) if node["observation"] and node["observation"]["status"] != "ok"}
        groups: dict[tuple[Any, ...], dict[str, list[int]]] = {}
        for at, node in enumerate(nodes):
            seen = tuple(other for other in sorted(failed) if other < at and nodes[other]["parent"] == node["parent"]) if is_line else ()
            groups.setdefault((node["parent"], seen), {}).setdefault("".join(node["content"].split()), []).append(at)
        for group in groups.values():
            for good, bad in product(group, group):
                won = [status for at in group[good] for status in verdicts(trace, at)]
                lost = [status for at in group[bad] for status in verdicts(trace, at)]
                dead = bool(lost) or bool(failed & set(group[bad]))
                if "pass" in won and "pass" not in lost and dead and 2 * won.count("pass") / len(won) >= 0.5:
                    expected[trace["task"]["id"], good, bad] += 1
    found = made(PreferenceExporter, grown, per_node=1_000, edit_distance=0)
    said = (["".join(one[side][0]["content"].split()) for side in ("chosen", "rejected")] for one in found)
    assert Counter((one["task_id"], *pair) for one, pair in zip(found, said, strict=True)) == expected
    assert len(made(PreferenceExporter, grown, per_node=1)) <= len(found)


def test_each_turn_of_a_branch_is_original_in_one_document(grown: list[Raw]) -> None:
    documents = made(AtifExporter, grown)
    assert len(documents) == sum(len(trace["leaves"]) for trace in traces(grown))
    for whole, trace in zip(grown, traces(grown), strict=True):
        own = [one for one in documents if one["session_id"] == whole["id"]]
        told = Counter(
            step["extra"]["node"] for one in own for step in one["steps"] if "extra" in step and not step.get("is_copied_context")
        )
        assert set(told.values()) <= {1}
        assert told.keys() >= {node for leaf in trace["leaves"] for node in path(trace, leaf["node"])}


def test_a_tree_of_verifiers_has_the_branches_of_the_trace(grown: list[Raw]) -> None:
    for found, trace in zip(made(VerifiersExporter, grown, form="tree"), traces(grown), strict=True):
        (whole,) = found["traces"]
        parents = {node["parent"] for node in whole["nodes"]}
        ends = [at for at in range(len(whole["nodes"])) if at not in parents]
        inner = {node["parent"] for node in trace["nodes"]}
        assert len(ends) == sum(at not in inner for at in range(len(trace["nodes"])))
        assert sum(node["sampled"] for node in whole["nodes"]) == len(trace["nodes"])


SOURCE = [row(one) for one in (branched(), tooled(), retried(), hostile(), disputed())]
TABLES: list[tuple[Any, Raw]] = [(PreferenceExporter, {"edit_distance": 0})]
TABLES += [(cls, {}) for cls in (UnpairedExporter, StepwiseExporter, NodesExporter, GroupsExporter)]
TABLES += [(VerifiersExporter, {"form": form}) for form in ("branches", "tree", "rollouts")]


@pytest.mark.parametrize(("cls", "given"), TABLES)
def test_both_kinds_of_file_give_datasets_the_rows_that_went_in(tmp_path: Path, cls: Any, given: Raw) -> None:
    import datasets

    exporter = cls(cls.Config(**given))
    for name, kind in {"x.parquet": "parquet", "x.jsonl": "json"}.items():
        write_export(tmp_path / name, exporter.rows(SOURCE), schema=exporter.schema, documents=False)
        read = datasets.load_dataset(kind, data_files=str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache"))
        assert read.column_names == exporter.schema.names
        assert list(read) == [dict(one) for one in exporter.rows(SOURCE)]
