"""Length statistics against slow computations that share no code with them."""

from __future__ import annotations

import json
import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.analyze.lengths import CUTS, SPANS, bandwidth, cut_shares, density, describe, length_statistics, mode

LENGTHS = st.lists(st.integers(0, 50_000), min_size=2, max_size=60)


def quantile(values: list[int], q: float) -> float:
    ordered, at = sorted(values), q * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def gaussian_density(values: list[int], at: float, width: float) -> float:
    return sum(math.exp(-(((at - v) / width) ** 2) / 2) for v in values) / (len(values) * width * math.sqrt(2 * math.pi))


@settings(deadline=None)
@given(values=LENGTHS)
def test_summary_equals_a_slow_computation(values: list[int]) -> None:
    found = describe(values)
    assert (found["n"], found["min"], found["max"]) == (len(values), min(values), max(values))
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["median"] == pytest.approx(statistics.median(values))
    for name, q in (("q05", 0.05), ("q25", 0.25), ("q75", 0.75), ("q95", 0.95)):
        assert found[name] == pytest.approx(quantile(values, q))


@settings(deadline=None)
@given(values=LENGTHS.filter(lambda values: len(set(values)) > 1))
def test_bandwidth_is_silvermans_and_density_is_the_sum_of_the_kernels(values: list[int]) -> None:
    width = bandwidth(values)
    iqr = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.34
    deviation = statistics.stdev(values)
    assert width == pytest.approx(0.9 * (min(deviation, iqr) if iqr > 0 else deviation) * len(values) ** -0.2)
    points = [float(min(values)), statistics.fmean(values), float(max(values))]
    assert density(values, points, width=width or 1) == pytest.approx([gaussian_density(values, p, width or 1) for p in points])


def test_mode_is_the_peak_of_the_density() -> None:
    dice = random.Random(3)
    values = [round(dice.gauss(6000, 900)) for _ in range(300)] + [round(dice.gauss(9000, 300)) for _ in range(60)]
    width = bandwidth(values)
    assert width is not None
    slow = max(range(min(values), max(values), 5), key=lambda at: gaussian_density(values, at, width))
    assert mode(values) == pytest.approx(slow, abs=5)


def test_values_all_alike_have_that_mode_and_no_bandwidth() -> None:
    for values in ([7], [7, 7, 7]):
        assert (mode(values), bandwidth(values)) == (7, None)


def test_cut_share_counts_rows_strictly_longer() -> None:
    assert cut_shares([2048, 2049, 40_000, 1]) == {"2048": 0.5, "4096": 0.25, "8192": 0.25, "16384": 0.25, "32768": 0.25}


def test_no_rows_give_nulls_never_zeros() -> None:
    found = length_statistics({span: [] for span in SPANS}, {"family": []}, tokenizer="t", revision="r")
    assert found["rows"] == 0
    for values in found["spans"].values():  # type: ignore[union-attr]
        assert values.pop("n") == 0  # type: ignore[union-attr, call-arg, arg-type]
        assert set(values.values()) == {None}  # type: ignore[union-attr]
    assert found["cut_share"] == dict.fromkeys(map(str, CUTS))
    assert found["groups"] == {"family": {}}


def test_groups_are_described_by_their_own_rows() -> None:
    spans = {span: [10, 20, 3000] for span in SPANS}
    found = length_statistics(spans, {"subset": ["direct", "raw", "direct"]}, tokenizer="qwen25", revision="b2b1")
    groups = found["groups"]["subset"]  # type: ignore[index, call-overload]
    assert list(groups) == ["direct", "raw"]
    assert groups["direct"]["spans"]["total"] == describe([10, 3000])
    assert groups["direct"]["cut_share"]["2048"] == 0.5
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_references_say_what_was_not_published() -> None:
    found = length_statistics({span: [1] for span in SPANS}, {}, tokenizer="t", revision="r")["references"]
    assert [(r["dataset"], r["tokens"], r["tokenizer"]) for r in found] == [  # type: ignore[union-attr, index, call-overload]
        ("s1K", 4700, "Qwen2.5"), ("s1K", 6000, None), ("EAG2K", 8000, None),
    ]  # fmt: skip
    assert all(r["source"] for r in found)  # type: ignore[union-attr, index, call-overload]


def test_columns_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        length_statistics({span: [1, 2] for span in SPANS}, {"family": ["a"]}, tokenizer="t", revision="r")


def test_rows_without_a_span_are_left_out_of_it_and_counted_as_rows() -> None:
    spans = {span: [1, 2, 3] for span in SPANS} | {"thought": [5, float("nan"), 7]}
    found = length_statistics(spans, {}, tokenizer="t", revision="r", cuts=(2,))
    assert (found["rows"], found["spans"]["thought"]) == (3, describe([5, 7]))  # type: ignore[index, call-overload]
    assert found["cut_share"] == {"2": pytest.approx(1 / 3)}


def test_labels_that_are_numbers_come_in_their_order_and_of_many_groups_the_largest() -> None:
    labels = ["10", "9", "unknown", "9"]
    found = length_statistics({span: [1, 2, 3, 4] for span in SPANS}, {"turns": labels}, tokenizer="t", revision="r")
    assert list(found["groups"]["turns"]) == ["9", "10", "unknown"]  # type: ignore[index, call-overload, arg-type]
    many = [str(i) for i in range(50)] + ["7", "49"]
    found = length_statistics({span: range(52) for span in SPANS}, {"turns": many}, tokenizer="t", revision="r")
    assert len(found["groups"]["turns"]) == 30  # type: ignore[index, call-overload, arg-type]
    assert {"7", "49"} <= set(found["groups"]["turns"])  # type: ignore[index, call-overload, arg-type]


def test_the_peak_lies_within_the_values() -> None:
    found = mode([0] * 90 + [300, 400, 500])
    assert found is not None
    assert 0 <= found < 1


def test_a_million_rows_cost_what_their_distinct_lengths_cost() -> None:
    values = np.random.default_rng(0).integers(100, 8000, 1_000_000)
    assert describe(values)["n"] == 1_000_000
