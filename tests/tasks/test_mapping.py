"""How a row becomes a task: nested values, paths, transforms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.records import Json, Task
from eagdata.tasks.files import JsonlTasks


def task(tmp_path: Path, row: Json, **fields: Json) -> Task:
    """The one task of a row. `fields`: what is mapped beside the question."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    config = JsonlTasks.Config(path=str(path), fields={"question": "=q", **fields})
    return next(JsonlTasks(config).tasks(1, seed=0))


def answer(tmp_path: Path, value: Json, transform: str) -> Json:
    return task(tmp_path, {"column": value}, reference=f"column | {transform}").reference


def refusal(tmp_path: Path, row: Json, **fields: Json) -> str:
    with pytest.raises(RecipeError, match="1 row makes no task") as caught:
        task(tmp_path, row, **fields)
    return caught.value.why


def test_values_nest_as_the_recipe_says(tmp_path: Path) -> None:
    row: Json = {"setup": "import re", "tests": ["assert f(1)"], "csv": "a,b", "n": 3}
    made = task(
        tmp_path,
        row,
        reference={"setup": "setup", "asserts": "tests", "of": ["n", "=n", 24, True, None, "{n}!"]},
        environment_config={"files": {"data.csv": "csv"}},
        metadata={"n": "n"},
        solution="{setup}\npass",
    )
    assert made.reference == {"setup": "import re", "asserts": ["assert f(1)"], "of": [3, "n", 24, True, None, "3!"]}
    assert (made.environment_config, made.metadata) == ({"files": {"data.csv": "a,b"}}, {"n": 3})
    assert (made.solution, made.answer) == ("import re\npass", None)


def test_dots_lead_into_nested_columns_unless_a_column_has_that_name(tmp_path: Path) -> None:
    row: Json = {"meta": {"level": 5, "a.b": 1}, "meta.type": "flat", "list": [{"x": 7}]}
    made = task(tmp_path, row, reference=["meta.level", "meta.a.b", "meta.type", "list.0.x", "{list.0.x}"])
    assert made.reference == [5, 1, "flat", 7, "7"]


@pytest.mark.parametrize("path", ["meta.levels", "meta.level.x", "list.1", "list.-1", "list.x", "none"])
def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, path: str) -> None:
    assert f"column {path!r} is missing; there " in refusal(tmp_path, {"meta": {"level": 5}, "list": [1]}, reference=path)


def test_what_may_be_missing_is_left_out(tmp_path: Path) -> None:
    made = task(
        tmp_path, {"a": None, "b": "", "c": 0, "d": []}, solution="a?", answer="b?",
        reference={"a": "a?", "b": "b? | json", "c": "c?", "n": "none.x?", "d": ["d?", "c"], "t": "<{a?}>"},
    )  # fmt: skip
    assert (made.solution, made.answer, made.reference) == (None, None, {"c": 0, "d": [0], "t": "<>"})
    assert "must be a text that is not empty" in refusal(tmp_path, {"a": None}, question="a?")


def test_a_path_leads_into_what_a_transform_gave(tmp_path: Path) -> None:
    row: Json = {"io": json.dumps({"inputs": ["1"], "outputs": ["2"]}), "solutions": "[]"}
    made = task(tmp_path, row, reference={"stdin": "io | json | .inputs"}, solution="solutions | json | .0?")
    assert (made.reference, made.solution) == ({"stdin": ["1"]}, None)


@pytest.mark.parametrize(
    ("transform", "value", "gives"),
    [
        ("after_hashes", "48/2 = <<48/2=24>>24\n#### 1,024 ", "1,024"),
        ("after_hashes", "72", "72"),
        ("after_hashes", 72, 72),
        ("boxed", r"first \boxed{1}, then $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        ("boxed", r"the set \boxed{\{1, 2\}}", r"\{1, 2\}"),
        ("boxed", r"so \fbox{7} and \boxed 5$ it is", "5"),
        ("boxed", r"so \fbox{7}, not \boxed{}", "7"),
        ("json", "[[1, null], {}]", [[1, None], {}]),
        ("numbers", "1 1 4 6", [1, 1, 4, 6]),
        ("numbers", [1, 1, 4, 6], [1, 1, 4, 6]),
        ("letter", 2, "C"),
        ("lettered", ["12 km", "5"], ["A) 12 km", "B) 5"]),
        ("lettered", ["A)12", "B)5"], ["A)12", "B)5"]),
        ("lettered", ["A", 2.5], ["A) A", "B) 2.5"]),
    ],
)
def test_a_transform_gives_what_it_says(tmp_path: Path, transform: str, value: Json, gives: Json) -> None:
    assert answer(tmp_path, value, transform) == gives


@pytest.mark.parametrize(
    ("transform", "value", "why"),
    [
        ("after_hashes", "so we are done ####  ", "nothing after its '####'"),
        ("boxed", r"no box, or one that is left open: \boxed{1", "no \\boxed"),
        ("boxed", 3, "no text but int"),
        ("json", "[1, NaN]", "NaN is no JSON number"),
        ("json", "[1,", "Expecting value"),
        ("json", "[" * 100_000, "too deep"),
        ("numbers", "1 1 four", "'four'"),
        ("numbers", [1, 2.0], "no list of whole numbers"),
        ("numbers", "", "no list of whole numbers"),
        ("letter", 26, "no index of an option"),
        ("letter", "2", "no index of an option"),
        ("lettered", [], "no list of options"),
    ],
)
def test_a_transform_refuses_what_it_cannot_take(tmp_path: Path, transform: str, value: Json, why: str) -> None:
    said = refusal(tmp_path, {"column": value}, reference=f"column | {transform}")
    assert f"reference: column 'column | {transform}' " in said
    assert why in said
