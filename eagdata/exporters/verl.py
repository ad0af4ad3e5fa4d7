"""Prompts with the ground truth that a reward is computed from.

    {"data_source": "...", "prompt": [{"role": "user", "content": "2+3?"}], "ability": "sums",
     "reward_model": {"style": "rule", "ground_truth": "5"}, "extra_info": {"split": "train", "index": 0, ...}}

Source: verl, docs/preparation/prepare_data.rst.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import chats
from eagdata.records import Json, canonical

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_EXTRA = (("split", pa.string()), ("index", pa.int64()), *((name, pa.string()) for name in ("task_key", "verifier", "task")))


class VerlExporter:
    """One prompt per task for reinforcement learning with verl."""

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "what the teacher wrote: a task is one prompt, however many trajectories it has",
        "a ground truth where the verifier has none to compare with: it is null, and `extra_info.task` holds what the verifier needs",
        "tasks that nobody solved: they have no trajectory",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("data_source", pa.string()),
            ("prompt", _MESSAGES),
            ("ability", pa.string()),
            ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
            ("extra_info", pa.struct(_EXTRA)),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per task, by the first of its trajectories. Raises: RecipeError for a row that is none."""
        seen: set[str] = set()
        for row, chat in chats(source):
            if row["task_key"] not in seen:
                prompt = [{"role": message["role"], "content": message["content"]} for message in chat.messages[: chat.replied_at]]
                yield {
                    "data_source": row["source"],
                    "prompt": list(prompt),
                    "ability": row["family"],
                    "reward_model": {"style": "rule", "ground_truth": _truth(row)},
                    "extra_info": {
                        "split": row["split"],
                        "index": len(seen),
                        "task_key": row["task_key"],
                        "verifier": json.loads(row["task"])["verifier"],
                        "task": row["task"],
                    },
                }
                seen.add(row["task_key"])


def _truth(row: Mapping[str, Any]) -> str | None:
    """The answer in words, else what the verifier compares with, as JSON."""
    if row["answer"] is not None:
        return str(row["answer"])
    reference = json.loads(row["task"])["reference"]
    return None if reference is None else canonical(reference)
