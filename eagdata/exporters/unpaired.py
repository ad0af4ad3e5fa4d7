"""Branches with the word whether their answer is right.

    {"prompt": [{"role": "user", "content": "2+3?"}], "completion": [{"role": "assistant", "content": "5"}], "label": true,
     "tools": null, "task_id": "..."}

Source: TRL, docs/source/dataset_formats.md (unpaired preference).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import MESSAGES
from eagdata.exporters.trees import said, trees
from eagdata.records import Json


class UnpairedExporter:
    """`prompt`, `completion` and `label` for TRL's KTOTrainer: true for a verified leaf, false for one that the verifier refused."""

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "traces"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "leaves that are neither right nor wrong: unscored, a fault of ours, out of time, flaky, right but dropped",
        "branches without an answer",
        "what in a completion may be trained on: TRL learns the observations too",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("prompt", MESSAGES),
            ("completion", MESSAGES),
            ("label", pa.bool_()),
            ("tools", MESSAGES),
            ("task_id", pa.string()),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per leaf of known outcome. Raises: RecipeError for a row that is no trace."""
        for tree in trees(source):
            prompt: list[Json] = [said(message) for message in tree.prompt]
            for leaf in tree.trace.leaves:
                if (passed := tree.outcome(leaf)) is not None:
                    completion: list[Json] = [said(message) for message in tree.shown(leaf.node).messages]
                    yield {
                        "prompt": prompt,
                        "completion": completion,
                        "label": passed,
                        "tools": tree.tools,
                        "task_id": tree.trace.task.id,
                    }
