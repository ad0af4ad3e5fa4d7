from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from eagdata.contracts import Episode
from eagdata.environments.sql import SqlEnvironment
from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.records import Action, Json, Observation, Task
from eagdata.testing import check_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, people INTEGER, area DOUBLE);
INSERT INTO city VALUES (1, 'Aa', 30, 1.5), (2, 'Bb; c', NULL, 2.0), (3, 'NULL', 10, 0.25), (4, ' 7', 10, 3e300);
CREATE TABLE log(note TEXT);
"""
DUCKDB = pytest.param("duckdb", marks=pytest.mark.skipif(not importlib.util.find_spec("duckdb"), reason="needs the extra duckdb"))
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"
Reset = Callable[..., Awaitable[Episode]]


def task(**environment_config: Json) -> Task:
    given: dict[str, Json] = {} if "database" in environment_config else {"script": SCRIPT}
    return Task(id="t", question="?", verifier="sql", environment="sql", environment_config=given | environment_config)


async def run(episode: Episode, text: str, kind: str = "sql") -> Observation:
    return await episode.step(Action(kind=kind, text=text))


async def text(episode: Episode, statements: str) -> str:
    return (await run(episode, statements)).text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment() -> AsyncIterator[SqlEnvironment]:
    async with SqlEnvironment(SqlEnvironment.Config(timeout_s=2, memory_mb=256, disk_mb=32)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def reset(environment: SqlEnvironment) -> AsyncIterator[Reset]:
    made: list[Episode] = []

    async def make(**settings: Json) -> Episode:
        made.append(await environment.reset(task(**settings)))
        return made[-1]

    yield make
    for episode in made:
        await episode.close()


@pytest.fixture(params=["sqlite", DUCKDB])
def dialect(request: pytest.FixtureRequest, environment: SqlEnvironment) -> str:
    if request.param == "duckdb" and environment.isolation == "landlock":
        pytest.skip("DuckDB does not start behind Landlock")
    return str(request.param)


@pytest.mark.parametrize("system", ["sqlite", DUCKDB])
async def test_it_keeps_the_contract_of_environments(system: str) -> None:
    actions = ["SELECT name FROM city ORDER BY id", "INSERT INTO city VALUES (9, 'Zz', 1, 1)", "SELECT count(*) FROM city"]
    environment = SqlEnvironment(SqlEnvironment.Config(min_isolation="namespaces" if system == "duckdb" else "landlock"))
    try:
        await check_environment(environment, task(writable=True, dialect=system), actions, failing="SELECT nothing FROM nowhere")
    except PrerequisiteError as error:
        pytest.skip(str(error))


async def test_values_are_shown_so_that_none_is_taken_for_another(reset: Reset, dialect: str) -> None:
    episode = await reset(dialect=dialect)
    assert await text(episode, "SELECT * FROM city ORDER BY id") == (
        'id | name | people | area\n1 | Aa | 30 | 1.5\n2 | Bb; c | NULL | 2.0\n3 | "NULL" | 10 | 0.25\n4 | " 7" | 10 | 3e+300\n'
    )
    texts = ["a|b", "x\ny", '"', "", "1e5", "-3", "X'00'", "true", "(no rows)", "… 1 more rows", "ü", "it's", "a\tb"]
    query = "SELECT t FROM (VALUES " + ", ".join("(" + str(i) + ", '" + t.replace("'", "''") + "')" for i, t in enumerate(texts)) + ")"
    query = query.replace("SELECT t", "SELECT column2" if dialect == "sqlite" else "SELECT col1")
    lines = (await text(episode, query)).splitlines()[1:]
    assert [json.loads(line) if line.startswith('"') else line for line in lines] == texts
    assert {line for line in lines if not line.startswith('"')} == {"ü", "it's"}


async def test_numbers_blobs_and_changes_are_shown(reset: Reset) -> None:
    episode = await reset(writable=True)
    assert await text(episode, "SELECT X'00fF' AS b, 9223372036854775807, 0.1 + 0.2 AS f, 1e999 AS i, -0.0 AS z") == (
        "b | \"9223372036854775807\" | f | i | z\nX'00ff' | 9223372036854775807 | 0.30000000000000004 | inf | -0.0\n"
    )
    done = await text(episode, "UPDATE city SET people = 0; DELETE FROM city WHERE id = 1; CREATE TABLE n(x); SELECT x FROM n;;")
    assert done == "4 rows changed\n\n1 row changed\n\nOK\n\nx\n(no rows)\n"


async def test_no_more_rows_are_shown_than_allowed_and_the_others_are_counted(reset: Reset, dialect: str) -> None:
    episode = await reset(dialect=dialect, row_limit=2)
    assert (await text(episode, "SELECT id FROM city ORDER BY id")) == "id\n1\n2\n… 2 more rows\n"
    assert (await text(episode, f"{ENDLESS} x FROM c")) == "x\n1\n2\n… more than 99998 more rows\n"


async def test_a_result_that_is_not_read_to_its_end_holds_nothing_up(reset: Reset, dialect: str) -> None:
    episode = await reset(dialect=dialect, writable=True)
    await run(episode, f"CREATE TABLE n AS {ENDLESS.replace('FROM c)', 'FROM c WHERE x < 400)')} x FROM c")
    seen = await run(episode, "SELECT a.x FROM n a, n b; DROP TABLE n")
    assert seen.text.endswith("more than 99950 more rows\n\nOK\n"), seen.text


async def test_a_failing_statement_keeps_what_ran_before_it(reset: Reset, dialect: str) -> None:
    episode = await reset(dialect=dialect, writable=True)
    seen = await run(episode, "INSERT INTO log VALUES ('kept'); SELECT note FROM log; SELECT nope FROM log; INSERT INTO log VALUES ('not')")
    assert seen.status == "error"
    assert seen.text.startswith("1 row changed\n\nnote\nkept\n")
    assert "nope" in seen.text
    assert (await text(episode, "SELECT count(*) AS n FROM log")) == "n\n1\n"


@pytest.mark.parametrize("how", ["timeout", "memory"])
async def test_an_action_that_is_stopped_leaves_the_state_before_it(reset: Reset, dialect: str, how: str) -> None:
    episode = await reset(dialect=dialect, writable=True, timeout_s=2.0 if how == "timeout" else 20.0)
    await run(episode, "INSERT INTO log VALUES ('kept')")
    big = "zeroblob(10000000)" if dialect == "sqlite" else "repeat('x', 10000000)"
    endless = f"{ENDLESS} count(*) FROM c" if how == "timeout" else f"CREATE TABLE big AS {ENDLESS} {big} FROM c"
    seen = await run(episode, f"INSERT INTO log VALUES ('lost'); {endless}")
    assert (seen.status, seen.kind) == (("timeout", "timeout") if how == "timeout" else ("limit", "memory"))
    assert (await text(episode, "SELECT note FROM log")) == "note\nkept\n"


async def test_branches_of_a_database_do_not_see_each_other(reset: Reset, dialect: str) -> None:
    episode = await reset(dialect=dialect, writable=True)
    await run(episode, "INSERT INTO log VALUES ('before')")
    forks = await asyncio.gather(*(episode.fork() for _ in range(4)))
    assert all(fork._program.tree is episode._program.tree for fork in forks), "made by a replay, not by a fork"  # type: ignore[attr-defined]
    for number, fork in enumerate(forks):
        await run(fork, f"INSERT INTO log VALUES ('b{number}'); DROP TABLE city")
    assert [await text(fork, "SELECT note FROM log ORDER BY length(note) DESC") for fork in forks] == [
        f"note\nbefore\nb{n}\n" for n in range(4)
    ]
    assert await text(episode, "SELECT count(*) AS n FROM city") == "n\n4\n"
    await asyncio.gather(*(fork.close() for fork in forks))


STATEMENTS = (
    "INSERT INTO log SELECT name FROM city",
    "DELETE FROM city WHERE id = (SELECT min(id) FROM city)",
    "UPDATE city SET people = id * 2",
    "SELECT * FROM city ORDER BY id; SELECT count(*) FROM log",
    "BEGIN; INSERT INTO log VALUES ('open')",
    "ROLLBACK",
    "COMMIT",
    "CREATE TABLE more(x TEXT); SELECT nothing",
    "INSERT INTO more VALUES ('x')",
    "SELECT random() IS NULL",
)


@given(st.lists(st.tuples(st.sampled_from(STATEMENTS), st.booleans()), min_size=1, max_size=8))
@tried(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
async def test_a_fork_and_a_linear_replay_agree(environment: SqlEnvironment, program: list[tuple[str, bool]]) -> None:
    linear, forked = await environment.reset(task(writable=True)), await environment.reset(task(writable=True))
    for statements, fork in program:
        expected = await run(linear, statements)
        if fork:
            origin, forked = forked, await forked.fork()
            await run(origin, "ROLLBACK; DROP TABLE city")
            await origin.close()
        seen = await run(forked, statements)
        assert (seen.status, seen.kind, seen.text) == (expected.status, expected.kind, expected.text)
    assert (await run(linear, "", "dump")).value == (await run(forked, "", "dump")).value
    await linear.close()
    await forked.close()


WRITES = (
    "INSERT INTO log VALUES ('x')", "UPDATE city SET people = 1", "DELETE FROM city", "DROP TABLE city", "CREATE TABLE x(y INTEGER)",
    "CREATE TEMP TABLE x(y INTEGER)", "CREATE VIEW v AS SELECT 1", "WITH a AS (SELECT 1) INSERT INTO log SELECT 'x'", "BEGIN",
    "EXPLAIN ANALYZE INSERT INTO log VALUES ('x')", "INSERT INTO log VALUES ('x') RETURNING note", "COMMIT", "VACUUM",
)  # fmt: skip


@pytest.mark.parametrize("statement", WRITES)
async def test_a_read_only_database_stays_as_it_is(reset: Reset, dialect: str, statement: str) -> None:
    episode = await reset(dialect=dialect)
    before = (await run(episode, "", "dump")).value
    seen = await run(episode, f"{statement}; SELECT 1")
    assert seen.status == "error"
    assert "read-only" in seen.text or "switched off" in seen.text
    assert (await run(episode, "", "dump")).value == before


async def test_a_read_only_database_can_be_looked_into(reset: Reset) -> None:
    episode = await reset()
    for query in ("PRAGMA table_info(city)", "SELECT name FROM pragma_table_info('city')", "SELECT sql FROM sqlite_master",
                  "EXPLAIN QUERY PLAN SELECT * FROM city", "SELECT value FROM json_each('[1, 2]')", "PRAGMA foreign_keys"):  # fmt: skip
        assert (await run(episode, query)).status == "ok", query


HOSTILE_SQLITE = (
    "ATTACH '/etc/passwd' AS p",
    "ATTACH ':memory:' AS p",
    "ATTACH 'file:/box/new.db?mode=rwc' AS p",
    "DETACH main",
    "VACUUM INTO '/box/copy.db'",
    "SELECT load_extension('/box/x.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/box/x', 'y')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('simple', X'0000000000000000')",
    "PRAGMA writable_schema = ON",
    "PRAGMA temp_store_directory = '/etc'",
    "PRAGMA mmap_size = 100000000",
    "PRAGMA threads = 4",
    "PRAGMA trusted_schema = ON",
    "PRAGMA max_page_count = 1",
    "PRAGMA journal_mode = WAL",
    "CREATE VIRTUAL TABLE f USING fts5(x)",
    "CREATE VIRTUAL TABLE s USING dbstat(main)",
    "UPDATE sqlite_master SET sql = 'x'",
    "SELECT zeroblob(1000000000)",
    "SELECT hex(zeroblob(16000000))",
    "SELECT replace(hex(zeroblob(4000000)), '0', 'abcdefgh')",
    ".import /etc/passwd city",
)
HOSTILE_DUCKDB = (
    "ATTACH '/etc/passwd' AS p",
    "ATTACH ':memory:' AS p",
    "COPY city TO '/box/x.csv'",
    "COPY city FROM '/etc/passwd'",
    "EXPORT DATABASE '/box/x'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET threads = 8",
    "PRAGMA threads = 8",
    "SET memory_limit = '99GB'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM duckdb_secrets()",
    "IMPORT DATABASE '/etc'",
    "SET temp_directory = '/box'",
    "SELECT * FROM text",
)
HOSTILE = [pytest.param("sqlite", statement) for statement in HOSTILE_SQLITE]
HOSTILE += [pytest.param("duckdb", statement, marks=DUCKDB.marks) for statement in HOSTILE_DUCKDB]


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize(("system", "statement"), HOSTILE)
async def test_nothing_outside_of_the_database_is_reached(
    environment: SqlEnvironment, reset: Reset, system: str, statement: str, writable: bool
) -> None:
    if system == "duckdb" and environment.isolation == "landlock":
        pytest.skip("DuckDB does not start behind Landlock")
    episode = await reset(dialect=system, writable=writable)
    seen = await run(episode, statement)
    assert seen.status == "error", seen.text
    assert "root:" not in seen.text
    assert await text(episode, "SELECT count(*) AS n FROM city") == "n\n4\n"


async def test_a_text_padded_without_end_ends(reset: Reset) -> None:
    episode = await reset()
    assert (await run(episode, "SELECT length(printf('%.*c', 2000000000, 'x'))")).status in ("ok", "error", "timeout", "limit")
    assert await text(episode, "SELECT substr(printf('%.*c', 20000, 'x'), 1) AS t") == f"t\n{'x' * 1000} … 19000 more characters\n"


@pytest.mark.skipif(not importlib.util.find_spec("duckdb"), reason="needs the extra duckdb")
async def test_duckdb_draws_no_progress_into_what_is_shown(environment: SqlEnvironment, reset: Reset) -> None:
    if environment.isolation == "landlock":
        pytest.skip("DuckDB does not start behind Landlock")
    assert await text(await reset(dialect="duckdb"), "SELECT current_setting('enable_progress_bar') AS bar") == "bar\nfalse\n"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "shop" / "shop.sqlite"
    file.parent.mkdir()
    made = sqlite3.connect(file)
    made.executescript("PRAGMA journal_mode = WAL; CREATE TABLE item(name TEXT); INSERT INTO item VALUES ('pen'), (CAST(X'ff41' AS TEXT));")
    made.close()
    return file


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def test_a_file_is_copied_into_memory_and_stays_as_it_is(reset: Reset, database: Path) -> None:
    digest = digest_of(database)
    episode = await reset(database=str(database), sha256=digest, writable=True)
    assert await text(episode, "SELECT name FROM item; DELETE FROM item") == "name\npen\n\\xffA\n\n2 rows changed\n"
    assert digest_of(database) == digest
    assert await text(await reset(database=str(database)), "SELECT count(*) AS n FROM item") == "n\n2\n"


async def test_a_file_is_found_below_the_folders_of_the_variable(reset: Reset, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = digest_of(database)
    with pytest.raises(PrerequisiteError, match="not on this machine") as missing:
        await reset(database="elsewhere/shop/shop.sqlite", sha256=digest)
    assert "EAGDATA_DATABASES" in missing.value.mend
    monkeypatch.setenv("EAGDATA_DATABASES", f"/nowhere:{database.parent.parent}")
    episode = await reset(database="elsewhere/shop/shop.sqlite", sha256=digest)
    assert (await run(episode, "SELECT * FROM item")).status == "ok"
    with pytest.raises(PrerequisiteError, match="SHA-256"):
        await reset(database="elsewhere/shop/shop.sqlite", sha256="0" * 64)


async def test_a_database_larger_than_the_folder_is_refused_with_the_setting(reset: Reset, tmp_path: Path) -> None:
    file = tmp_path / "big.sqlite"
    with file.open("wb") as out:
        out.truncate(33 << 20)
    with pytest.raises(RecipeError) as caught:
        await reset(database=str(file))
    assert "environment.disk_mb=34" in caught.value.mend


BAD: list[dict[str, Json]] = [
    {"dialect": "oracle"}, {"writable": "yes"}, {"row_limit": 0}, {"script": 3}, {"tables": []}, {"timeout_s": -1},
    {"script": "CREATE TABLE"}, {"script": "ATTACH '/etc/passwd' AS p"}, {"database": "x.sqlite", "script": ""},
]  # fmt: skip


@pytest.mark.parametrize("settings", BAD, ids=str)
async def test_wrong_settings_of_a_task_are_named(reset: Reset, settings: dict[str, Json]) -> None:
    with pytest.raises(RecipeError, match="task 't'"):
        await reset(**settings)


async def test_a_file_that_is_no_database_is_refused(reset: Reset, tmp_path: Path) -> None:
    for content in (b"not a database at all", b"SQLite format 3\0" + b"x" * 5000):
        (tmp_path / "x.sqlite").write_bytes(content)
        with pytest.raises(RecipeError, match="cannot be set up"):
            await reset(database=str(tmp_path / "x.sqlite"))


async def test_rows_for_a_judge_keep_their_types(reset: Reset) -> None:
    episode = await reset(output_chars=5000)
    seen = await run(
        episode, "SELECT 1, 1.0, '1', NULL, X'01', 9223372036854775807 FROM log UNION ALL SELECT 1, 1.0, '1', NULL, X'01', 5", "rows"
    )
    found = json.loads(seen.value or "")
    assert [type(value).__name__ for value in found["rows"][0]] == ["int", "float", "str", "NoneType", "dict", "int"]
    assert (found["truncated"], found["reads"], len(found["columns"])) == (False, True, 6)


async def test_rows_that_are_too_many_are_whole_json_and_marked(reset: Reset) -> None:
    for most, least in ((2000, 20), (10_000_000, 20_000)):
        episode = await reset(output_chars=most)
        found = json.loads((await run(episode, f'{ENDLESS} \'"\\"\\"\\\' || x FROM c', "rows")).value or "")
        assert found["truncated"]
        assert len(found["rows"]) > least


@pytest.mark.parametrize("query", ["SELECT 1; SELECT 2", "", "INSERT INTO log VALUES ('x')", "DELETE FROM city RETURNING id"])
async def test_only_one_query_gives_rows(reset: Reset, query: str) -> None:
    assert (await run(await reset(), query, "rows")).status == "error"


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT 42", False),
        ("SELECT count(*) FROM city", True),
        ("WITH city AS (SELECT 1) SELECT 42 FROM city", False),
        ("SELECT name FROM sqlite_master", False),
        ("VALUES (1), (2)", False),
        ("SELECT (SELECT max(people) FROM city)", True),
    ],
)
async def test_it_is_known_whether_a_query_reads_a_table(reset: Reset, dialect: str, query: str, reads: bool) -> None:
    episode = await reset(dialect=dialect, output_chars=5000)
    assert json.loads((await run(episode, query, "rows")).value or "")["reads"] is reads


async def test_the_digest_is_of_what_the_tables_hold(reset: Reset, dialect: str) -> None:
    async def digest(statements: str) -> object:
        episode = await reset(dialect=dialect, writable=True)
        if statements:
            assert (await run(episode, statements)).status == "ok"
        return json.loads((await run(episode, "", "dump")).value or "")["digest"]

    before = await digest("")
    moved = "CREATE TABLE h AS SELECT * FROM city ORDER BY id DESC; DELETE FROM city; INSERT INTO city SELECT * FROM h; DROP TABLE h"
    assert await digest(moved) == before
    assert await digest("UPDATE city SET area = area + 0.1 + 0.2 - 0.3") == before
    others = ["DELETE FROM city WHERE id = 1", "CREATE TABLE x(y INTEGER)", "INSERT INTO log VALUES ('')", "UPDATE city SET people = 0",
              "CREATE VIEW v AS SELECT 1 AS one", "ALTER TABLE log RENAME COLUMN note TO text", "UPDATE city SET name = 'a' WHERE id = 1",
              "INSERT INTO log VALUES ('x')", "INSERT INTO log VALUES ('x'), ('x')", "INSERT INTO log VALUES (NULL)"]  # fmt: skip
    digests = [await digest(statements) for statements in others]
    assert len({before, *digests}) == len(others) + 1


async def test_fewer_rows_are_the_same_for_the_same_number(reset: Reset, dialect: str) -> None:
    many = SCRIPT + "INSERT INTO log " + ENDLESS.replace("FROM c)", "FROM c WHERE x < 1000)") + " 'n' || x FROM c;"
    seen = []
    for number in ("1", "1", "2"):
        episode = await reset(dialect=dialect, script=many)
        await run(episode, number, "thin")
        seen.append(await text(episode, "SELECT count(*) AS n, min(note), max(note) FROM log"))
    assert seen[0] == seen[1] != seen[2]
    assert 300 < int(seen[0].splitlines()[1].split(" | ")[0]) < 700


@pytest.mark.skipif(not importlib.util.find_spec("duckdb"), reason="needs the extra duckdb")
async def test_duckdb_is_refused_where_it_would_abort() -> None:
    async with SqlEnvironment(SqlEnvironment.Config(isolation="landlock")) as opened:
        assert (await run(await opened.reset(task()), "SELECT 1")).status == "ok"
        with pytest.raises(PrerequisiteError, match="does not start in the isolation 'landlock'") as caught:
            await opened.reset(task(dialect="duckdb"))
        assert "environment.isolation=namespaces" in caught.value.mend
