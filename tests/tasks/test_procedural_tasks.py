"""The built-in families: reproducible, distinct, and each answer right by a judge that did not make it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from sympy import Rational, linsolve, symbols, sympify

from eagdata.errors import RecipeError
from eagdata.records import Task, to_json
from eagdata.tasks.procedural import ProceduralTasks
from eagdata.verifiers.countdown import CountdownVerifier

ALL = ProceduralTasks.Config().families
DIALS = ((0.0, 0.0), (0.35, 0.35), (0.7, 0.7), (1.0, 1.0))


def made(n: int = 25, *, seed: int = 0, **config: object) -> list[Task]:
    return list(ProceduralTasks(ProceduralTasks.Config(**config)).tasks(n, seed=seed))  # type: ignore[arg-type]  # each test gives the keys


def of(family: str) -> list[Task]:
    """25 tasks at each of four difficulties."""
    return [task for dial in DIALS for task in made(25, seed=7, families=(family,), difficulty=dial)]


def test_the_same_seed_gives_the_same_tasks_and_another_seed_gives_others() -> None:
    first, again, other = made(90), made(90), made(90, seed=1)
    assert [to_json(task) for task in first] == [to_json(task) for task in again]
    assert not {task.question for task in first} & {task.question for task in other}


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    assert made(200)[:45] == made(45)


def test_families_take_turns_and_every_question_and_id_is_distinct() -> None:
    tasks = made(1800)
    assert len({task.id for task in tasks}) == len({task.question for task in tasks}) == len({task.key for task in tasks}) == 1800
    assert set(Counter(task.family for task in tasks).values()) == {200}
    assert [task.family for task in tasks[:9]] == list(ALL)
    assert tasks[0].id == f"{ALL[0]}-00000"


def test_two_thousand_tasks_are_made_in_seconds() -> None:
    started = time.process_time()
    made(2000)
    assert time.process_time() - started < 6  # 0.4 s on an idle machine


def test_weights_set_the_shares_of_the_families() -> None:
    counts = Counter(task.family for task in made(120, families=("countdown", "calendar"), weights={"countdown": 3.0}))
    assert counts == {"countdown": 90, "calendar": 30}


@pytest.mark.parametrize(
    "config",
    [
        {"families": ("countdwon",)},
        {"families": ()},
        {"difficulty": (0.5, 0.2)},
        {"difficulty": (0.0, 2.0)},
        {"weights": {"countdown": 0.0}},
        {"weights": {"nothing": 1.0}},
    ],
)
def test_unusable_settings_are_refused_with_advice(config: dict[str, object]) -> None:
    with pytest.raises(RecipeError) as refused:
        made(1, **config)
    assert refused.value.mend


def test_an_endless_source_asks_for_a_number() -> None:
    with pytest.raises(RecipeError, match="no natural number"):
        ProceduralTasks(ProceduralTasks.Config()).tasks(None, seed=0)


def test_every_task_says_what_its_row_will_need() -> None:
    for task in made(180):
        assert task.environment == "python"
        assert task.source == "eagdata/procedural"
        assert task.license == "CC0-1.0"
        assert task.answer
        assert task.difficulty is not None
        assert 0.1 <= task.difficulty <= 0.9
        assert to_json(task)


def test_harder_dials_make_longer_work() -> None:
    for family in ("characters", "countdown", "seating", "tables"):
        easy, hard = (made(25, families=(family,), difficulty=dial) for dial in ((0.0, 0.1), (0.9, 1.0)))
        assert sum(len(str(task.reference)) + len(task.question) for task in easy) < sum(
            len(str(task.reference)) + len(task.question) for task in hard
        )


async def test_every_countdown_answer_obeys_the_rules_and_a_spoilt_one_does_not() -> None:
    judge = CountdownVerifier(CountdownVerifier.Config())
    for task in of("countdown"):
        assert (await judge.verify(task, task.answer, None)).passed
        assert not (await judge.verify(task, f"{task.answer}+1", None)).passed
        assert not (await judge.verify(task, f"({task.answer})*1", None)).passed


def test_linear_systems_agree_with_sympy() -> None:
    unknowns = symbols("x y z")
    for task in of("linear_systems"):
        lines = re.findall(r"^(.*) = (.*)$", task.question, re.MULTILINE)
        equations = [sympify(_times(left)) - int(right) for left, right in lines]
        used = unknowns[: len(lines)]
        (solution,) = linsolve(equations, used)
        wanted = sympify(_times(task.question.split("value of ")[1].split(". Give")[0]))
        assert wanted.subs(dict(zip(used, solution, strict=True))) == Rational(task.answer)


def _times(side: str) -> str:
    return re.sub(r"(\d)([xyz])", r"\1*\2", side)


_SQL = {
    "top": "SELECT p.name, SUM({a}) FROM {p} p JOIN {c} ON {k} = p.id WHERE {a} >= {m} GROUP BY p.id ORDER BY 2 DESC, 1 LIMIT {n}",
    "without": "SELECT name FROM {p} WHERE id NOT IN (SELECT {k} FROM {c} WHERE {a} >= {m}) ORDER BY name",
    "by group": 'SELECT p."{g}", SUM({a}) FROM {p} p JOIN {c} ON {k} = p.id WHERE {a} >= {m} GROUP BY 1 ORDER BY 1',
    "at least": 'SELECT COUNT(*) FROM {p} p WHERE "{g}" = {v} AND (SELECT COUNT(*) FROM {c} WHERE {k} = p.id AND {a} >= {m}) >= {n}',
    "labelled": 'SELECT SUM({a}) FROM {c} JOIN {p} p ON {k} = p.id WHERE {a} >= {m} AND {label} = {w} AND p."{g}" = {v}',
}


def test_tables_agree_with_queries_over_the_database_that_their_setup_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = set()
    for task in of("tables"):
        Path("data.db").unlink(missing_ok=True)
        exec(str(task.environment_config["setup"]), {})
        p, g, c, k, label, a = (
            re.findall(r"CREATE TABLE (\w+) \(id INTEGER PRIMARY KEY, name TEXT, (\w+) TEXT.*\n", task.question)[0]
            + re.findall(r"CREATE TABLE (\w+) \(id INTEGER PRIMARY KEY, (\w+_id).*, (\w+) TEXT, (\w+) INTEGER", task.question)[0]
        )
        ask = task.question.split("at least ", 1)[1]
        m, rest = ask.split(".", 1)
        quoted = re.findall(r"'\w+'", rest)
        n = (re.findall(r"Which (\d)|at least (\d)", rest) or [("", "")])[0]
        words = {
            "p": p,
            "g": g,
            "c": c,
            "k": k,
            "label": label,
            "a": a,
            "m": m,
            "n": "".join(n),
            "v": (quoted or [""])[-1],
            "w": (quoted or [""])[0],
        }
        kind = str(task.metadata["kind"])
        connection = sqlite3.connect("data.db")
        rows = [list(row) for row in connection.execute(_SQL[kind].format(**words))]
        connection.close()
        kinds.add(kind)
        assert rows
        assert task.reference == (rows[0][0] if task.verifier == "number" else {"rows": rows, "ordered": True})
    assert kinds == set(_SQL)


def test_the_examples_of_a_program_are_among_its_hidden_cases_and_the_empty_case_too() -> None:
    for task in of("programs"):
        assert isinstance(task.reference, dict)
        name, cases = task.reference["function"], task.reference["cases"]
        assert isinstance(cases, list)
        assert 6 <= len(cases) <= 10
        shown = re.findall(rf"^{name}\((.*)\) returns (.*)$", task.question, re.MULTILINE)
        held = [(repr(case["args"][0]), repr(case["expected"])) for case in cases]  # type: ignore[index,call-overload]
        assert len(shown) == 2
        assert set(shown) <= set(held)
        assert any(case["args"] in ([""], [[]]) for case in cases)  # type: ignore[index,call-overload]


def test_counting_tasks_agree_with_a_recount() -> None:
    for task in of("characters"):
        quoted = re.findall(r'"([^"]*)"', task.question)
        text = max(quoted, key=len).lower() if task.metadata["kind"] != "letter" or len(quoted) < 2 else quoted[1].lower()
        letter = min(quoted, key=len)
        order = re.search(r"for the (\d+)", task.question)
        recount = {
            "letter": lambda text=text, letter=letter: len(re.findall(letter, text)),
            "vowels": lambda text=text: len(re.findall("[aeiou]", text)),
            "words": lambda text=text, letter=letter: len(re.findall(rf"\b\w*{letter}\w*\b", text)),
            "distinct": lambda text=text: len(Counter(re.findall("[a-z]", text))),
            "position": lambda text=text, letter=letter, order=order: (
                [m.end() for m in re.finditer(letter, text)][int(order[1]) - 1] if order else 0
            ),
        }
        assert task.reference == recount[str(task.metadata["kind"])]()
