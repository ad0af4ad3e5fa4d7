from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eagdata.errors import RecipeError
from eagdata.records import Json, Task
from eagdata.tasks.files import JsonlTasks, ParquetTasks

ROWS: list[dict[str, Json]] = [{"question": f"{i}+1?", "answer": str(i + 1), "name": f"sum-{i}"} for i in range(10)]
MAPPED = {"question": "question", "answer": "answer", "id": "name"}


def write(path: Path, rows: Iterable[object]) -> Path:
    path.write_bytes(b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows))
    return path


def read(path: Path | str, *, n: int | None = None, seed: int = 0, **settings: object) -> list[Task]:
    given = {"path": str(path), "fields": MAPPED, **settings}
    return list(JsonlTasks(JsonlTasks.Config(**given)).tasks(n, seed=seed))  # type: ignore[arg-type]


def test_each_row_becomes_a_task(tmp_path: Path) -> None:
    path = write(tmp_path / "sums.jsonl", ROWS)
    tasks = read(path, verifier="exact", environment_config={"timeout_s": 3}, license="MIT", split="test", source="own")
    assert [task.id for task in tasks] == [f"sum-{i}" for i in range(10)]
    first = tasks[0]
    assert (first.question, first.answer, first.reference, first.verifier) == ("0+1?", "1", "1", "exact")
    assert (first.environment, first.environment_config, first.license, first.split, first.source) == (
        "python",
        {"timeout_s": 3},
        "MIT",
        "test",
        "own",
    )


def test_rows_without_an_id_are_named_after_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "sums.jsonl.gz", [])
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n\n" for row in ROWS[:2]).encode()))
    tasks = read(path, fields={"question": "question", "answer": "answer"})
    assert [(task.id, task.source) for task in tasks] == [("sums-00001", "sums.jsonl.gz"), ("sums-00003", "sums.jsonl.gz")]


def test_templates_and_constants_fill_fields(tmp_path: Path) -> None:
    row = {"q": "Which?", "options": ["A) 1", "B) 2"], "right": "B", "case": {"x": 1}}
    fields = {"question": "{q}\n{options}\n{{as JSON: {case}}}", "answer": "right", "family": "=choice of {q}"}
    task = read(write(tmp_path / "a.jsonl", [row]), fields=fields, verifier="choice")[0]
    assert task.question == 'Which?\nA) 1\nB) 2\n{as JSON: {"x":1}}'
    assert (task.answer, task.family) == ("B", "choice of {q}")


def test_a_reference_may_be_any_json_apart_from_the_answer(tmp_path: Path) -> None:
    row = {"question": "Write f.", "tests": {"function": "f", "cases": [{"args": [1], "expected": 2}]}, "setup": {"setup": "x = 1"}}
    fields = {"question": "question", "reference": "tests", "answer": "=done", "environment_config": "setup"}
    task = read(write(tmp_path / "a.jsonl", [row]), fields=fields, verifier="tests", environment_config={"setup": "", "a": 1})[0]
    assert (task.reference, task.answer, task.environment_config) == (row["tests"], "done", {"setup": "x = 1", "a": 1})


def test_an_answer_that_is_no_text_is_shown_as_json(tmp_path: Path) -> None:
    tasks = read(write(tmp_path / "a.jsonl", [{"question": "q", "answer": [1, 2], "name": 1}, {"question": "r", "answer": 0.5, "name": 2}]))
    assert [(task.id, task.reference, task.answer) for task in tasks] == [("1", [1, 2], "[1,2]"), ("2", 0.5, "0.5")]


def test_a_json_array_gives_the_same_tasks_as_json_lines(tmp_path: Path) -> None:
    lines = read(write(tmp_path / "a.jsonl", ROWS), source="s")
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1), encoding="utf-8-sig")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    write(tmp_path / "lines.json", ROWS)
    assert all(read(tmp_path / name, source="s") == lines for name in ("a.json", "a.json.gz", "lines.json"))


def test_a_bad_element_of_a_json_array_is_named_and_a_broken_array_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([*ROWS[:2], 7, {"question": "q"}]))
    with pytest.raises(RecipeError, match="2 rows make no task") as caught:
        read(tmp_path / "a.json")
    assert "a.json:3: not a JSON object but int" in caught.value.why
    assert "a.json:4: " in caught.value.why
    (tmp_path / "b.json").write_text(json.dumps(ROWS)[:-5])
    with pytest.raises(RecipeError, match="cannot read"):
        read(tmp_path / "b.json")


def test_a_pattern_reads_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl", ROWS[5:])
    write(tmp_path / "a.jsonl", ROWS[:5])
    assert [task.id for task in read(tmp_path / "*.jsonl")] == [f"sum-{i}" for i in range(10)]


def test_offset_limit_and_n_choose_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    assert [task.id for task in read(path, offset=2, limit=3)] == ["sum-2", "sum-3", "sum-4"]
    assert [task.id for task in read(path, offset=2, limit=3, n=2)] == ["sum-2", "sum-3"]
    assert read(path, n=0) == []


