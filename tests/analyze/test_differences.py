"""Differences of two sets, against a bootstrap written out row by row."""

from __future__ import annotations

import random
import statistics
from typing import Any

import numpy as np
import pytest

from eagdata.analyze.differences import differences

DICE = random.Random(2)
ONE = [round(DICE.lognormvariate(6.5, 0.5)) for _ in range(120)]
OTHER = [round(DICE.lognormvariate(6.2, 0.4)) for _ in range(75)]


def slow_interval(statistic, one: list[int], other: list[int]) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    dice = random.Random(9)
    drawn = sorted(statistic(dice.choices(one, k=len(one))) - statistic(dice.choices(other, k=len(other))) for _ in range(4000))
    return drawn[100], drawn[3899]


@pytest.mark.parametrize(("one", "other"), [(ONE, OTHER), (OTHER, ONE)], ids=["one", "other"])
@pytest.mark.parametrize(("name", "statistic"), [("mean", statistics.fmean), ("median", statistics.median)])
def test_difference_is_exact_and_its_interval_is_that_of_resampled_rows(name: str, statistic, one, other) -> None:  # type: ignore[no-untyped-def]
    found: Any = differences(one, other)[name]
    low, high = slow_interval(statistic, one, other)
    assert found["difference"] == pytest.approx(statistic(one) - statistic(other))
    width = high - low
    assert found["low"] == pytest.approx(low, abs=0.12 * width)
    assert found["high"] == pytest.approx(high, abs=0.12 * width)


def test_same_values_and_seed_give_the_same_numbers_and_another_seed_others() -> None:
    assert differences(ONE, OTHER) == differences(ONE, OTHER)
    assert differences(ONE, OTHER, seed=1)["mean"] != differences(ONE, OTHER)["mean"]


def test_method_seed_and_level_are_named() -> None:
    found = differences(ONE, OTHER)
    assert "bootstrap" in str(found["method"])
    assert (found["level"], found["seed"], found["resamples"]) == (0.95, 0, 2000)


def test_a_set_without_values_has_no_difference_and_nan_is_none() -> None:
    assert differences([], OTHER)["mean"] is None
    assert differences([np.nan], OTHER)["median"] is None
    assert differences([*ONE, np.nan], OTHER)["mean"] == differences(ONE, OTHER)["mean"]


def test_one_value_each_has_an_interval_without_width() -> None:
    assert differences([5], [3])["mean"] == {"difference": 2.0, "low": 2.0, "high": 2.0}
