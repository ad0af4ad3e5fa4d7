"""Which of several duplicates stays. The rule looks at contents alone, so the order of the input has no say."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eagdata.curate.fingerprints import digests

Keep = Literal["longest", "shortest"]
"""Of rows equally verified. Either way, verified rows stay before others, and among equals the smallest hash of the row's contents."""

STANDING = ("id", "problem", "text", "answer", "verdict")
"""Columns that `standing` reads."""


def standing(documents: pa.Table) -> pa.Table:
    """What `ranks` needs to know of each document: row, id, verified, length (bytes of `text`), digest (64 bits of all that it reads)."""
    whole = documents.select(["row", *STANDING]).combine_chunks()
    columns = [whole[name].combine_chunks() for name in ("problem", "text", "answer", "verdict", "id")]
    return pa.table(
        {
            "row": whole["row"],
            "id": whole["id"],
            "verified": pc.equal(whole["verdict"], "pass").fill_null(False),
            "length": pc.binary_length(whole["text"]).fill_null(0),
            "digest": pa.array(digests(columns)),
        }
    )


def ranks(found: pa.Table, keep: Keep) -> npt.NDArray[np.int64]:
    """Place of each row of `standing` in the order in which rows are kept, 0 first."""
    row, digest = found["row"].to_numpy(), found["digest"].to_numpy()
    length = found["length"].to_numpy().astype(np.int64)
    order = np.lexsort((row, digest, length if keep == "shortest" else -length, ~found["verified"].to_numpy()))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place
