"""Prices: where they are looked up, what they come to, and what is said of a file that is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from eagdata.errors import RecipeError
from eagdata.teachers.prices import Price, how_to_add, price_in, price_of, user_file

MINI = "gpt-4.1-mini"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file of prices, in a place of this test; it is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "eagdata").mkdir(parents=True)
    return user_file()


def line(model: str, *, prompt: float = 1.0) -> str:
    return f'"{model}": {{prompt: {prompt}, completion: 2, as_of: 2026-11-01, source: "a list"}}\n'


def test_every_shipped_price_has_a_date_and_a_source() -> None:
    shipped = yaml.safe_load((files("eagdata.teachers") / "prices.yaml").read_text())
    for pattern in shipped:
        price = price_of(pattern.replace("?", "0"), file=None)
        assert price is not None
        assert price.as_of is not None, pattern
        assert date(2025, 1, 1) <= price.as_of <= datetime.now(UTC).date()
        assert price.source.startswith("https://")
        assert price.cached is None or price.cached <= price.prompt <= price.completion


@pytest.mark.parametrize("model", ["gpt-4.1-mini-fast", "my-gpt-4.1-mini", "openai/gpt-4.1-mini", "GPT-4.1-mini", "qwen2.5:7b", ""])
def test_a_model_that_no_line_names_has_no_price(model: str) -> None:
    assert price_of(model, file=None) is None


def test_a_dated_snapshot_costs_what_its_model_does() -> None:
    assert price_of("gpt-4.1-mini-2025-04-14", file=None) == price_of(MINI, file=None)


def test_the_file_of_the_recipe_wins_over_the_users_and_that_over_the_shipped_one(own: Path, tmp_path: Path) -> None:
    shipped = price_of(MINI, file=None)
    own.write_text(line(MINI, prompt=7) + line("mine-*", prompt=8))
    named = tmp_path / "prices.yaml"
    named.write_text(line("mine-*", prompt=9))
    found = {name: price_of(name, file=str(named)) for name in (MINI, "mine-1", "gpt-4.1")}
    assert shipped
    assert [price and price.prompt for price in found.values()] == [7, 9, 2]


def test_prices_in_the_recipe_win_over_all_files() -> None:
    class Given:
        prices = None
        price_prompt_usd_per_mtok: float | None = 3.0
        price_completion_usd_per_mtok: float | None = 4.0
        price_cached_usd_per_mtok = None

    price = price_in(Given(), MINI)
    assert price
    assert (price.prompt, price.completion, price.cost(1_000_000, 500_000, 1000)) == (3.0, 4.0, 5.0)
    Given.price_prompt_usd_per_mtok = None
    assert price_in(Given(), MINI) == price_of(MINI, file=None)
    assert price_in(Given(), None) is None
    Given.price_prompt_usd_per_mtok = -1.0
    with pytest.raises(RecipeError, match="price"):
        price_in(Given(), MINI)


@pytest.mark.parametrize(
    ("prompt", "completion", "cached", "cost"),
    [
        (1000, 100, 400, (600 * 2.0 + 400 * 0.5 + 100 * 8.0) / 1e6),
        (1000, 0, None, 0.002),
        (0, 0, 5, 0.0),
        (None, 1, 0, None),
        (1, None, 0, None),
    ],
)
def test_a_cost_counts_cache_hits_apart_and_is_unknown_where_a_count_is(
    prompt: int | None, completion: int | None, cached: int | None, cost: float | None
) -> None:
    price = price_of("gpt-4.1", file=None)
    assert price
    assert price.cost(prompt, completion, cached) == (pytest.approx(cost) if cost is not None else None)


def test_beyond_the_prompt_that_a_price_holds_for_the_cost_is_unknown() -> None:
    price = price_of("gpt-6-sol", file=None)
    assert price
    assert price.cost(272_000, 1, 0) is not None
    assert price.cost(272_001, 1, 0) is None


def test_a_price_in_words_says_its_date_and_its_source() -> None:
    price = price_of(MINI, file=None)
    assert price
    assert price.words() == (
        "0.4 USD per million prompt tokens (cached 0.1), 1.6 completion; 2026-10-14, https://developers.openai.com/api/docs/pricing"
    )
    bare = Price(prompt=1, completion=2, as_of=None, source="the recipe")
    assert bare.words() == "1 USD per million prompt tokens, 2 completion; the recipe"


def test_a_wrong_file_names_all_its_problems_with_their_lines(own: Path) -> None:
    own.write_text(
        "good: {prompt: 1, completion: 2, as_of: 2026-11-01, source: here}\n"
        "bad: {prompt: USD, completion: -1, as_of: 2026-11-01, source: here}\n"
        "worse: {prompt: 1, as_of: 2026-11-01, source: here, mode: 3,\n"
        "  cached: much}\n"
        "3.5: 7\n"
        "good: {prompt: 1, completion: 2, as_of: 2026-11-01, source: here}\n"
        "negative: {prompt: 1, completion: -2, as_of: 2026-11-01, source: here}\n"
        "undated: {prompt: 1, completion: 2, source: here}\n"
        "upside: {prompt: 1, cached: 2, completion: 2, as_of: 2026-11-01, source: here}\n"
    )
    with pytest.raises(RecipeError) as raised:
        price_of("good", file=None)
    told = [problem.removeprefix(f"{own}:") for problem in raised.value.why.splitlines()]
    assert sorted(problem.split(":")[0] for problem in told) == ["2", "3", "3", "4", "5", "6", "7", "8", "9"]
    for part in (
        "bad.prompt",
        "worse.completion",
        "worse.mode",
        "worse.cached",
        "3.5",
        "good is given twice",
        "-2.0",
        "undated.as_of",
        "cached (2) is above prompt (1)",
    ):
        assert any(part in problem for problem in told), part
    assert "9 problems" in raised.value.what


@pytest.mark.parametrize("text", ["[1, 2]", "a: {b", "\tx: 1", b"\xff\xfe\x00"])
def test_a_file_that_is_no_list_of_prices_is_refused(own: Path, text: str | bytes) -> None:
    own.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError, match="prices"):
        price_of(MINI, file=None)


def test_an_empty_file_holds_no_prices_and_a_missing_one_is_refused(own: Path, tmp_path: Path) -> None:
    own.write_text("# nothing yet\n")
    assert price_of(MINI, file=None)
    with pytest.raises(RecipeError, match="cannot read the prices"):
        price_of(MINI, file=str(tmp_path / "nowhere.yaml"))


def test_the_line_to_add_is_refused_until_it_is_filled_in_and_then_read(own: Path) -> None:
    said, added = how_to_add("qwen2.5:7b").split("\n")
    assert str(own) in said
    own.write_text(added)
    with pytest.raises(RecipeError, match="2 problems"):
        price_of("qwen2.5:7b", file=None)
    own.write_text(added.replace("USD", "0.5"))
    price = price_of("qwen2.5:7b", file=None)
    assert price
    assert price.completion == 0.5
