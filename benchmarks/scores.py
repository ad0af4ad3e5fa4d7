"""What the ids that a contender gave are worth, by what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from corpora import TARGETS
from families import FAMILIES
from leaks import KINDS, STEM

Row = Mapping[str, Any]  # Any: a row of `corpora.TRUTH`
DUPLICATE = 0.8
"""Similarity from which two documents are one."""


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """Quality of a deduplication. Shares of what there was, 0 to 1; None where there was nothing."""

    recall: float | None
    """Of the planted pairs with a similarity of 0.8 and more, copies with other white space among them: one side is gone."""
    near: Mapping[float, float | None]
    """Target similarity -> share of the near copies of which one side is gone: wanted from 0.8 on, wrong below."""
    spaced: float | None
    """The same of the copies with other white space."""
    families: Mapping[str, float | None]
    """Share of each family that is gone: all of it wrong for a trainer."""
    lexical_precision: float | None
    """Of what is gone, the share that has a partner with a similarity of 0.8 and more, the siblings of its family among them."""
    training_precision: float | None
    """The same, and a member of a family is nobody's duplicate."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Quality of a search for leaks."""

    recall: Mapping[str, float | None]
    """Kind -> share that is flagged."""
    innocents: float | None
    """Share of the documents without any leak that is flagged."""
    flagged: int


def cleaned(truth: Sequence[Row], kept: Collection[str]) -> Cleaned:
    """Quality of what `kept` leaves of the documents that `truth` (rows of `corpora.TRUTH`) tells of."""
    gone = {row["id"] for row in truth} - set(kept)
    pairs = [row for row in truth if row["original"] is not None]
    cut = [row for row in pairs if row["id"] in gone or row["original"] in gone]
    # A pair justifies one removal: a tool that drops both sides has lost a document.
    right = sum(row["jaccard"] >= DUPLICATE for row in cut)
    siblings = [row for row in truth if row["kind"] in FAMILIES and row["id"] in gone]
    alike = sum(row["jaccard"] >= DUPLICATE for row in siblings)
    close = [row for row in pairs if row["jaccard"] >= DUPLICATE]
    return Cleaned(
        recall=_share(right, len(close)),
        near={target: _of(cut, pairs, "target", target) for target in TARGETS},
        spaced=_of(cut, pairs, "kind", "spaced"),
        families={name: _of(siblings, truth, "kind", name) for name in FAMILIES},
        lexical_precision=_share(right + alike, len(gone)),
        training_precision=_share(right, len(gone)),
    )


def found(folder: Path, flagged: Collection[str], *, documents: int) -> Found:
    """Quality of `flagged` among the `documents` of `leaked.parquet`."""
    kinds = dict(zip(*pq.read_table(folder / "leaks.parquet", columns=["id", "kind"]).to_pydict().values(), strict=True))
    planted = Counter(kinds.values())
    hits = Counter(kinds.get(name, STEM) for name in flagged)
    leaks = sum(planted[kind] for kind in KINDS)
    return Found(
        recall={kind: _share(hits[kind], planted[kind]) for kind in KINDS},
        innocents=_share(hits[STEM], documents - leaks),
        flagged=len(flagged),
    )


def _of(some: Sequence[Row], every: Sequence[Row], key: str, value: object) -> float | None:
    return _share(sum(row[key] == value for row in some), sum(row[key] == value for row in every))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
