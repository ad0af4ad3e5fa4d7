"""How far two data sets differ, with bootstrap intervals. The same values and seed give the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eagdata.analyze.lengths import Floats, known
from eagdata.records import Json

RESAMPLES = 2000
"""For an interval at least 1,000 (Efron and Tibshirani 1993, section 13.4)."""
LEVEL = 0.95
METHOD = "percentile bootstrap, both sets resampled apart (Efron and Tibshirani 1993, sections 8.3 and 13.3)"
_DRAWN_AT_ONCE = 2_000_000

Counts = NDArray[np.int64]
Statistic = Callable[[Floats, Counts], Floats]


def differences(values: ArrayLike, base: ArrayLike, *, seed: int = 0) -> dict[str, Json]:
    """Mean and median of `values` minus those of `base`, each with its 95 % interval; None where either has no values.

    NaN is left out. An interval says how much the difference would vary if rows were drawn anew, rows being independent.
    """
    one, other = known(values), known(base)
    found = {name: _difference(one, other, statistic, seed) for name, statistic in _STATISTICS.items()}
    return {"method": METHOD, "level": LEVEL, "resamples": RESAMPLES, "seed": seed, **found}


def _difference(one: Floats, other: Floats, statistic: Statistic, seed: int) -> Json:
    if not one.size or not other.size:
        return None
    rng = np.random.default_rng(seed)
    drawn = _resampled(one, statistic, rng) - _resampled(other, statistic, rng)
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return {"difference": _of(one, statistic) - _of(other, statistic), "low": float(low), "high": float(high)}


def _of(sample: Floats, statistic: Statistic) -> float:
    distinct, counts = np.unique(sample, return_counts=True)
    return float(statistic(distinct, counts[None, :])[0])


def _resampled(sample: Floats, statistic: Statistic, rng: np.random.Generator) -> Floats:
    """Of each resample. How often each distinct value is drawn is multinomial, so a million rows cost what their lengths cost."""
    distinct, counts = np.unique(sample, return_counts=True)
    shares, step = counts / sample.size, max(1, _DRAWN_AT_ONCE // distinct.size)
    parts = [
        statistic(distinct, rng.multinomial(sample.size, shares, size=min(step, RESAMPLES - start))) for start in range(0, RESAMPLES, step)
    ]
    return np.concatenate(parts)


def _mean(distinct: Floats, counts: Counts) -> Floats:
    return np.asarray(counts @ distinct / counts.sum(axis=1), dtype=np.float64)


def _median(distinct: Floats, counts: Counts) -> Floats:
    """The value in the middle; of an even number, the mean of the two there."""
    upto, total = counts.cumsum(axis=1), counts.sum(axis=1)
    lower = (upto <= ((total - 1) // 2)[:, None]).sum(axis=1)
    upper = (upto <= (total // 2)[:, None]).sum(axis=1)
    return np.asarray((distinct[lower] + distinct[upper]) / 2, dtype=np.float64)


_STATISTICS: dict[str, Statistic] = {"mean": _mean, "median": _median}
