"""Records of the verifiers package: a line of `traces.jsonl` per tree, or a line per rollout.

    {"id": "...", "env": {"id": "eagdata/sums"}, "task": {"type": "eagdata", "key": "...", "data": {"id": "...", "answer": "5", ...}},
     "ok": true, "errors": [], "traces": [{"id": "...", "task": {...}, "agent": {"config": {}, "name": "..."}, "is_completed": true,
     "nodes": [{"parent": null, "message": {"role": "user", "content": "2+3?"}, "sampled": false},
               {"parent": 0, "message": {"role": "assistant", "content": "5"}, "sampled": true}],
     "rewards": {"math": {"score": 1.0, "weight": 1.0}}, ...}]}
    {"example_id": 0, "prompt": [...], "completion": [...], "answer": "5", "task": "sums", "reward": 1.0, "info": {...}}

Sources: PrimeIntellect-ai/verifiers, verifiers/v1/{trace,episode,graph}.py at 0.4.0 (`Episode`, `Trace`, `MessageNode`), and
`RolloutOutput` in verifiers/types.py of 0.3.0, the last release that had it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import MESSAGES
from eagdata.exporters.linear import turn_messages
from eagdata.exporters.trees import Tree, said, trees
from eagdata.records import Json, Leaf, Message, Node

Row = dict[str, Any]  # JSON of many shapes
_JSON = pa.json_()
_EPISODES = pa.schema(
    [
        ("id", pa.string()),
        ("env", _JSON),
        ("task", _JSON),
        ("ok", pa.bool_()),
        ("errors", MESSAGES),
        ("traces", MESSAGES),
    ]
)
_ROLLOUTS = pa.schema(
    [
        ("example_id", pa.int64()),
        ("prompt", MESSAGES),
        ("completion", MESSAGES),
        ("answer", pa.string()),
        ("task", pa.string()),
        ("reward", pa.float64()),
        ("metrics", _JSON),
        ("info", _JSON),
        ("is_completed", pa.bool_()),
        ("is_truncated", pa.bool_()),
    ]
)
_FINISHED = ("stop", "length", "tool_calls")


class VerifiersExporter:
    """`traces.jsonl` of verifiers 0.4 and later, or the rollout rows of its earlier releases.

    A trace of theirs has one reward. So `branches` makes of each leaf a trace of its own within the episode of its task; `tree` makes one
    trace of the whole tree, each message once, whose reward is unknown and whose `info` says which node ended how.
    """

    @settings
    class Config:
        form: Literal["branches", "tree", "rollouts"] = "branches"
        """An episode per tree, with a trace per leaf (`branches`) or one trace of all turns (`tree`); or a row per leaf, as releases before
        0.4 wrote them (`rollouts`)."""

    reads: ClassVar[Literal["trajectories", "traces"]] = "traces"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "a reward that is unknown, in sums: it is null here, but their `Trace.reward` counts it as 0",
        "turns that are on no way to an answer, unless form=tree",
        "a reward for each leaf, with form=tree: they are in `info`",
        "times and tokens: readers put in the time of reading, and no token ids",
        "what `eagdata verify` needs",
    )

    def __init__(self, config: Config) -> None:
        self._form = config.form
        self.schema = _ROLLOUTS if config.form == "rollouts" else _EPISODES

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per tree or per leaf. Raises: RecipeError for a row that is no trace."""
        for place, tree in enumerate(trees(source)):
            if self._form == "rollouts":
                yield from (_rollout(tree, leaf, place) for leaf in tree.trace.leaves)
            elif tree.trace.nodes:
                yield _episode(tree, place, whole=self._form == "tree")


def _rollout(tree: Tree, leaf: Leaf, place: int) -> Row:
    task = tree.trace.task
    return {
        "example_id": place,
        "prompt": [said(message) for message in tree.prompt],
        "completion": [said(message) for message in tree.shown(leaf.node).messages],
        "answer": task.answer or "",
        "task": task.family,
        "reward": leaf.verdict.reward,
        "metrics": {},
        "info": _about(tree, leaf),
        "is_completed": True,
        "is_truncated": False,
    }


