"""Turns of the whole tree, each with where it stands, what it did and what came of it.

    {"trace_id": "...", "task_id": "...", "node": 4, "parent": 3, "path": "0.1.0", "depth": 3, "status": "acted", "thought": "I add.",
     "action": "2+3", "observation": "5", "observation_status": "ok", "mistake": null, "visits": 2, "q": 0.0, "verified": 1, "refused": 1,
     "unknown": 0, "value": 0.7}

Source: the tree records of rStar-Math (Guan et al. 2025, arXiv 2501.04519; microsoft/rStar, branch rStar-math,
rstar_deepthink/agents/mcts.py), with path, value, Q and visits at each node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.trees import Tree, trees
from eagdata.mistakes import Mistake, mistakes
from eagdata.records import Json

_TEXTS = ("thought", "action", "observation", "observation_status", "mistake")
_COUNTS = ("verified", "refused", "unknown")


class NodesExporter:
    """A row a turn of each tree, with what came of the leaves at or below it.

    `path` is the sample numbers from the first turn down, joined by dots: the form of rStar-Math's tags, and the ids of the view `sos`.
    `depth` is 1 for a first turn. `verified`, `refused` and `unknown` count the leaves at or below the turn. `visits` are the first two
    of them, and `q` is their mean, +1 for a verified and -1 for a refused one: rStar-Math's Q of answers that are backed up to the root.
    There a turn that ran into an error or a limit also gets -1, on itself alone; here it has no leaf, so its `q` is null. `value` is what
    the search said of the turn when it was told of it. `mistake` is a kind of Stream of Search's analysis, or null.
    """

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "traces"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        "the messages: a turn is its thought and its action, without the words around them, and the prompt is nowhere",
        "the answer, the verdict and its checks: a leaf is a count",
        "how often a search came by: `visits` are leaves that it reached and that were scored",
        "what `eagdata verify` needs",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            *((name, pa.string()) for name in ("trace_id", "task_id")),
            *((name, pa.int32()) for name in ("node", "parent")),
            ("path", pa.string()),
            ("depth", pa.int32()),
            *((name, pa.string()) for name in ("status", *_TEXTS)),
            ("visits", pa.int32()),
            ("q", pa.float64()),
            *((name, pa.int32()) for name in _COUNTS),
            ("value", pa.float64()),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """The turns of each tree, in the order in which they happened. Raises: RecipeError for a row that is no trace."""
        for tree in trees(source):
            for index, mistake in enumerate(mistakes(tree.trace)):
                yield _row(tree, index, mistake)


def _row(tree: Tree, index: int, mistake: Mistake | None) -> dict[str, Json]:
    trace, node, ends = tree.trace, tree.trace.nodes[index], tree.ends[index]
    path, seen = trace.path(index), node.observation
    return {
        "trace_id": trace.id,
        "task_id": trace.task.id,
        "node": index,
        "parent": node.parent,
        "path": ".".join(str(trace.nodes[at].sample) for at in path),
        "depth": len(path),
        "status": node.status,
        "thought": node.thought,
        "action": node.action.text if node.action else None,
        "observation": seen.text if seen else None,
        "observation_status": seen.status if seen else None,
        "mistake": mistake,
        "visits": ends.verified + ends.refused,
        "q": None if ends.share is None else 2 * ends.share - 1,
        "verified": ends.verified,
        "refused": ends.refused,
        "unknown": ends.unknown,
        "value": node.score,
    }
