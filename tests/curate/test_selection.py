"""Selection: n rows by a policy, the same for one seed in any order, with the reasons of those that are left."""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagdata.curate.diversity import Draws, draw, rank_drawn
from eagdata.curate.pool import Pool, quotas
from eagdata.curate.selection import SelectStage
from eagdata.errors import RecipeError
from tests.curate.staging import Document, decide, kept


def stage(**settings: object) -> SelectStage:
    return SelectStage(SelectStage.Config(**settings))  # type: ignore[arg-type]


def rows_of(families: dict[str, int]) -> list[Document]:
    return [
        {"problem": f"{family} {i}", "family": family, "tokens": 100 * i + 1, "domain": family, "good": i % 10 == 0}
        for family, n in families.items()
        for i in range(n)
    ]


ROWS = rows_of({"a": 100, "b": 40, "c": 5, "d": 60})
POLICIES: dict[str, dict[str, object]] = {
    "random": {},
    "balanced": {"policy": "balanced", "by": "family"},
    "length": {"policy": "length", "bins": ((1000, 0.5), (None, 0.5))},
    "s1": {
        "policy": "s1", "by": "domain", "first": "is_true(column='good')", "uniform_until": 30,
        "mix": {"matches(column='domain', pattern='a')": 1.0, "matches(column='domain', pattern='b')": 0.5},
    },
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_a_seed_decides_and_the_order_of_the_rows_does_not(policy: str) -> None:
    built = stage(n=50, **POLICIES[policy])
    first = kept(built, ROWS, shard_rows=64)
    assert len(first) == 50
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    again = kept(built, shuffled, shard_rows=11)
    assert sorted(map(str, again)) == sorted(map(str, first))
    assert again == [row for row in shuffled if row in first]
    assert kept(built, ROWS, shard_rows=64, seed=1) != first
    assert kept(built, first) == first


@pytest.mark.parametrize("policy", POLICIES)
def test_all_stay_where_there_are_no_more_and_a_lack_is_told(policy: str) -> None:
    found = decide(stage(n=205, **POLICIES[policy]), ROWS, shard_rows=64)
    assert (found.drops.num_rows, found.report["missed"]) == (0, [])
    found = decide(stage(n=1000, **POLICIES[policy]), ROWS, shard_rows=64)
    assert (found.drops.num_rows, found.report["missed"]) == (0, ["205 rows reached the selection of 1000"])


def test_rows_that_are_left_say_where_they_stood() -> None:
    found = decide(stage(n=10), ROWS, shard_rows=64)
    assert set(found.drops["reason"].to_pylist()) == {"not_selected"}
    ranks = sorted(json.loads(text)["rank"] for text in found.drops["evidence"].to_pylist())
    assert ranks == list(range(10, 205))


def test_random_takes_each_row_as_often_as_another() -> None:
    rows = rows_of({"a": 20})
    taken = Counter(row["problem"] for seed in range(100) for row in kept(stage(n=10), rows, shard_rows=20, seed=seed))
    assert len(taken) == 20
    assert all(abs(count - 50) < 5 * 100**0.5 / 2 for count in taken.values())


def test_balanced_takes_equal_shares_and_fills_what_one_lacks_from_the_rest() -> None:
    found = decide(stage(n=80, policy="balanced", by="family"), ROWS, shard_rows=64)
    kept_of = {name: told["kept"] for name, told in found.report["groups"].items()}  # type: ignore[union-attr, call-overload, index]
    assert kept_of == {"a": 25, "b": 25, "c": 5, "d": 25}
    assert found.report["missed"] == ["c: 5 rows for a share of 20"]


def test_balanced_counts_rows_without_a_value_as_a_group() -> None:
    rows = [*rows_of({"a": 10}), *({"problem": str(i), "family": None} for i in range(10))]
    found = decide(stage(n=10, policy="balanced", by="family"), rows)
    assert found.report["groups"] == {"(unknown)": {"rows": 10, "kept": 5}, "a": {"rows": 10, "kept": 5}}


def test_lengths_come_to_the_shares_that_are_asked_for() -> None:
    bins = ((500, 0.2), (2000, 0.5), (None, 0.3))
    found = kept(stage(n=40, policy="length", bins=bins), ROWS, shard_rows=64)
    lengths = np.array([row["tokens"] for row in found])
    assert [int(n) for n in np.histogram(lengths, [0, 501, 2001, 10**9])[0]] == [8, 20, 12]


def test_rows_without_a_length_or_beyond_the_bins_are_not_taken() -> None:
    rows: list[Document] = [{"problem": str(i), "tokens": tokens} for i, tokens in enumerate([None, 5, 50, 500, 7])]
    found = decide(stage(n=3, policy="length", bins=((10, 0.5), (100, 0.5))), rows)
    assert found.drops["row"].to_pylist() == [0, 3]
    assert [json.loads(text) for text in found.drops["evidence"].to_pylist()] == [
        {"group": None, "length": None},
        {"group": None, "length": 500},
    ]
    assert found.report["missed"] == []
    assert decide(stage(n=4, policy="length", bins=((10, 0.5), (100, 0.5))), rows).report["missed"] == [
        "up to 100: 1 rows for a share of 2",
        "3 rows could be selected, 4 were asked for",
    ]


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6), n=st.integers(0, 120), data=st.data())
def test_quotas_make_n_or_all_there_is_and_never_more_than_a_group_has(sizes: list[int], n: int, data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.floats(0, 1), min_size=len(sizes), max_size=len(sizes)))
    given_ = quotas(np.array(sizes), np.array(shares), n)
    assert given_.sum() == min(n, sum(sizes))
    assert (given_ <= sizes).all()
    assert (given_ >= 0).all()
    short = given_ == sizes
    fair = n * np.array(shares) / (sum(shares) or 1)
    assert ((given_ >= np.floor(fair + 1e-9)) | short | (fair == 0) | (sum(shares) == 0)).all()


