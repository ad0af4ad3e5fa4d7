"""Rows of `traces` as trees, and what is known of the turns in them.

A leaf is *verified*, *refused* (the verdict is `fail` or `hack`) or neither: unscored, a fault, out of time, flaky, right but dropped,
or refused against the word of a judge model. Neither is unknown, and unknown is never taken for wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import orjson

from eagdata.errors import RecipeError
from eagdata.exporters.chats import Said
from eagdata.exporters.linear import LinearView, View, linearize
from eagdata.records import Json, Leaf, Message, Trace, from_json


@dataclass(frozen=True, slots=True)
class Ends:
    """Leaves at or below a turn."""

    verified: int = 0
    refused: int = 0
    unknown: int = 0

    def __add__(self, other: Ends) -> Ends:
        return Ends(self.verified + other.verified, self.refused + other.refused, self.unknown + other.unknown)

    @property
    def share(self) -> float | None:
        """Verified leaves among those that are verified or refused, 0 to 1; None if there is none."""
        scored = self.verified + self.refused
        return self.verified / scored if scored else None


@dataclass(frozen=True)
class Tree:
    """A trace with the messages before its first turn."""

    trace: Trace
    prompt: tuple[Message, ...]

    @cached_property
    def children(self) -> Mapping[int | None, list[int]]:
        """Turns by the turn before them, in the order in which they happened."""
        found: dict[int | None, list[int]] = defaultdict(list)
        for index, node in enumerate(self.trace.nodes):
            found[node.parent].append(index)
        return found

    @cached_property
    def ends(self) -> tuple[Ends, ...]:
        """Of each turn. O(nodes)."""
        found = [Ends()] * len(self.trace.nodes)
        for leaf in self.trace.leaves:
            passed = self.outcome(leaf)
            found[leaf.node] += Ends(verified=passed is True, refused=passed is False, unknown=passed is None)
        for index in reversed(range(len(found))):  # a parent comes before its children
            parent = self.trace.nodes[index].parent
            if parent is not None:
                found[parent] += found[index]
        return tuple(found)

    @cached_property
    def first_leaf(self) -> Mapping[tuple[int, bool | None], int]:
        """A turn and an outcome -> the first leaf of this outcome at or below it."""
        found: dict[tuple[int, bool | None], int] = {}
        for leaf in self.trace.leaves:
            for index in self.trace.path(leaf.node):
                found.setdefault((index, self.outcome(leaf)), leaf.node)
        return found

    @property
    def view(self) -> View:
        """What the teacher saw when it wrote: the search `linear_retry` shows it what failed, the others do not."""
        return "linear_retry" if self.trace.search == "linear_retry" else "direct"

    @property
    def tools(self) -> Json:
        """OpenAI function schemas; None if there are none."""
        return self.trace.sampling.get("tools") or None

    def outcome(self, leaf: Leaf) -> bool | None:
        """True: verified. False: refused. None: unknown."""
        if leaf.verified:
            return True
        disputed = any(appeal.node == leaf.node and appeal.granted for appeal in self.trace.appeals)
        return False if leaf.verdict.status in ("fail", "hack") and not disputed else None

    def shown(self, end: int | None) -> LinearView:
        """The branch that ends at a turn, as the teacher saw it, without the prompt."""
        return linearize((), self.trace.nodes, end=end, view=self.view)


def trees(source: Iterable[Mapping[str, Json]]) -> Iterator[Tree]:
    """Each row with its tree. Raises: RecipeError for a row that is no trace."""
    for row in source:
        try:
            tree = Tree(from_json(Trace, str(row["trace"])), tuple(from_json(Message, one) for one in json.loads(str(row["prompt"]))))
            _check(tree.trace)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise RecipeError(
                f"row {row.get('id')!r} is no trace of eagdata",
                why=f"{type(error).__name__}: {error}",
                mend="give `data/traces` of a run, with all its columns",
            ) from error
        yield tree


def said(message: Message) -> Said:
    """A message as TRL and transformers take it: no key without a value, the arguments of a tool call as the object that they are."""
    found: Said = {"role": message.role, "content": message.content}
    for key in ("reasoning_content", "tool_call_id", "name"):
        if (value := getattr(message, key)) is not None:
            found[key] = value
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments(call.arguments)}}
            for call in message.tool_calls
        ]
    return found


def arguments(text: str) -> Json:
    """The object that the model wrote; its text where it wrote none, or one that not every reader would read alike (NaN, 30 digits)."""
    try:
        value: Json = json.loads(text)
        return value if isinstance(value, dict) and orjson.loads(orjson.dumps(value)) == value else text
    except (ValueError, TypeError, RecursionError):
        return text


def _check(trace: Trace) -> None:
    """Raises: ValueError unless each parent comes before its child, and each leaf is a turn of its own."""
    for index, node in enumerate(trace.nodes):
        if node.parent is not None and not 0 <= node.parent < index:
            raise ValueError(f"node {index} has parent {node.parent}")
    at = [leaf.node for leaf in trace.leaves]
    if len(set(at)) < len(at) or not all(0 <= node < len(trace.nodes) for node in at):
        raise ValueError("a leaf is at no node, or two are at one")