def _episode(tree: Tree, place: int, *, whole: bool) -> Row:
    trace, task = tree.trace, _task(tree, place)
    found = [_whole(tree, task)] if whole else [_branch(tree, task, leaf) for leaf in trace.leaves]
    errors = [{"type": trace.failure.kind, "message": trace.failure.message}] if trace.failure else []
    env = {"id": f"eagdata/{trace.task.family or trace.task.environment}"}
    return {"id": trace.id, "env": env, "task": task, "ok": not errors, "errors": errors, "traces": found}


def _whole(tree: Tree, task: Row) -> Row:
    trace = tree.trace
    found = _trace(tree, task, range(len(trace.nodes)))
    leaves = [{"node": found["calls"][leaf.node]["node"], **_about(tree, leaf)} for leaf in trace.leaves]
    return found | {"id": trace.id, "rewards": {trace.task.verifier: None}, "info": {"eagdata": {"leaves": leaves}}}


def _branch(tree: Tree, task: Row, leaf: Leaf) -> Row:
    reward = leaf.verdict.reward
    return _trace(tree, task, tree.shown(leaf.node).shown, end=leaf.node) | {
        "id": tree.trace.branch_id(leaf),
        "rewards": {tree.trace.task.verifier: None if reward is None else {"score": reward, "weight": 1.0}},
        "info": {"eagdata": _about(tree, leaf)},
    }


def _task(tree: Tree, place: int) -> Row:
    task = tree.trace.task
    names = ("answer", "reference", "verifier", "environment", "family", "source", "license", "split")
    data = {"idx": place, "id": task.id, "prompt": [_message(message) for message in tree.prompt]}
    return {"type": "eagdata", "key": task.key, "data": data | {name: getattr(task, name) for name in names}}


def _about(tree: Tree, leaf: Leaf) -> Row:
    trace = tree.trace
    return {
        "task_id": trace.task.id,
        "trace_id": trace.id,
        "branch_id": trace.branch_id(leaf),
        "verdict": leaf.verdict.status,
        "reward": leaf.verdict.reward,
        "verified": leaf.verified,
        "drop": leaf.drop,
        "answer": leaf.answer,
        "replay_runs": leaf.replay_runs,
    }


def _trace(tree: Tree, task: Row, shown: Sequence[int], *, end: int | None = None) -> Row:
    """The messages of the turns `shown`: those of a line up to `end`, or, without it, of a tree. One call for each turn, in their order."""
    trace = tree.trace
    path = set(shown) if end is None else set(trace.path(end))
    nodes: list[Row] = []
    calls: list[Row] = []
    tip = _hang(nodes, tree.prompt, None)
    last: dict[int | None, int | None] = {None: tip}
    for index in shown:
        node = trace.nodes[index]
        reply, *seen = turn_messages(node, state_is_back=index not in path)
        at = _hang(nodes, [reply], last[node.parent] if end is None else tip, sampled=True)
        calls.append({"node": at, **_call(node, trace.teacher)})
        tip = last[index] = _hang(nodes, seen, at)
    tools = [{"type": "function", **one["function"]} for one in cast("list[Row]", tree.tools or [])]
    agent = {"config": {}, "name": trace.teacher or "teacher"}
    made = {"version": 1, "verifiers": {"version": f"eagdata {trace.eagdata_version}"}}
    return {**made, "task": task, "agent": agent, "tools": tools, "nodes": nodes, "calls": calls, "is_completed": True, "ok": True}


def _hang(nodes: list[Row], messages: Iterable[Message], after: int | None, *, sampled: bool = False) -> int | None:
    """Add messages one after another; the place of the last."""
    for message in messages:
        nodes.append({"parent": after, "message": _message(message), "sampled": sampled})
        after = len(nodes) - 1
    return after


def _message(message: Message) -> Row:
    calls = [{"id": call.id, "type": "function", "name": call.name, "arguments": call.arguments} for call in message.tool_calls or ()]
    return said(message) | ({"tool_calls": calls} if calls else {})


def _call(node: Node, teacher: str) -> Row:
    """What is known of the call. Their `prompt_tokens` are without those from a cache."""
    found: Row = {"model": teacher}
    if node.finish_reason in _FINISHED:
        found["finish_reason"] = node.finish_reason
    used = node.usage
    if used and used.prompt_tokens is not None and used.completion_tokens is not None:
        cached = used.cached_tokens
        found["usage"] = {"prompt_tokens": used.prompt_tokens - (cached or 0), "completion_tokens": used.completion_tokens}
        found["usage"] |= {"cached_input_tokens": cached, "cost": used.cost_usd}
    return found
