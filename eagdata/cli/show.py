"""`eagdata show`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.errors import RecipeError
from eagdata.records import Json, Trace

if TYPE_CHECKING:
    from eagdata.contracts import Reply


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("trace_id")
@click.option("--json", "as_json", is_flag=True, help="The trace as one JSON object on stdout.")
def command(data: Path, trace_id: str, as_json: bool) -> None:
    """One trace as a tree. DATA is a run folder, also of a run that is not finished; TRACE_ID a trace, row or task id.

    Of a task that is still in work, or was cut off, the replies so far are shown: by its task id."""
    output = Output(as_json=as_json)
    guarded(output, lambda: _show(output, data, trace_id))


def _show(output: Output, data: Path, wanted: str) -> int:
    from eagdata.records import to_json
    from eagdata.store import read_replies, read_traces, unfinished_tasks

    first: list[str] = []
    for trace in read_traces(data):
        ids = {trace.id, trace.task.id, *(trace.branch_id(leaf) for leaf in trace.leaves)}
        if wanted in ids or trace.id.startswith(wanted):
            output.result(to_json(trace))
            if not output.as_json:
                _print(output, trace)
            return 0
        first = first or [trace.id, trace.task.id]
    if replies := read_replies(data, wanted):
        found: list[Json] = [{"path": path, "reply": to_json(reply)} for path, reply in replies]
        output.result({"task_id": wanted, "finished": False, "replies": found})
        if not output.as_json:
            _print_unfinished(output, wanted, replies)
        return 0
    known = [*first, *unfinished_tasks(data)[:1]]
    raise RecipeError(
        f"no trace {wanted!r} in {data}", why="no trace, row or task with a reply has this id", mend=f"e.g. {' or '.join(known) or 'none'}"
    )


def _print_unfinished(output: Output, task_id: str, replies: Sequence[tuple[str, Reply]]) -> None:
    """The replies as a tree: path `0.1` is the second child of the first turn."""
    output.data(f"task {task_id}: the trace is not finished; {len(replies)} replies so far, not yet judged\n")
    placed = sorted((([int(sample) for sample in path.strip(".").split(".")], reply) for path, reply in replies), key=lambda one: one[0])
    for place, reply in placed:
        indent, usage = "  " * (len(place) - 1), reply.usage
        tokens = "tokens unknown" if usage.completion_tokens is None else f"{usage.completion_tokens:,} tokens"
        output.data(f"{indent}{'.'.join(map(str, place))}  {json_safe(reply.finish_reason or 'no finish reason')}  {tokens}")
        for text in filter(None, (reply.reasoning, reply.content, *(call.arguments for call in reply.tool_calls or ()))):
            _block(output, indent + "  ", text)


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
