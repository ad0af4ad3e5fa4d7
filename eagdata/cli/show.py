"""`eagdata show`."""

from __future__ import annotations

from pathlib import Path

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.errors import RecipeError
from eagdata.records import Json, Trace


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("trace_id")
@click.option("--json", "as_json", is_flag=True, help="The trace as one JSON object on stdout.")
def command(data: Path, trace_id: str, as_json: bool) -> None:
    """One trace as a tree. DATA is a run folder, also of a run that is not finished; TRACE_ID a trace, row or task id."""
    output = Output(as_json=as_json)
    guarded(output, lambda: _show(output, data, trace_id))


def _show(output: Output, data: Path, wanted: str) -> int:
    from eagdata.records import to_json
    from eagdata.store import read_traces

    first: list[str] = []
    for trace in read_traces(data):
        ids = {trace.id, trace.task.id, *(trace.branch_id(leaf) for leaf in trace.leaves)}
        if wanted in ids or trace.id.startswith(wanted):
            output.result(to_json(trace))
            if not output.as_json:
                _print(output, trace)
            return 0
        first = first or [trace.id, trace.task.id]
    raise RecipeError(
        f"no trace {wanted!r} in {data}", why="no finished trace, row or task has this id", mend=f"e.g. {' or '.join(first) or 'none'}"
    )


def _print(output: Output, trace: Trace) -> None:
    output.data(
        f"task {trace.task.id}  trace {trace.id}  {trace.search} / {trace.teacher}  isolation {trace.isolation}\n\n{trace.task.question}\n"
    )
    leaves = {leaf.node: leaf for leaf in trace.leaves}
    children: dict[int | None, list[int]] = {}
    for index, node in enumerate(trace.nodes):
        children.setdefault(node.parent, []).append(index)

    def walk(parent: int | None, prefix: str) -> None:
        mine = children.get(parent, [])
        for index in mine:
            node, last = trace.nodes[index], index == mine[-1]
            forked = len(mine) > 1
            lead, rest = (prefix + ("└─ " if last else "├─ "), prefix + ("   " if last else "│  ")) if forked else (prefix, prefix)
            score = "" if node.score is None else f"  value {node.score:.2f}"
            output.data(f"{lead}#{index} {node.status}{score}")
            said = node.action.text if node.action else node.content
            _block(output, rest + "  ", said)
            if node.observation:
                _block(output, rest + "    → ", f"{node.observation.status}: {node.observation.text}")
            if leaf := leaves.get(index):
                mark = "✓ verified" if leaf.verified else f"✗ {leaf.drop or leaf.verdict.status}"
                output.data(f"{rest}  {mark}: {leaf.answer} (replayed alike {leaf.replay_runs}x)")
            walk(index, rest)

    walk(None, "")
    if trace.failure:
        output.data(f"failed: {trace.failure.boundary}: {trace.failure.message}")


def _block(output: Output, prefix: str, text: str, most: int = 12) -> None:
    lines = [json_safe(line) for line in text.splitlines()] or [""]
    shown: list[Json] = list(lines[:most])
    for line in shown:
        output.data(f"{prefix}{line}")
    if len(lines) > most:
        output.data(f"{prefix}… {len(lines) - most} more lines")


def json_safe(line: str) -> str:
    """Model text without control characters: it must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in line)
