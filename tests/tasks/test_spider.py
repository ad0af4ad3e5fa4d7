from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from eagdata.contracts import CleanRoom
from eagdata.environments.sql import SqlEnvironment
from eagdata.errors import RecipeError
from eagdata.records import Task
from eagdata.tasks.spider import SpiderTasks
from eagdata.testing import clean_room
from eagdata.verifiers.sql import SqlVerifier

SCHEMA = "CREATE TABLE singer(name TEXT, age INTEGER, voice BLOB)"
QUESTIONS = [
    {"db_id": "concert", "question": "How many singers?", "query": "SELECT count(*) FROM singer"},
    {"db_id": "concert", "question": "Who is the oldest?", "query": "SELECT name FROM singer ORDER BY age DESC LIMIT 1"},
]
BIRD = [
    {
        "question_id": 7,
        "db_id": "concert",
        "question": "Names?",
        "SQL": "SELECT name FROM singer",
        "evidence": "name is a name",
        "difficulty": "simple",
    }
]


def build(folder: Path, db_id: str = "concert", *, extra: str = "") -> Path:
    file = folder / db_id / f"{db_id}.sqlite"
    file.parent.mkdir(parents=True)
    database = sqlite3.connect(file)
    database.executescript(f"{SCHEMA}; INSERT INTO singer VALUES ('Ann; x', 31, X'00ff'), ('Bo''b\n', 0.1, NULL); {extra}")
    database.close()
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    build(tmp_path / "database")
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(QUESTIONS))
    return path


def read(path: Path, n: int | None = None, *, seed: int = 0, **settings: object) -> list[Task]:
    return list(SpiderTasks(SpiderTasks.Config(path=str(path), **settings)).tasks(n, seed=seed))  # type: ignore[arg-type]


def test_each_question_becomes_a_task_with_its_schema_and_database(file: Path) -> None:
    first, second = read(file, license="CC-BY-SA-4.0", split="test")
    assert (first.id, second.id) == ("dev-00001", "dev-00002")
    assert first.question == f"How many singers?\n\nThe database:\n\n{SCHEMA};"
    assert first.reference == {"sql": first.answer} == {"sql": first.solution} == {"sql": "SELECT count(*) FROM singer"}
    assert (first.environment, first.verifier, first.family, first.split, first.source) == ("sql", "sql", "concert", "test", "dev.json")
    assert set(first.environment_config) == {"dialect", "script"}


def test_the_layout_of_bird_is_read_too(file: Path) -> None:
    path = file.with_name("bird.json")
    path.write_text(json.dumps(BIRD))
    (file.parent / "database").rename(file.parent / "dev_databases")
    (found,) = read(path)
    assert found.question == f"Names?\n\nHint: name is a name\n\nThe database:\n\n{SCHEMA};"
    assert found.answer == "SELECT name FROM singer"
    assert found.metadata == {"db_id": "concert", "difficulty": "simple", "question_id": 7}


def test_a_database_that_is_too_long_is_named_with_its_hash(file: Path) -> None:
    database = file.parent / "database" / "concert" / "concert.sqlite"
    found = read(file, inline_kb=0)[0].environment_config
    assert found == {"dialect": "sqlite", "database": str(database), "sha256": hashlib.sha256(database.read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    "extra",
    [
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "INSERT INTO singer VALUES (CAST(X'610062' AS TEXT), 1, NULL)",
        "INSERT INTO singer VALUES (CAST(X'ff' AS TEXT), 1, NULL)",
    ],
)
def test_a_database_that_its_text_would_not_build_again_stays_a_file(tmp_path: Path, extra: str) -> None:
    build(tmp_path / "database", extra=extra)
    (tmp_path / "dev.json").write_text(json.dumps(QUESTIONS))
    assert "script" not in read(tmp_path / "dev.json")[0].environment_config


@pytest.mark.parametrize("inline_kb", [0, 32])
async def test_the_gold_query_passes_and_another_one_fails(file: Path, inline_kb: int) -> None:
    async with clean_room({"sql": SqlEnvironment(SqlEnvironment.Config())}) as clean:
        for task in read(file, inline_kb=inline_kb):
            assert (await status(task, task.solution, clean)) == "pass"
            assert (await status(task, "SELECT age FROM singer LIMIT 1", clean)) == "fail"


async def status(task: Task, answer: str | None, clean: CleanRoom) -> str:
    return (await SqlVerifier(SqlVerifier.Config()).verify(task, answer, None, clean)).status


def test_an_inlined_database_holds_the_same_values(file: Path) -> None:
    script = read(file)[0].environment_config["script"]
    copy = sqlite3.connect(":memory:")
    copy.executescript(str(script))
    assert copy.execute("SELECT * FROM singer").fetchall() == [("Ann; x", 31, b"\x00\xff"), ("Bo'b\n", 0.1, None)]


def test_questions_are_chosen_by_number_and_seed(file: Path) -> None:
    file.write_text(json.dumps(QUESTIONS * 10))
    assert [task.id for task in read(file, 2)] == ["dev-00001", "dev-00002"]
    assert read(file, shuffle=True, seed=1) == read(file, shuffle=True, seed=1) != read(file, shuffle=True, seed=2)
    assert read(file, 0) == []


def test_all_rows_that_make_no_task_are_named(file: Path) -> None:
    bad = [
        {"question": "q", "query": "SELECT 1"},
        {"db_id": "concert", "question": " ", "query": "SELECT 1"},
        {"db_id": "concert", "question": "q"},
        {"db_id": "nowhere", "question": "q", "query": "SELECT 1"},
        {"db_id": "../concert", "question": "q", "query": "SELECT 1"},
        {"db_id": "concert", "question": "q", "query": 5},
        {"db_id": "broken", "question": "q", "query": "SELECT 1"},
    ]
    broken = file.parent / "database" / "broken" / "broken.sqlite"
    broken.parent.mkdir()
    broken.write_text("no database at all, but long enough to be read as one")
    file.write_text(json.dumps(QUESTIONS + bad))
    with pytest.raises(RecipeError) as caught:
        read(file)
    lines = caught.value.why.splitlines()
    assert [line.partition(": row ")[2][0] for line in lines] == list("3456789")
    for line, part in zip(
        lines,
        ("'db_id' is missing", "' '", "'SQL' is missing", "no database", "no name of a folder", "is 5", "cannot be read"),
        strict=True,
    ):
        assert part in line
    assert "tasks.databases" in caught.value.mend


@pytest.mark.parametrize(("text", "said"), [("{", "cannot read"), ("{}", "no list"), ("[1]", "no list"), ("[]", "no question")])
def test_a_file_that_holds_no_questions_is_refused(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(RecipeError, match=said):
        read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no file"):
        read(tmp_path / "none.json")