def test_shuffling_follows_the_seed_and_loses_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    once, again, other = (read(path, shuffle=True, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other
    assert sorted(task.id for task in once) == sorted(task.id for task in read(path))


BAD: list[tuple[object, str]] = [
    (b"{\n", "not JSON"),
    (b"[1]\n", "not a JSON object but list"),
    (b'{"question": "\xff"}\n', "not UTF-8: byte 15 is 0xff"),
    (b'{"question": "q", "answer": NaN, "name": "x"}\n', "NaN is no JSON number"),
    (b'{"question": "q", "answer": 1e999, "name": "x"}\n', "'answer' is inf"),
    (b'{"question": "\\ud800", "answer": "1", "name": "x"}\n', "lone surrogate"),
    ({"answer": "1", "name": "x"}, "question: column 'question' is missing; there are 'answer', 'name'"),
    ({"question": " ", "answer": "1", "name": "x"}, "must be a text that is not empty"),
    ({"question": 3, "answer": "1", "name": "x"}, "must be a text that is not empty"),
    ({"question": "q", "answer": None, "name": "x"}, "answer: 'answer' gives None, must be given"),
    ({"question": "q", "answer": "1", "name": True}, "must be a text or a whole number"),
    ({"question": "q", "answer": "1", "name": "sum-0"}, "is that of"),
]


@pytest.mark.parametrize(("bad", "why"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_named_with_its_line_and_reason(tmp_path: Path, bad: object, why: str) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS[:2], bad, *ROWS[2:]])
    with pytest.raises(RecipeError) as caught:
        read(path)
    assert f"{path}:3: " in caught.value.why
    assert why in caught.value.why
    assert [task.id for task in read(path, on_bad_row="skip")] == [f"sum-{i}" for i in range(10)]


def test_all_bad_rows_are_reported_at_once_up_to_twenty(tmp_path: Path) -> None:
    bad = [row for row, _ in BAD]
    with pytest.raises(RecipeError, match=f"{len(bad)} rows make no task") as caught:
        read(write(tmp_path / "a.jsonl", [ROWS[0], *bad, ROWS[1]]))
    assert caught.value.why.count("\n") == len(bad) - 1
    with pytest.raises(RecipeError, match="20 rows make no task, perhaps more"):
        read(write(tmp_path / "a.jsonl", bad * 3))


def test_rows_that_are_not_asked_for_are_not_judged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS, b"{\n"])
    assert len(read(path, n=10)) == 10
    assert len(read(path, limit=10)) == 10


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROWS[0]), encoding="utf-8-sig")
    assert len(read(path)) == 1


def test_files_that_are_missing_empty_or_cut_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROWS).encode() * 50)[:-30])
    (tmp_path / "no.jsonl.gz").write_bytes(b"plain")
    (tmp_path / "empty.jsonl").touch()
    for name, why in (
        ("none*.jsonl", "no file"),
        ("cut.jsonl.gz", "cannot read"),
        ("no.jsonl.gz", "cannot read"),
        ("empty.jsonl", "holds no task"),
    ):
        with pytest.raises(RecipeError, match=why):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "settings",
    [
        {"fields": {"answer": "a"}},
        {"fields": {"question": "q", "hint": "h"}},
        {"fields": {"question": "{q"}},
        {"fields": {"question": "q", "answer": "a | box"}},
        {"offset": -1},
        {"limit": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"field|brace|'}'|negative|did you mean 'boxed'"):
        JsonlTasks.Config(path="x", **settings)  # type: ignore[arg-type]


def parquet(path: Path, **settings: object) -> list[Task]:
    given = {"path": str(path), "fields": MAPPED, **settings}
    return list(ParquetTasks(ParquetTasks.Config(**given)).tasks(None, seed=0))  # type: ignore[arg-type]


def test_parquet_gives_the_same_tasks_as_json_lines(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert parquet(tmp_path / "a.parquet", source="s") == read(write(tmp_path / "a.jsonl", ROWS), source="s")


def test_parquet_reads_nested_columns(tmp_path: Path) -> None:
    rows = [{"q": "?", "a": {"text": ["x", "y"], "n": 1}, "unused": date(2024, 1, 1)}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    task = parquet(tmp_path / "a.parquet", fields={"question": "q", "answer": "a.text.1", "reference": {"all": "a"}})[0]
    assert (task.answer, task.reference) == ("y", {"all": {"text": ["x", "y"], "n": 1}})


def test_parquet_rows_that_make_no_task_are_named(tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": date(2024, 1, 1), "name": "a"}, {"question": None, "answer": None, "name": "b"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(RecipeError, match=r"a.parquet:1: answer: column 'answer' is .* no JSON value") as caught:
        parquet(tmp_path / "a.parquet")
    assert "a.parquet:2: question: 'question' gives None" in caught.value.why


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read"):
        parquet(write(tmp_path / "a.parquet", ROWS))
