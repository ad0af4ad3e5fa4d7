"""Verified branches as dataset rows, and rows read back as what can be executed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from eagdata.errors import RecipeError
from eagdata.exporters.linear import STATE_IS_BACK, LinearView, View, linearize, observation_text
from eagdata.exporters.sos import NOTES, parse
from eagdata.records import (
    Action,
    Json,
    Leaf,
    Message,
    Node,
    Observation,
    ObservationStatus,
    Step,
    Subset,
    Task,
    Trace,
    canonical,
    from_json,
    to_json,
)  # fmt: skip

Row = dict[str, object]
_Count = Callable[[str], int]
SPANS = ("prompt", "thought", "action", "observation", "answer", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How branches are written: the same for all rows of a run."""

    view: View
    tokenizer: str
    count: _Count
    environment: Mapping[str, Json]
    """Resolved settings of the environment, its `kind` among them: part of what a re-execution needs."""
    limits: Mapping[str, Json]
    timings: bool
    created_at: str | None = None


def row_leaves(trace: Trace, *, view: View) -> tuple[Leaf, ...]:
    """The verified leaves that may become rows. In the view `sos` the first alone: the search is told up to its first success."""
    verified = tuple(trace.verified_leaves())
    return (min(verified, key=lambda leaf: leaf.node),) if verified and view == "sos" else verified


def subset_of(trace: Trace, leaf: Leaf, *, view: View) -> Subset:
    """`raw`: no action at all; `refinement`: the text shows at least one action that failed; else `direct`."""
    shown = [trace.nodes[i] for i in linearize((), trace.nodes, end=leaf.node, view=view).shown]
    if not any(node.action for node in shown):
        return "raw"
    return "refinement" if any(_failed(node) for node in shown) else "direct"


def trajectory(trace: Trace, leaf: Leaf, prompt: Sequence[Message], layout: Layout) -> Row:
    """One verified branch as a row with the columns of `trajectories`."""
    view = linearize(prompt, trace.nodes, end=leaf.node, view=layout.view)
    shown = [trace.nodes[i] for i in view.shown]
    return {
        "id": trace.branch_id(leaf),
        "trace_id": trace.id,
        **_of_task(trace.task, layout),
        "subset": subset_of(trace, leaf, view=layout.view),
        "environment_version": trace.environment_version,
        "final_answer": leaf.answer,
        "messages": [_message(message) for message in view.messages],
        "loss": list(view.loss),
        "tools": canonical(trace.sampling.get("tools", [])),
        "turns": [_turn(place, i, trace.nodes[i], timings=layout.timings) for place, i in enumerate(view.shown)],
        "verdict": leaf.verdict.status,
        "checks": canonical([to_json(check) for check in leaf.verdict.checks]),
        "replay_runs": leaf.replay_runs,
        "replay_digest": leaf.replay_digest,
        **_counts(trace, leaf, view.shown),
        "tokens": {"tokenizer": layout.tokenizer, **token_spans(prompt, shown, view, layout.count)},
        "linearization": layout.view,
        "teacher": trace.teacher,
        "sampling": canonical({key: value for key, value in trace.sampling.items() if key != "tools"}),
        "isolation": trace.isolation,
        "cost_usd": trace.usage.cost_usd,
        "seed": trace.seed,
        "plan_digest": trace.plan_digest,
        "eagdata_version": trace.eagdata_version,
        "created_at": layout.created_at if layout.timings else None,
    }


def foreign_trajectory(trace: Trace, leaf: Leaf, prompt: Sequence[Message], layout: Layout) -> Row:
    """A branch that another harness recorded, as a row with the columns of `trajectories`: null is what we cannot know of it.

    No digest stands in its turns, for it was not we who saw what they show; nothing proves it (`replay_runs` is 0).
    """
    row = trajectory(trace, leaf, prompt, layout)
    turns = cast("list[dict[str, object]]", row["turns"])
    told = {name: row[name] or None for name in ("teacher", "family", "source", "environment_version")}
    unknown = dict.fromkeys(("seed", "cost_usd", "created_at", "sampling"))
    return row | told | unknown | {"turns": [turn | {"digest": None} for turn in turns]}


def trace_row(trace: Trace, prompt: Sequence[Message]) -> Row:
    """A whole tree as a row with the columns of `traces`."""
    parents = {node.parent for node in trace.nodes}
    return {
        "id": trace.id,
        "task_id": trace.task.id,
        "task_key": trace.task.key,
        "source": trace.task.source or None,
        "family": trace.task.family or None,
        "n_nodes": len(trace.nodes),
        "n_branches": sum(i not in parents for i in range(len(trace.nodes))),
        "n_verified": sum(1 for _ in trace.verified_leaves()),
        "failure": canonical(to_json(trace.failure)) if trace.failure else None,
        "stopped": trace.stopped,
        "search": trace.search or None,
        "teacher": trace.teacher or None,
        "isolation": trace.isolation,
        "prompt": canonical([to_json(message) for message in prompt]),
        "trace": canonical(to_json(trace)),
        "plan_digest": trace.plan_digest,
        "eagdata_version": trace.eagdata_version,
    }


