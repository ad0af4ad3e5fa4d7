"""Tasks with all the branches that came to an answer and the reward of each: groups for methods that compare attempts at one task.

    {"prompt": [{"role": "user", "content": "2+3?"}],
     "completions": [[{"role": "assistant", "content": "5"}], [{"role": "assistant", "content": "6"}]], "rewards": [1.0, 0.0],
     "verified": [true, false], "corrected": [false, false], "solve_rate": 0.5, "tools": null, "task_id": "...", "task": "{...}"}

Source of the group, rewards of several outputs to one question: GRPO (Shao et al. 2024, DeepSeekMath, arXiv 2402.03300, section 4.1). The
messages are those that TRL takes (docs/source/dataset_formats.md); the columns are ours, since trainers sample their groups themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import MESSAGES
from eagdata.exporters.trajectories import corrected, solve_rate
from eagdata.exporters.trees import Tree, said, trees
from eagdata.records import Json, Leaf, canonical, to_json


class GroupsExporter:
    """A row a task, for training by reinforcement: each branch that came to an answer, with its reward.

    A reward is the verifier's; null if it did not score the answer, or a judge model found a refused answer right: unknown is never 0. A
    right answer that breaks a rule of the rows has its reward and is not `verified`. `corrected` are the branches that a corrector wrote:
    no attempts of the teacher, and left out of `solve_rate`, which is that of `trajectories`.
    """

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "traces"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "tasks without a branch that came to an answer",
        "that branches of one tree begin alike: they are no independent samples, as GRPO takes them to be",
        "what in a completion may be trained on: a trainer learns the observations too",
        "the settings of the run's environment: `task` holds the verifier, its reference, and the task's own settings",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("prompt", MESSAGES),
            ("completions", pa.list_(MESSAGES)),
            ("rewards", pa.list_(pa.float64())),
            *((name, pa.list_(pa.bool_())) for name in ("verified", "corrected")),
            ("solve_rate", pa.float64()),
            ("tools", MESSAGES),
            *((name, pa.string()) for name in ("task_id", "task")),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per tree with a leaf. Raises: RecipeError for a row that is no trace."""
        for tree in trees(source):
            if tree.trace.leaves:
                yield _row(tree)


def _row(tree: Tree) -> dict[str, Json]:
    trace, not_its_own = tree.trace, corrected(tree.trace)
    return {
        "prompt": [said(message) for message in tree.prompt],
        "completions": [[said(message) for message in tree.shown(leaf.node).messages] for leaf in trace.leaves],
        "rewards": [_reward(tree, leaf) for leaf in trace.leaves],
        "verified": [leaf.verified for leaf in trace.leaves],
        "corrected": [leaf.node in not_its_own for leaf in trace.leaves],
        "solve_rate": solve_rate(trace),
        "tools": tree.tools,
        "task_id": trace.task.id,
        "task": canonical(to_json(trace.task)),
    }


def _reward(tree: Tree, leaf: Leaf) -> float | None:
    is_disputed = leaf.verdict.status in ("fail", "hack") and tree.outcome(leaf) is None
    return None if is_disputed else leaf.verdict.reward
