"""Recipes: what is read, and what is said of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.plan import differing_keys
from eagdata.recipe import read_plan

GOOD = """\
name: mine
n: 10
tasks: {kind: procedural}
teacher: procedural
search: {kind: eag, width: 2}
environment: {kind: python}
"""

BROKEN = """\
name: mine
n: ten
sedd: 3
tasks: {kind: procedurl}
teacher:
  kind: procedural
  slip_rate: high
search:
  kind: eag
  widht: 3
  tau: [1]
environment: {kind: python, min_isolation: strong}
rows:
  subsets: {direct: 0.9, raw: 0.3}
verification: {replay_runs: 1}
limits: 7
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return str(path)


def test_a_recipe_becomes_a_plan_with_every_default_filled_in(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, GOOD))
    assert plan.n == 10
    assert plan.resolved["search"] == {**plan.resolved["search"], "kind": "eag", "width": 2}  # type: ignore[dict-item]
    assert plan.resolved["verification"] == {"replay_runs": 2, "gate": True}
    assert len(plan.digest) == 16


def test_a_broken_recipe_shows_every_problem_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        read_plan(written(tmp_path, BROKEN))
    problems = raised.value.why
    for line, words in {
        2: "n is 'ten'",
        3: "unknown key 'sedd'; did you mean 'seed'?",
        4: "did you mean 'procedural'?",
        7: "teacher.slip_rate is 'high'",
        10: "unknown key 'search.widht'; did you mean 'width'?",
        11: "search.tau is [1]",
        12: "environment.min_isolation is 'strong'",
        13: "the shares add up to 1.2, not to 1",
        15: "at least 2 identical replays",
        16: "limits is 7, must be a mapping",
    }.items():
        assert any(f"recipe.yaml:{line}:" in text and words in text for text in problems.splitlines()), (line, problems)
    assert raised.value.exit_code == 2
    assert raised.value.mend


def test_a_file_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe\.yaml:2 is not YAML"):
        read_plan(written(tmp_path, "name: x\n  n: [1\n"))


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just words\n"])
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError):
        read_plan(written(tmp_path, text))


def test_a_key_that_is_given_twice_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        read_plan(written(tmp_path, GOOD + "n: 20\n"))
    assert "recipe.yaml:7: n is given twice" in raised.value.why


def test_an_unknown_recipe_gets_the_nearest_name() -> None:
    with pytest.raises(RecipeError) as raised:
        read_plan("quikstart")
    assert "did you mean 'quickstart'?" in raised.value.mend


def test_overrides_win_and_are_named_when_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert read_plan(path, overrides={"search.width": 3}).resolved["search"]["width"] == 3  # type: ignore[index,call-overload]
    with pytest.raises(RecipeError) as raised:
        read_plan(path, overrides={"search.widht": 3})
    assert "--set search.widht=3" in raised.value.why


def test_another_plugin_by_override_drops_the_settings_of_the_former(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, GOOD), overrides={"search.kind": "linear_retry"})
    assert plan.plugins["search"] == "linear_retry"
    assert "width" not in plan.resolved["search"]  # type: ignore[operator]


def test_what_changes_no_row_changes_no_digest(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    plan = read_plan(path)
    assert read_plan(path, overrides={"concurrency": 3}).digest == plan.digest
    other = read_plan(path, overrides={"search.tau": 0.25})
    assert other.digest != plan.digest
    assert differing_keys(plan.resolved, other.resolved) == ["search.tau: 0.0 -> 0.25"]