def _of_task(task: Task, layout: Layout) -> Row:
    return {
        "task_id": task.id,
        "task_key": task.key,
        "source": task.source,
        "license": task.license,
        "family": task.family,
        "split": task.split,
        "environment": task.environment,
        "question": task.question,
        "answer": task.answer,
        "task": canonical({**to_json(task), "environment_settings": dict(layout.environment), "limits": dict(layout.limits)}),
    }


def _counts(trace: Trace, leaf: Leaf, shown: Sequence[int]) -> Row:
    """Of the branch, and of the tree around it. `n_backtracks`: how often a turn that is shown does not go on from the one before it."""
    branch = trace.branch(leaf)
    parents = {node.parent for node in trace.nodes}
    siblings = [trace.nodes[i] for i in trace.path(leaf.node) for i in trace.siblings(i)]
    return {
        "n_turns": len(branch),
        "n_actions": sum(node.action is not None for node in branch),
        "n_errors": sum(_failed(node) for node in branch),
        "n_branches": sum(i not in parents for i in range(len(trace.nodes))),
        "n_backtracks": sum(trace.nodes[after].parent != before for before, after in pairwise(shown)),
        "n_siblings_failed": sum(_failed(node) for node in siblings),
        "solve_rate": solve_rate(trace),
    }


def solve_rate(trace: Trace) -> float | None:
    """Verified leaves among those with a reward, 0 to 1; None if there is none. Branches that a corrector wrote are not of its teacher."""
    not_its_own = corrected(trace)
    scored = [leaf for leaf in trace.leaves if leaf.verdict.reward is not None and leaf.node not in not_its_own]
    return sum(leaf.verified for leaf in scored) / len(scored) if scored else None


def corrected(trace: Trace) -> frozenset[int]:
    """Indices of the turns that a corrector wrote."""
    return frozenset(cast("dict[str, list[int]]", trace.sampling.get("correction", {})).get("nodes", []))