def pool(domains: dict[str, list[float]]) -> Pool:
    lengths = [length for of_domain in domains.values() for length in of_domain]
    codes = [code for code, of_domain in enumerate(domains.values()) for _ in of_domain]
    n = len(lengths)
    return Pool(
        rows=np.arange(n), codes=np.array(codes), names=list(domains), lengths=np.array(lengths), fired=np.zeros((n, 0), dtype=bool)
    )


def draws(n: int, rows: int, *, seed: int, until: int | None = None, mix: tuple[tuple[str, float, np.ndarray], ...] = ()) -> Draws:
    return Draws(n=n, picks=np.zeros(rows, dtype=bool), uniform_until=n if until is None else until, mix=mix, seed=seed)


def surprise(seen: Counter[int], expected: list[float]) -> float:
    """Pearson's statistic over its 0.1 % critical value, roughly: above 1 is no chance."""
    total = sum(seen.values())
    statistic = sum((seen[i] - total * p) ** 2 / (total * p) for i, p in enumerate(expected))
    freedom = len(expected) - 1
    return float(statistic / (freedom + 3.1 * (2 * freedom) ** 0.5 + 6))


def test_within_a_domain_a_row_is_drawn_with_weight_two_to_the_minus_rank() -> None:
    source = pool({"only": [10, 60, 20, 50, 30, 40]})
    weights = [2.0**-rank for rank in (5, 0, 4, 1, 3, 2)]
    expected = [weight / sum(weights) for weight in weights]
    seen = Counter(int(np.flatnonzero(draw(source, draws(1, 6, seed=seed)).chosen)[0]) for seed in range(4000))
    assert surprise(seen, expected) < 1
    flat = [1 / 6] * 6
    assert surprise(seen, flat) > 10  # the check can fail


def test_a_domain_is_drawn_as_often_as_another_whatever_its_size() -> None:
    source = pool({"small": [1], "medium": [1, 2, 3], "large": list(range(60))})
    seen = Counter(int(source.codes[np.flatnonzero(draw(source, draws(1, 64, seed=seed)).chosen)[0]]) for seed in range(3000))
    assert surprise(seen, [1 / 3] * 3) < 1


