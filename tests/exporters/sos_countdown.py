"""Searches for a way to a target, generated and looked at: `python -m tests.exporters.sos_countdown N` prints what N tasks came to.

Every trace, solved or not, must parse back from its text; every row's path, expression and re-read must hold before a judge that
shares no code with the package.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from eagdata.exporters.linear import linearize
from eagdata.exporters.sos import parse
from eagdata.exporters.trajectories import read_trajectory
from eagdata.records import Message, Node, Trace, from_json
from tests.verifiers.countdown_paths import fault_of_expression, fault_of_path

_OPERATION = re.compile(r"^assert (\d+ [-+*/] \d+) == (\d+),", re.MULTILINE)
_LEFT = re.compile(r"\[[\d, ]*\]")


def generate(folder: Path, n: int, *overrides: str) -> Path:
    """A run of the recipe with `n` tasks, in `folder`."""
    settings = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "eagdata.cli", "generate", "sos_countdown", "--n", str(n), "--out", "run", "--json", "--quiet"]
    done = subprocess.run([*command, *settings], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "run"


def rows_of(run: Path, config: str) -> Iterator[dict[str, Any]]:
    """The rows of one of its tables."""
    for path in sorted((run / "data" / config).glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=64):
            yield from batch.to_pylist()


def look(run: Path) -> tuple[Counter[str], list[str]]:
    """Counts, and what is wrong, of a whole run."""
    counts, wrong = Counter[str](), list[str]()
    traces = {row["id"]: from_json(Trace, row["trace"]) for row in rows_of(run, "traces")}
    for trace in traces.values():
        counts["traces"] += 1
        counts["nodes"] += len(trace.nodes)
        said = linearize(trace.prompt, trace.nodes, end=len(trace.nodes) - 1, view="sos").messages
        if _seen(parse(said)) != _seen(trace.nodes):
            wrong.append(f"{trace.id}: the text of the tree parses into another tree")
    for row in rows_of(run, "trajectories"):
        counts["rows"] += 1
        counts["moves back"] += row["n_backtracks"]
        counts["tokens"] += row["tokens"]["total"]
        wrong += [f"{row['id']}: {fault}" for fault in faults(row, traces[row["trace_id"]]) if fault]
    return counts, wrong


def faults(row: dict[str, Any], trace: Trace) -> Iterator[str | None]:
    """What is wrong with a row, `trace` being the search that it tells; None for each thing that is right."""
    told = parse([Message(role=message["role"], content=message["content"]) for message in row["messages"]])
    if _seen(told) != _seen(trace.nodes[: len(told)]):
        yield "the text of the row parses into another tree"
    yield read_trajectory(row).inconsistent
    reference = json.loads(row["task"])["reference"]
    yield fault_of_expression(row["final_answer"], **reference)
    operations, left = _path(told)
    yield fault_of_path(operations, **reference)
    yield None if left == [reference["target"]] else f"the environment saw {left} at the end"


def _path(told: tuple[Node, ...]) -> tuple[list[str], list[int]]:
    """From the text alone: the operations on the way to the last reply, and the numbers that the environment showed last."""
    line: list[Node] = []
    at: int | None = len(told) - 1
    while at is not None:
        line.insert(0, told[at])
        at = told[at].parent
    stood = [node for node in line if node.observation and node.observation.status == "ok"]
    operations = [f"{done} = {made}" for node in stood for done, made in _OPERATION.findall(node.content)]
    shown = [found for node in stood if node.observation for found in _LEFT.findall(node.observation.text)]
    return operations, json.loads(shown[-1])


def _seen(nodes: tuple[Node, ...]) -> list[object]:
    return [(n.parent, n.sample, n.status, n.content, n.observation and (n.observation.status, n.observation.text)) for n in nodes]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found, faults = look(generate(Path(folder), int(sys.argv[1]), *sys.argv[2:]))
    sys.stdout.write(json.dumps({**found, "wrong": len(faults), "first": faults[:5]}) + "\n")
    sys.exit(bool(faults))