def token_spans(prompt: Sequence[Message], shown: Sequence[Node], view: LinearView, count: _Count) -> dict[str, int]:
    """Tokens by span. `total` counts whole messages, without a chat template: fences and heads (`Output:`) are in it, in no other span."""
    thoughts = (f"{n.reasoning or ''}{n.thought if n.status != 'answered' or n is not shown[-1] else ''}" for n in shown)
    texts = {
        "prompt": "\n".join(message.content for message in prompt),
        "thought": "\n".join(filter(None, thoughts)),
        "action": "\n".join(n.action.text for n in shown if n.action),
        "observation": "\n".join(n.observation.text for n in shown if n.observation),
        "answer": shown[-1].content,
    }
    counted = {span: count(text) for span, text in texts.items()}
    return {**counted, "total": sum(count(f"{m.reasoning_content or ''}{m.content}") for m in view.messages)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A row, read back."""

    id: str
    task: Task
    environment: dict[str, Json]
    final_answer: str | None
    verdict: str | None
    """What the row claims; `unscored` where it claims nothing, as rows do that were imported."""
    steps: tuple[Step, ...]
    inconsistent: str | None
    """Where the row contradicts itself (messages against turns, task against its key); None if nowhere."""


def read_trajectory(row: Mapping[str, object]) -> Recorded:
    """All that a re-execution needs, from the row alone. Raises: RecipeError for a row that is none of ours."""
    try:
        stored = json.loads(str(row["task"]))
        environment, _limits = stored.pop("environment_settings"), stored.pop("limits")
        task = from_json(Task, stored)
        turns = cast("list[dict[str, object]]", row["turns"])
        steps = _steps(turns)
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(
            f"row {row.get('id')!r} is no trajectory of eagdata",
            why=f"{type(error).__name__}: {error}",
            mend="give Parquet files of `data/trajectories`, with all their columns",
        ) from error
    final = cast("str | None", row.get("final_answer"))
    found = _inconsistency(row, task, turns)
    return Recorded(
        id=str(row["id"]),
        task=task,
        environment=environment,
        final_answer=final,
        verdict=cast("str | None", row.get("verdict")),
        steps=steps,
        inconsistent=found,
    )


def _steps(turns: Sequence[Mapping[str, object]]) -> tuple[Step, ...]:
    at: dict[object, int | None] = {None: None}
    steps: list[Step] = []
    for turn in turns:
        parent = at[turn["parent"]]
        at[turn["node"]] = parent
        if turn["observation"] is not None:
            at[turn["node"]] = len(steps)
            action = Action(kind=str(turn["kind"]), text=str(turn["action"]))
            status = cast("ObservationStatus", turn["status"])
            text, digest, label = str(turn["observation"]), cast("str | None", turn["digest"]), f"turn {turn['index']}"
            steps.append(Step(parent=parent, action=action, status=status, text=text, digest=digest, label=label))
    return tuple(steps)


def _inconsistency(row: Mapping[str, object], task: Task, turns: Sequence[Mapping[str, object]]) -> str | None:
    """The messages are what is trained on: they must say what the turns say, and the task must be the one of its key."""
    if row["task_key"] != task.key:
        return f"task_key {str(row['task_key'])[:12]} is not that of the task, {task.key[:12]}"
    messages = cast("list[dict[str, object]]", row["messages"])
    said = messages[_prompt_length(messages) :]
    found = _misquotation(said, turns) or (_misplacement(said, turns) if row.get("linearization") == "sos" else None)
    if found:
        return found
    if row["verdict"] == "pass" and any(turn["observation"] is not None and turn["digest"] is None for turn in turns):
        return "a turn has no digest, which a row that was proven has"
    failed = any(turn["status"] not in ("ok", None) for turn in turns)
    subset = "raw" if all(turn["action"] is None for turn in turns) else "refinement" if failed else "direct"
    if row["subset"] != subset:
        return f"subset {row['subset']!r} is not what its turns are, {subset!r}"
    final = row.get("final_answer")
    if final is not None and str(final) not in str(said[-1]["content"]):
        return f"the last message does not give the final answer {final!r}"
    return None


def _misquotation(said: Sequence[Mapping[str, object]], turns: Sequence[Mapping[str, object]]) -> str | None:
    """Where the messages do not say what the turns did and saw. A turn that saw nothing may be followed by a note on that."""
    starts = [place for place, message in enumerate(said) if message["role"] == "assistant"]
    if len(starts) != len(turns):
        return f"{len(starts)} replies after the question, {len(turns)} expected from the turns"
    for turn, start, end in zip(turns, starts, [*starts[1:], len(said)], strict=True):
        if not _acts(said[start], turn):
            return f"message {start} does not hold the action of turn {turn['index']}"
        if end - start > 2 or (turn["observation"] is not None and (end - start < 2 or not _shows(said[start + 1], turn))):
            return f"message {start + 1} does not show the observation of turn {turn['index']}"
        if turn["observation"] is None and end - start == 2 and (end == len(said) or said[start + 1]["content"] not in NOTES.values()):
            return f"message {start + 1} stands after turn {turn['index']}, which saw nothing, and is no note on that"
    return None


def _misplacement(said: Sequence[Mapping[str, object]], turns: Sequence[Mapping[str, object]]) -> str | None:
    """Where the text of the view `sos` tells another tree than the turns."""
    try:
        told = parse([Message(role=cast("Any", message["role"]), content=str(message["content"])) for message in said])
    except ValueError as error:
        return str(error)
    places = {turn["node"]: place for place, turn in enumerate(turns)}
    for place, (node, turn) in enumerate(zip(told, turns, strict=True)):
        if node.parent != places.get(turn["parent"]):
            return f"reply {place} is not told to go on from where turn {turn['index']} did"
    return None


def _prompt_length(messages: Sequence[Mapping[str, object]]) -> int:
    return next((i for i, message in enumerate(messages) if message["role"] == "assistant"), len(messages))


def _shows(message: Mapping[str, object], turn: Mapping[str, object]) -> bool:
    observation = Observation(status=cast("ObservationStatus", turn["status"]), text=str(turn["observation"]))
    text = observation_text(observation)
    return message["role"] in ("user", "tool") and message["content"] in (text, f"{text}\n{STATE_IS_BACK}")


def _acts(message: Mapping[str, object], turn: Mapping[str, object]) -> bool:
    if message["role"] != "assistant":
        return False
    said = str(message["content"]) + json.dumps(message.get("tool_calls"))
    return turn["action"] is None or str(turn["action"]).strip() in said or json.dumps(turn["action"])[1:-1] in said


def _turn(place: int, index: int, node: Node, *, timings: bool) -> dict[str, object]:
    seen = node.observation
    return {
        "index": place,
        "node": index,
        "parent": node.parent,
        "thought": node.thought,
        "action": node.action.text if node.action else None,
        "kind": node.action.kind if node.action else "answer",
        "observation": seen.text if seen else None,
        "status": seen.status if seen else None,
        "duration_ms": seen.duration_ms if seen and timings else None,
        "digest": seen.digest if seen else None,
    }


def _message(message: Message) -> dict[str, object]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls or ()
    ]
    return {
        "role": message.role,
        "content": message.content,
        "reasoning_content": message.reasoning_content,
        "tool_calls": calls or None,
        "tool_call_id": message.tool_call_id,
        "name": message.name,
    }


def _failed(node: Node) -> bool:
    return node.observation is not None and node.observation.status != "ok"
