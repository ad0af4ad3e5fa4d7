from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from eagdata.contracts import CleanRoom
from eagdata.environments.sql import SqlEnvironment
from eagdata.errors import VerifierError
from eagdata.records import Action, Json, Task, Verdict
from eagdata.testing import clean_room
from eagdata.verifiers.sql import SqlStateVerifier, SqlVerifier
from eagdata.verifiers.sql_text import outer_order

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, team TEXT, score INTEGER, pay DOUBLE);
INSERT INTO p VALUES (1, 'Ann', 'red', 5, 0.1), (2, 'Bob', 'red', 7, 0.2), (3, 'Cid', 'blue', 7, 0.3),
  (4, 'Dee', NULL, 1, NULL), (5, 'Ann', 'blue', 1, 0.4);
CREATE TABLE log(note TEXT);
"""


def task(sql: str = "", *, reference: Json = None, **environment_config: Json) -> Task:
    config: dict[str, Json] = {"script": SCRIPT, "timeout_s": 2} | environment_config
    return Task(
        id="t",
        question="?",
        verifier="sql",
        reference=reference or {"sql": sql},
        environment="sql",
        environment_config=config,
        solution=sql,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment() -> AsyncIterator[SqlEnvironment]:
    environment = SqlEnvironment(SqlEnvironment.Config())
    async with clean_room({"sql": environment}):
        yield environment


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clean() -> AsyncIterator[CleanRoom]:
    async with clean_room({"sql": SqlEnvironment(SqlEnvironment.Config(memory_mb=256))}) as room:
        yield room


async def judge(clean: CleanRoom, reference: str | Task, answer: str | None, **config: object) -> Verdict:
    asked = task(reference) if isinstance(reference, str) else reference
    return await SqlVerifier(SqlVerifier.Config(**config)).verify(asked, answer, None, clean)  # type: ignore[arg-type]


SAME = [
    ("SELECT name FROM p", "SELECT name FROM p ORDER BY score"),
    ("SELECT name FROM p", "```sql\nSELECT name AS x FROM p;\n```"),
    ("SELECT name FROM p", "SELECT name FROM p -- all of them"),
    ("SELECT count(*) FROM p", "SELECT 5.0 * count(*) / 5 FROM p"),
    ("SELECT sum(pay) FROM p", "SELECT 0.4 + 0.3 + 0.2 + 0.1 FROM p LIMIT 1"),
    ("SELECT team FROM p WHERE id = 4", "SELECT NULL FROM p WHERE id = 4"),
    ("SELECT name FROM p WHERE 0", "SELECT team FROM p WHERE id > 9"),
    ("SELECT name FROM p ORDER BY score DESC", "SELECT name FROM p ORDER BY score DESC, name DESC"),
    ("SELECT name, score FROM p ORDER BY score DESC", "SELECT name, score FROM p ORDER BY score DESC, id DESC"),
    ("SELECT name AS n FROM p ORDER BY n", "SELECT name FROM p ORDER BY name, id DESC"),
    ("SELECT team, count(*) FROM p GROUP BY team ORDER BY count(*)", "SELECT team, count(*) FROM p GROUP BY team ORDER BY 2, team DESC"),
    ("SELECT team FROM p GROUP BY team ORDER BY count(*)", "SELECT team FROM p GROUP BY team ORDER BY count(*), team DESC"),
    ("SELECT name FROM (SELECT * FROM p ORDER BY score)", "SELECT name FROM p ORDER BY id DESC"),
    ("SELECT name, rank() OVER (ORDER BY score) FROM p", "SELECT name, rank() OVER (ORDER BY score) FROM p ORDER BY id DESC"),
    ("SELECT name FROM p WHERE name <> 'x ORDER BY y'", "SELECT name FROM p ORDER BY id DESC"),
    ("SELECT name FROM p -- ORDER BY score", "SELECT name FROM p ORDER BY id DESC"),
    ("SELECT name FROM p UNION ALL SELECT team FROM p", "SELECT team FROM p UNION ALL SELECT name FROM p"),
]  # fmt: skip
DIFFERENT = [
    ("SELECT name FROM p", "SELECT DISTINCT name FROM p"),
    ("SELECT name FROM p", "SELECT name FROM p UNION ALL SELECT name FROM p"),
    ("SELECT name, team FROM p", "SELECT team, name FROM p"),
    ("SELECT name FROM p", "SELECT name, name FROM p"),
    ("SELECT name FROM p", "SELECT lower(name) FROM p"),
    ("SELECT score FROM p", "SELECT CAST(score AS TEXT) FROM p"),
    ("SELECT team FROM p", "SELECT coalesce(team, '') FROM p"),
    ("SELECT coalesce(team, 'NULL') FROM p", "SELECT team FROM p"),
    ("SELECT team FROM p WHERE id = 4", "SELECT team FROM p WHERE id = 9"),
    ("SELECT sum(pay) FROM p", "SELECT sum(pay) + 0.00001 FROM p"),
    ("SELECT sum(score) FROM p", "SELECT sum(score) + 1 FROM p"),
    ("SELECT 9007199254740993 + 0 * count(*) FROM p", "SELECT 9007199254740992 + 0 * count(*) FROM p"),
    ("SELECT name, id FROM p", "SELECT name, 6 - id FROM p"),
    ("SELECT name FROM p ORDER BY name", "SELECT name FROM p ORDER BY name DESC"),
    ("SELECT name FROM p ORDER BY score DESC", "SELECT name FROM p ORDER BY score"),
    ("SELECT name FROM p ORDER BY score DESC, id", "SELECT name FROM p ORDER BY score DESC, id DESC"),
    ("SELECT name FROM p ORDER BY score DESC LIMIT 1", "SELECT name FROM p ORDER BY score LIMIT 1"),
    ("SELECT team FROM p GROUP BY team ORDER BY count(*)", "SELECT team FROM p GROUP BY team ORDER BY count(*) DESC"),
    ("SELECT name FROM p UNION SELECT team FROM p ORDER BY 1", "SELECT name FROM p UNION SELECT team FROM p ORDER BY 1 DESC"),
    ("SELECT DISTINCT name FROM p ORDER BY score", "SELECT DISTINCT name FROM p ORDER BY score DESC"),
    ("WITH q AS (SELECT * FROM p) SELECT name FROM q ORDER BY name", "SELECT name FROM p ORDER BY name DESC"),
    ("SELECT name FROM p", "SELECT name FROM p; SELECT name FROM p"),
    ("SELECT name FROM p", "INSERT INTO log VALUES ('x')"),
    ("SELECT name FROM p", "DELETE FROM p RETURNING name"),
    ("SELECT name FROM p", "DROP TABLE p; SELECT name FROM p"),
    ("SELECT name FROM p", "The answer is Ann."),
    ("SELECT name FROM p", "SELECT nope FROM p"),
    ("SELECT name FROM p", "WITH RECURSIVE c(x) AS (SELECT 'Ann' FROM p UNION ALL SELECT x FROM c) SELECT x FROM c LIMIT 2000000"),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "answer"), SAME)
async def test_a_query_with_the_same_result_passes(clean: CleanRoom, reference: str, answer: str) -> None:
    verdict = await judge(clean, reference, answer)
    assert verdict.passed, verdict.checks
    assert verdict.reward == 1.0


@pytest.mark.parametrize(("reference", "answer"), DIFFERENT)
async def test_a_query_with_another_result_is_refused(clean: CleanRoom, reference: str, answer: str) -> None:
    verdict = await judge(clean, reference, answer)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)
    assert verdict.checks[-1].evidence or verdict.checks[-1].measured


@pytest.mark.parametrize("reference", sorted({reference for reference, _ in SAME + DIFFERENT}))
async def test_each_reference_passes_itself(clean: CleanRoom, reference: str) -> None:
    assert (await judge(clean, reference, reference)).passed


@pytest.mark.parametrize(
    "answer", ["SELECT 5", "VALUES (5)", "WITH p AS (SELECT 5) SELECT * FROM p", "SELECT count(*) * 5 FROM sqlite_master WHERE 1 LIMIT 1"]
)
async def test_stating_the_result_instead_of_computing_it_is_a_hack(clean: CleanRoom, answer: str) -> None:
    verdict = await judge(clean, "SELECT count(*) FROM p", answer)
    assert (verdict.status, verdict.reward) == ("hack", 0.0)


async def test_a_reference_that_reads_nothing_may_be_stated(clean: CleanRoom) -> None:
    assert (await judge(clean, "SELECT 6 * 7", "SELECT 42")).passed
    assert (await judge(clean, "SELECT count(*) FROM p", "SELECT 5", reject_constant=False)).passed


@pytest.mark.parametrize("answer", ["SELECT 5 FROM p LIMIT 1", "SELECT max(id) FROM p"])
async def test_a_query_that_is_right_by_accident_fails_on_other_data(clean: CleanRoom, answer: str) -> None:
    assert (await judge(clean, "SELECT count(*) FROM p", answer)).passed
    verdict = await judge(clean, "SELECT count(*) FROM p", answer, perturbed=6)
    assert verdict.status == "fail"
    assert verdict.checks[-1].id.startswith("rows of database")
    assert (await judge(clean, "SELECT count(*) FROM p", "SELECT sum(1) FROM p", perturbed=6)).passed


async def test_no_answer_is_refused(clean: CleanRoom) -> None:
    for answer in (None, "", "  ", "```sql\n\n```"):
        assert (await judge(clean, "SELECT name FROM p", answer)).status == "fail"


async def test_an_answer_must_not_write_even_where_actions_may(clean: CleanRoom) -> None:
    asked = task("SELECT name FROM p", writable=True)
    assert (await judge(clean, asked, "SELECT name FROM p")).passed
    assert (await judge(clean, asked, "UPDATE p SET score = 0 RETURNING name")).status == "fail"


async def test_a_query_without_end_is_a_timeout(clean: CleanRoom) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    assert (await judge(clean, task("SELECT name FROM p", timeout_s=0.5), endless)).status == "timeout"


@pytest.mark.parametrize(
    "reference",
    [None, "SELECT 1", {}, {"sql": 3}, {"rows": [1]}, {"sql": "SELECT nope"}, {"sql": "SELECT 1; SELECT 2"}, {"sql": "DELETE FROM p"},
     {"sql": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c LIMIT 500000"}],
)  # fmt: skip
async def test_a_reference_that_cannot_be_compared_with_is_unscored(clean: CleanRoom, reference: Json) -> None:
    verdict = await judge(clean, replace(task(), reference=reference), "SELECT name FROM p")
    assert (verdict.status, verdict.reward) == ("unscored", None)
    assert verdict.checks[-1].evidence


async def test_stored_rows_are_a_reference_too(clean: CleanRoom) -> None:
    rows: Json = [["Ann", 2], ["Bob", 1], ["Cid", 1], ["Dee", 1]]
    loose, strict = task(reference={"rows": rows}), task(reference={"rows": rows, "ordered": True})
    query = "SELECT name, count(*) FROM p GROUP BY name ORDER BY name"
    assert (await judge(clean, loose, f"{query} DESC")).passed
    assert (await judge(clean, strict, query)).passed
    assert not (await judge(clean, strict, f"{query} DESC")).passed
    assert not (await judge(clean, loose, f"{query} LIMIT 3")).passed
    assert (await judge(clean, task(reference={"rows": []}), "SELECT name FROM p WHERE 0")).passed


async def test_many_rows_that_differ_by_rounding_are_compared_quickly(clean: CleanRoom) -> None:
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000)"
    many = numbers + " SELECT x / 7.0, {} FROM c, p WHERE id = 1 ORDER BY {}"
    reference, answer = many.format("x / 3.0", "1").replace(" ORDER BY 1", ""), many.format("x * (1 / 3.0)", "x DESC")
    assert (await judge(clean, reference, answer)).passed
    assert not (await judge(clean, reference, answer.replace("x / 7.0", "x / 7.0 + (x = 777)"))).passed


async def test_without_a_clean_room_nothing_is_judged() -> None:
    with pytest.raises(VerifierError):
        await SqlVerifier(SqlVerifier.Config()).verify(task("SELECT 1"), "SELECT 1", None)


@pytest.mark.parametrize(
    ("sql", "terms"),
    [
        ("SELECT a FROM t ORDER BY a", ("a",)),
        ("select a from t order\n by /* x */ t.a desc nulls last, max(b, c) , 2 ASC limit 3 offset 1;", ("t.a", "max(b, c)", "2")),
        ('SELECT "order by" FROM t', None),
        ("SELECT 'x'' ORDER BY y' FROM t", None),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", None),
        ("SELECT sum(a) OVER (PARTITION BY b ORDER BY c), [order by] FROM t", None),
        ("WITH q AS (SELECT 1 ORDER BY 1) SELECT * FROM q ORDER BY \"my col\" COLLATE NOCASE", ('"my col" COLLATE NOCASE',)),
        ("SELECT a FROM t -- ORDER BY a\n", None),
        ("SELECT a FROM t /* ORDER BY a", None),
    ],
)  # fmt: skip
async def test_only_the_outermost_order_counts(sql: str, terms: tuple[str, ...] | None) -> None:
    order = outer_order(sql)
    assert (order.terms if order else None) == terms


async def change(
    environment: SqlEnvironment, clean: CleanRoom, statements: str, *, reference: str = "DELETE FROM p WHERE score = 1"
) -> Verdict:
    asked = task(reference, writable=True)
    episode = await environment.reset(asked)
    try:
        await episode.step(Action(kind="sql", text=statements))
        return await SqlStateVerifier(SqlStateVerifier.Config()).verify(asked, "done", episode, clean)
    finally:
        await episode.close()


@pytest.mark.parametrize(
    "statements",
    [
        "DELETE FROM p WHERE id IN (4, 5)",
        "BEGIN; DELETE FROM p WHERE score = 1; COMMIT",
        "CREATE TABLE x AS SELECT 1; DROP TABLE x; DELETE FROM p WHERE score < 2",
    ],
)
async def test_the_same_tables_pass(environment: SqlEnvironment, clean: CleanRoom, statements: str) -> None:
    assert (await change(environment, clean, statements)).passed


@pytest.mark.parametrize(
    "statements",
    [
        "",
        "DELETE FROM p",
        "DELETE FROM p WHERE id = 4",
        "BEGIN; DELETE FROM p WHERE score = 1",
        "CREATE TABLE x AS SELECT 1; DELETE FROM p WHERE score = 1",
        "DROP TABLE p",
        "DELETE FROM p WHERE score = 1; INSERT INTO log VALUES ('done')",
        "DELETE FROM p WHERE score = 1; ALTER TABLE p RENAME TO q; CREATE VIEW p AS SELECT * FROM q",
    ],
)
async def test_other_tables_fail(environment: SqlEnvironment, clean: CleanRoom, statements: str) -> None:
    verdict = await change(environment, clean, statements)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)


async def test_a_view_that_cannot_be_read_is_the_branches_fault(environment: SqlEnvironment, clean: CleanRoom) -> None:
    assert (await change(environment, clean, "CREATE VIEW v AS SELECT * FROM p; DROP TABLE p")).status == "fail"
    endless = "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
    assert (await change(environment, clean, endless)).status == "timeout"


async def test_a_script_that_does_not_run_is_unscored(environment: SqlEnvironment, clean: CleanRoom) -> None:
    for reference in ("DELETE FROM nowhere", "BEGIN; DELETE FROM p"):
        assert (await change(environment, clean, "DELETE FROM p", reference=reference)).status == "unscored"
    nothing = await SqlStateVerifier(SqlStateVerifier.Config()).verify(task("DELETE FROM p"), "done", None, clean)
    assert nothing.status == "unscored"


async def test_an_answer_needs_something_that_was_tried() -> None:
    assert not SqlVerifier(SqlVerifier.Config()).supported("SELECT 1", ["", " "])
    assert SqlVerifier(SqlVerifier.Config()).supported("SELECT 1", ["1"])
    assert not SqlStateVerifier(SqlStateVerifier.Config()).supported("done", [])
