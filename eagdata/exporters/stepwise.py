"""Turns with labels that say of each whether the answer could still be reached after it.

    {"prompt": "2+3?", "completions": ["I add.\\n\\n```python\\n2+3\\n```\\n\\nOutput:\\n5", "5"], "labels": [true, true],
     "values": [1.0, 1.0], "task_id": "..."}

Sources: TRL 1.13, docs/source/dataset_formats.md (stepwise supervision; 1.14 took it out, https://github.com/huggingface/trl/pull/7133).
The labels: Wang et al. 2024 (Math-Shepherd, arXiv 2312.08935), hard and soft estimation from the continuations of a step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import joined, spoken
from eagdata.exporters.linear import turn_messages
from eagdata.exporters.trees import Tree, said, trees
from eagdata.records import Json, Node

_PROVED = re.compile(r"^\S+: proved(?: \(|$)", re.MULTILINE)


class StepwiseExporter:
    """`prompt`, `completions` and `labels` for TRL's PRMTrainer, which TRL has up to 1.13.

    A step is a turn: the reply and, after it, what the environment answered. Its label is estimated from the leaves at or below it: the
    share of verified ones among those that are verified or refused (column `values`). It does not say that the step itself is right: a
    turn whose action failed is true where a branch recovered from it. The leaves are those that the search grew, more of them where it
    hoped for more, and no random sample of continuations.

    In the environment `smt` the turn's observation comes first: true if Z3 proved its steps, false if it refuted one (`kind` Refuted);
    such a label says that the step itself follows, whatever came of it.

    Where neither tells, the sequence ends: unknown is not false. A tree gives one row for each sequence that is no beginning of another.
    """

    @settings
    class Config:
        labels: Literal["hard", "soft"] = "hard"
        """True if any leaf at or below the step is verified (`hard`), or if a share of at least `threshold` is (`soft`)."""
        threshold: float = 0.5
        """Of `soft` labels, 0 to 1. Ours: the trainer takes no shares, only true and false."""
        min_leaves: int = 1
        """Fewest verified and refused leaves below a step that is no answer: with fewer it is unknown. Math-Shepherd has 8 of each."""

        def __post_init__(self) -> None:
            if not 0 < self.threshold <= 1:
                raise ValueError("threshold must be above 0 and at most 1")
            if self.min_leaves < 1:
                raise ValueError("min_leaves must be at least 1")

    reads: ClassVar[Literal["trajectories", "traces"]] = "traces"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "steps after which no branch ended in a scored leaf",
        "roles: prompt and steps are texts, a tool call is text between <tool_call> marks",
        "what the teacher saw of failed siblings, in runs of the search `linear_retry`",
        "that rows of one tree begin alike: their first steps are trained on once for each row",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("prompt", pa.string()),
            ("completions", pa.list_(pa.string())),
            ("labels", pa.list_(pa.bool_())),
            ("values", pa.list_(pa.float64())),
            ("task_id", pa.string()),
        ]
    )

    def __init__(self, config: Config) -> None:
        self._least = config.threshold if config.labels == "soft" else 0.0
        self._min_leaves = config.min_leaves

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per sequence of labelled turns. Raises: RecipeError for a row that is no trace."""
        for tree in trees(source):
            labels = [self._label(tree, index) for index in range(len(tree.trace.nodes))]
            for path in _sequences(tree, labels):
                yield {
                    "prompt": joined(*(message.content for message in tree.prompt)),
                    "completions": [_step(tree.trace.nodes[index]) for index in path],
                    "labels": [labels[index] for index in path],
                    "values": [tree.ends[index].share for index in path],
                    "task_id": tree.trace.task.id,
                }

    def _label(self, tree: Tree, index: int) -> bool | None:
        proved = _proved(tree.trace.nodes[index]) if tree.trace.task.environment == "smt" else None
        ends = tree.ends[index]
        few = tree.trace.nodes[index].status != "answered" and ends.verified + ends.refused < self._min_leaves
        if proved is not None or few or (share := ends.share) is None:
            return proved
        return share > 0 and share >= self._least


def _sequences(tree: Tree, labels: list[bool | None]) -> Iterator[tuple[int, ...]]:
    """Paths from a first turn through labelled turns that cannot go on."""
    reached = set[int]()
    for index, node in enumerate(tree.trace.nodes):
        if labels[index] is not None and (node.parent is None or node.parent in reached):
            reached.add(index)
    yield from (tree.trace.path(index) for index in sorted(reached) if reached.isdisjoint(tree.children[index]))


def _proved(node: Node) -> bool | None:
    seen = node.observation
    if seen and seen.kind == "Refuted":
        return False
    return True if seen and seen.status == "ok" and _PROVED.search(seen.text) else None


def _step(node: Node) -> str:
    reply, *seen = turn_messages(node)
    return joined(spoken(said(reply)), *(message.content for message in seen))