def test_after_the_uniform_rows_domains_are_drawn_by_the_mix() -> None:
    source = pool({"a": [1.0] * 40, "b": [1.0] * 30, "c": [1.0] * 30})
    aime = np.arange(100) < 8  # 8 of a
    gpqa = (np.arange(100) >= 30) & (np.arange(100) < 62)  # 10 of a, 22 of b: enlarged by 0.5 * 8 / 32 to 1.25 and 2.75, so 1 and 2
    seen: Counter[int] = Counter()
    for seed in range(3000):
        chosen = draw(source, draws(1, 100, seed=seed, until=0, mix=(("aime", 1.0, aime), ("gpqa", 0.5, gpqa)))).chosen
        seen[int(source.codes[np.flatnonzero(chosen)[0]])] += 1
    assert seen[2] == 0
    assert surprise(seen, [9 / 11, 2 / 11]) < 1


def test_empty_domains_are_left_and_a_mix_that_is_used_up_gives_way() -> None:
    source = pool({"a": [1.0] * 3, "b": [1.0] * 50})
    mix = (("of a", 1.0, source.codes == 0), ("of none", 1.0, source.codes == 7))
    found = draw(source, draws(20, 53, seed=0, until=0, mix=mix))
    assert found.chosen.sum() == 20
    assert found.chosen[:3].all()
    assert found.report["draws"] == {"uniform": 17, "mix": 3, "taken_before": 0}
    assert found.missed == ["no row of the mix is of: of none"]


def test_picks_come_first_and_drawing_one_again_adds_nothing() -> None:
    source = pool({"a": [5.0, 4.0, 3.0, 2.0, 1.0]})
    picks = np.array([True, True, False, False, False])
    found = draw(source, Draws(n=3, picks=picks, uniform_until=3, mix=(), seed=3))
    assert found.chosen[:2].all()
    assert found.chosen.sum() == 3
    tally = found.report["draws"]
    assert tally["uniform"] == 1 + tally["taken_before"]  # type: ignore[index, call-overload, operator]
    assert draw(source, Draws(n=1, picks=picks, uniform_until=1, mix=(), seed=3)).chosen.sum() == 1


def test_rows_without_a_domain_or_a_length_are_not_drawn() -> None:
    rows: list[Document] = [{"problem": str(i), "domain": "x", "n": 1.0} for i in range(9)]
    rows += [{"problem": "no domain", "n": 9.0}, {"problem": "no length", "domain": "x"}]
    built = stage(n=9, policy="s1", by="domain", length="n")
    found = decide(built, rows)
    assert found.drops["row"].to_pylist() == [9, 10]
    assert [json.loads(text) for text in found.drops["evidence"].to_pylist()] == [
        {"domain": None, "rank": None},
        {"domain": "x", "rank": None},
    ]
    assert decide(stage(n=10, policy="s1", by="domain", length="n"), rows).report["missed"] == [
        "9 rows could be selected, 10 were asked for"
    ]


@given(uniform=st.floats(0, 1, exclude_max=True), rows=st.integers(1, 5000))
def test_a_rank_is_one_of_the_rows(uniform: float, rows: int) -> None:
    assert 0 <= rank_drawn(uniform, rows) < rows


def test_a_column_that_no_row_has_is_refused() -> None:
    with pytest.raises(RecipeError, match="'topic'") as found:
        decide(stage(n=3, policy="balanced", by="topic"), ROWS[:9])
    assert "problem" in found.value.why
    with pytest.raises(RecipeError, match="'source'"):
        decide(stage(n=3, policy="balanced", by="source"), ROWS[:9])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"n": 0}, "at least 1"),
        ({"n": 5, "by": "family"}, "no use for `by`"),
        ({"n": 5, "policy": "balanced"}, "needs `by`"),
        ({"n": 5, "policy": "length"}, "needs `bins`"),
        ({"n": 5, "policy": "length", "bins": ((10, 0.5),)}, "add up to 1"),
        ({"n": 5, "policy": "length", "bins": ((10, 0.5), (5, 0.5))}, "bounds that grow"),
        ({"n": 5, "policy": "s1", "by": "x", "uniform_until": 3}, "both or none"),
        ({"n": 5, "policy": "s1", "by": "x", "first": "nothing"}, "unknown rule 'nothing'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        stage(**settings)
