"""Statistics of token lengths by span and group, for one named tokenizer.

Counts are of text without special tokens and without a chat template: a template adds a few tokens a message. Where a row has no
such span, as one whose format does not tell thoughts from answers, its count is NaN: it is left out, and never 0.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eagdata.records import Json

SPANS = ("prompt", "thought", "action", "observation", "answer", "total")
CUTS = (2048, 4096, 8192, 16384, 32768)
"""Context lengths in use for fine-tuning; s1 trains at 4,096 and 32,768 (arXiv 2501.19393, Table 8)."""
QUANTILES = (0.05, 0.25, 0.75, 0.95)
SPECIAL_TOKENS = "left out"
_MOST_GROUPS = 30
_GRID = 512
_CHUNK = 32

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A published length, to be shown beside ours with its source: never a target. None means that it was not published."""

    dataset: str
    statistic: str
    tokens: int
    tokenizer: str | None
    span: str | None
    source: str


REFERENCES = (
    Reference(
        dataset="s1K",
        statistic="mean",
        tokens=4700,
        tokenizer="Qwen2.5",
        span="thinking trace",
        source="s1: Simple test-time scaling, arXiv 2501.19393, Table 6 (4.7M tokens over 1,000 traces)",
    ),
    Reference(
        dataset="s1K",
        statistic="density peak, about",
        tokens=6000,
        tokenizer=None,
        span=None,
        source="a1, arXiv 2504.14597, Figure 4, which names neither tokenizer nor span",
    ),
    Reference(
        dataset="EAG2K",
        statistic="density peak, about",
        tokens=8000,
        tokenizer=None,
        span=None,
        source="a1, arXiv 2504.14597, Figure 4, which names neither tokenizer nor span",
    ),
)
NOT_COMPARABLE = (
    "A mean of 4.7 k for s1K (thinking trace, Qwen2.5) and the a1 figure's peak near 6,000 (neither span nor tokenizer named) are not "
    "the same measurement. Compare lengths within one tokenizer, one span and one statistic."
)
"""Of `REFERENCES`: to be said wherever they are shown."""


def length_statistics(
    spans: Mapping[str, ArrayLike], groups: Mapping[str, Sequence[str]], *, tokenizer: str, revision: str, cuts: Sequence[int] = CUTS
) -> dict[str, Json]:
    """All statistics of one dataset under one tokenizer, as JSON.

    `spans`: span -> tokens of each row, NaN where it has none, `total` among them; `groups`: grouping (family, subset, source) -> label
    of each row, in the same order. Of a grouping the 30 largest groups are told apart. Raises: ValueError if the columns differ in length.
    """
    columns = {span: np.asarray(tokens, dtype=np.float64) for span, tokens in spans.items()}
    if len({len(column) for column in (*columns.values(), *groups.values())}) > 1:
        raise ValueError("columns of lengths and groups differ in length")
    return {
        "tokenizer": tokenizer,
        "revision": revision,
        "special_tokens": SPECIAL_TOKENS,
        "quantile_method": "linear interpolation (Hyndman and Fan 1996, type 7)",
        "mode_method": "peak of a Gaussian kernel density; bandwidth 0.9 min(s, IQR/1.34) n^(-1/5) (Silverman 1986, eq. 3.31)",
        **_described(columns, cuts),
        "groups": {name: _grouped(columns, labels, cuts) for name, labels in groups.items()},
        "references": [asdict(reference) for reference in REFERENCES],
    }


def describe(values: ArrayLike) -> dict[str, Json]:
    """n, mean, median, quantiles, extremes and mode of token counts that are not NaN; every one but n is None where there are none."""
    sample = known(values)
    if not sample.size:
        names = ("mean", "min", "q05", "q25", "median", "q75", "q95", "max", "mode", "bandwidth_tokens")
        return {"n": 0, **dict.fromkeys(names)}
    q05, q25, q75, q95 = (float(q) for q in np.quantile(sample, QUANTILES))
    return {
        "n": int(sample.size),
        "mean": float(sample.mean()),
        "min": int(sample.min()),
        "q05": q05,
        "q25": q25,
        "median": float(np.median(sample)),
        "q75": q75,
        "q95": q95,
        "max": int(sample.max()),
        "mode": mode(sample),
        "bandwidth_tokens": bandwidth(sample),
    }


def known(values: ArrayLike) -> Floats:
    """Those that are not NaN."""
    sample = np.asarray(values, dtype=np.float64)
    return sample[~np.isnan(sample)]


def cut_shares(totals: ArrayLike, cuts: Sequence[int] = CUTS) -> dict[str, float | None]:
    """Share of rows longer than each of `cuts`: what training at that length would cut. None where there are no rows."""
    sample = known(totals)
    return {str(cut): float((sample > cut).mean()) if sample.size else None for cut in cuts}


def bandwidth(values: ArrayLike) -> float | None:
    """Kernel bandwidth in tokens by Silverman's rule of thumb; None if all values are alike, or there are none.

    Source: Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. 3.31. Where the quartiles coincide
    the standard deviation stands alone.
    """
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size or sample.min() == sample.max():
        return None
    deviation = float(sample.std(ddof=1))
    quartiles = float(np.subtract(*np.quantile(sample, (0.75, 0.25)))) / 1.34
    spread = min(deviation, quartiles) if quartiles > 0 else deviation
    return float(0.9 * spread * sample.size**-0.2)


def density(values: ArrayLike, grid: ArrayLike, *, width: float) -> Floats:
    """Gaussian kernel density of `values` at the points of `grid`, per token, `(len(grid),) float64`.

    Equal values are summed first, so the cost is that of the distinct lengths: a million rows take as long as 30,000.
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    points = np.asarray(grid, dtype=np.float64)
    found = np.empty(points.size)
    for start in range(0, points.size, _CHUNK):  # bounds memory: 32 points x 30,000 lengths x 8 bytes
        z = (points[start : start + _CHUNK, None] - distinct[None, :]) / width
        found[start : start + _CHUNK] = np.exp(-0.5 * z * z) @ counts
    found /= counts.sum() * width * np.sqrt(2 * np.pi)
    return found


def mode(values: ArrayLike) -> float | None:
    """Length at which the density peaks, to 1/500 of a bandwidth or of the grid's step; the value itself if all are alike."""
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size:
        return None
    width = bandwidth(sample)
    low, high = float(sample.min()), float(sample.max())
    if width is None:
        return low
    for _ in range(2):  # the peak of a mixture of Gaussians lies between its means; then once more, closer
        grid = np.linspace(low, high, max(_GRID, min(4096, int(2 * (high - low) / width))))
        best = float(grid[int(np.argmax(density(sample, grid, width=width)))])
        step = float(grid[1] - grid[0])
        low, high = max(low, best - step), min(high, best + step)
    return best


def _described(columns: Mapping[str, Floats], cuts: Sequence[int]) -> dict[str, Json]:
    return {
        "rows": len(columns["total"]),
        "spans": {span: describe(column) for span, column in columns.items()},
        "cut_share": dict(cut_shares(columns["total"], cuts)),
    }


def _grouped(columns: Mapping[str, Floats], labels: Sequence[str], cuts: Sequence[int]) -> dict[str, Json]:
    given = np.asarray(labels, dtype=object)
    largest = [label for label, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[:_MOST_GROUPS]]
    return {
        label: _described({span: column[given == label] for span, column in columns.items()}, cuts)
        for label in sorted(largest, key=_natural)
    }


def _natural(label: str) -> tuple[int, str]:
    """Numbers by their size, before words."""
    return (len(label), label) if label.isdecimal() else (sys.maxsize, label)
