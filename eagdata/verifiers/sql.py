"""Judges of SQL: a query by what it gives on a fresh database, changes by the tables that they leave.

`sql` is the execution accuracy of Spider (Yu et al. 2018; Zhong et al. 2020, arXiv 2010.02840) and BIRD (Li et al. 2023, arXiv
2305.03111), but stricter: duplicates count (BIRD compares sets), columns stand in the order of the reference (Zhong et al. try all
orders, which takes `SELECT min, max` for `SELECT max, min`), values keep their types, floats may differ by rounding alone.

Covered: the order of rows, exactly where the reference's outermost level has an ORDER BY, rows that are equal in all that it sorts by
being free among themselves; a query that states the result instead of computing it; one that is right on this data by accident, if
`perturbed` is set. Not covered: rows tied at the cut of a LIMIT, where those that the reference gives are the right ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.records import Action, Check, Json, Observation, Task, Verdict
from eagdata.verifiers.sql_rows import Row, row_of, same_result
from eagdata.verifiers.sql_text import Order, name_of, outer_order, query_of, with_results
from eagdata.verifiers.verdicts import excerpt, refused, unscored

_VALUE_CHARS = 900_000
"""The longest value of an observation."""


class SqlVerifier:
    """Passes a query that gives the result of the reference: `{"sql": query}`, or `{"rows": [[...]], "ordered": true or false}`."""

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        float_tolerance: float = 1e-9
        """Largest difference between two numbers of which one is a float, as a share of the larger one: sums depend on the order of
        their terms in the last digits."""
        reject_constant: bool = True
        """Whether an answer that reads no table, where the reference does, is a `hack`."""
        perturbed: int = 0
        """Further databases on which answer and reference must agree, each without about half of the rows: the test suites of Zhong et
        al. 2020 in small. Rows are only left out, so keys and other rules that queries may rely on still hold."""

        def __post_init__(self) -> None:
            if not 0 <= self.float_tolerance < 1 or self.perturbed < 0:
                raise ValueError("float_tolerance must be within 0 and 1, perturbed must not be negative")

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Write the one SQL query whose result answers the question in the box, as it is to be run; it must only read."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        reference = task.reference if isinstance(task.reference, dict) else {}
        if not isinstance(reference.get("sql"), str) and _rows(reference.get("rows")) is None:
            return unscored(task.reference, '{"sql": query} or {"rows": [[...]], "ordered": true or false}')
        if not (query := query_of(answer)):
            return refused("read", answer, "no query")
        checks = [Check(id="read", status="pass")]
        for seed in range(1 + (self._config.perturbed if "sql" in reference else 0)):
            bench = _Bench(task, clean, seed)
            wanted = await _expected(reference, bench)
            if isinstance(wanted, str):
                return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=wanted),))
            checks.append(await self._check(query, wanted, bench))
            if checks[-1].status != "pass":
                break
        status = checks[-1].status
        return Verdict(status=status, reward=1.0 if status == "pass" else 0.0, checks=tuple(checks))

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was tried: what the answer gives is judged by running it."""
        return any(text.strip() for text in outputs)

    async def _check(self, query: str, wanted: _Expected, bench: _Bench) -> Check:
        """The answer on one database."""
        name = "rows" if not bench.seed else f"rows of database {bench.seed}"
        found = await bench.ask(query)
        if isinstance(found, Observation):
            status: Literal["timeout", "fail"] = "timeout" if found.status == "timeout" else "fail"
            return Check(id=name, status=status, measured=found.kind, evidence=excerpt(found.text))
        if self._config.reject_constant and wanted.reads and not found.reads:
            return Check(id=name, status="hack", evidence="the query reads no table, and the reference does")
        same = not found.truncated and same_result(found.rows, wanted.rows, wanted.groups, tolerance=self._config.float_tolerance)
        measured = f"{len(found.rows)}{' or more' * found.truncated} rows where {len(wanted.rows)} are wanted"
        return Check(id=name, status="pass" if same else "fail", measured=measured)


class SqlStateVerifier:
    """Passes a database whose tables and views hold what the script of the reference, `{"sql": script}`, leaves in a fresh one.

    Rows count as often as they occur and in no order, floats by nine digits. A transaction that is still open has changed nothing.
    """

    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        """Nothing to set."""

    def __init__(self, config: Config) -> None:
        pass

    def instructions(self) -> str:
        return "Change the database by your actions, and leave no tables of your own in it; when it is as asked for, write done in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        script = task.reference.get("sql") if isinstance(task.reference, dict) else None
        if not isinstance(script, str) or episode is None:
            return unscored(task.reference, '{"sql": script}, with a state to judge')
        async with clean.episode(task) as room:
            ran = await room.step(Action(kind=task.environment, text=script))
            wanted = await room.step(Action(kind="dump", text=""))
        if ran.status != "ok" or wanted.status != "ok" or _state(wanted)["in_transaction"]:
            evidence = f"the reference does not run: {excerpt(ran.text or wanted.text)}"
            return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=evidence),))
        found = await episode.step(Action(kind="dump", text=""))
        if found.status != "ok":
            status: Literal["timeout", "fail"] = "timeout" if found.status == "timeout" else "fail"
            return Verdict(status=status, reward=0.0, checks=(Check(id="tables", status=status, evidence=excerpt(found.text)),))
        same = _state(found) == _state(wanted)
        check = Check(id="tables", status="pass" if same else "fail", measured=str(_state(found)["digest"])[:16])
        return Verdict(status=check.status, reward=1.0 if same else 0.0, checks=(check,))

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was run: the tables are judged, not the answer."""
        return bool(outputs)


@dataclass(frozen=True, slots=True)
class _Table:
    """What a query gave."""

    columns: tuple[str, ...]
    rows: list[Row]
    truncated: bool
    reads: bool


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the answer must give."""

    rows: list[Row]
    groups: list[int]
    reads: bool


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where queries run: each on a fresh read-only database, the task's own or, from seed 1 on, one with fewer rows."""

    task: Task
    clean: CleanRoom
    seed: int

    async def ask(self, query: str) -> _Table | Observation:
        """What the query gives, or how it ended otherwise."""
        config: dict[str, Json] = {"writable": False, "output_chars": _VALUE_CHARS}
        async with self.clean.episode(replace(self.task, environment_config=self.task.environment_config | config)) as room:
            if self.seed:
                await room.step(Action(kind="thin", text=str(self.seed)))
            seen = await room.step(Action(kind="rows", text=query))
        if seen.status != "ok":
            return seen
        found = json.loads(seen.value or "")
        return _Table(tuple(found["columns"]), [row_of(row) for row in found["rows"]], found["truncated"], found["reads"])


async def _expected(reference: dict[str, Json], bench: _Bench) -> _Expected | str:
    """What the reference gives; a text says why it gives nothing that can be compared with."""
    stored, sql = _rows(reference.get("rows")), reference.get("sql")
    if not isinstance(sql, str):
        rows = stored or []
        return _Expected(rows, [1] * len(rows) if reference.get("ordered") is True else [len(rows)], reads=True)
    found = await bench.ask(sql)
    if isinstance(found, Observation):
        return f"the reference does not run: {excerpt(found.text)}"
    if found.truncated:
        return f"the reference gives more than {len(found.rows)} rows, which is too much to compare"
    order = outer_order(sql)
    groups = [len(found.rows)] if order is None else await _groups(sql, order, found, bench)
    return _Expected(found.rows, groups, found.reads)


async def _groups(sql: str, order: Order, found: _Table, bench: _Bench) -> list[int]:
    """How many consecutive rows are equal in all that they are sorted by; each row alone where that cannot be told.

    What is sorted by and not shown is had from the reference with these terms as further results. If its rows are then others
    (DISTINCT, UNION), nothing is concluded from them.
    """
    places = [_column(term, found.columns) for term in order.terms]
    hidden = [term for term, place in zip(order.terms, places, strict=True) if place is None]
    rows, width = found.rows, len(found.columns)
    if hidden:
        wider = with_results(sql, order, hidden)
        shown = None if wider is None else await bench.ask(wider)
        if not isinstance(shown, _Table) or [row[:width] for row in shown.rows] != rows:
            return [1] * len(rows)
        rows = shown.rows
    hidden_places = iter(range(width, width + len(hidden)))
    key = [next(hidden_places) if place is None else place for place in places]
    return [len(list(group)) for _, group in groupby(rows, key=lambda row: [row[place] for place in key])]


def _column(term: str, columns: Sequence[str]) -> int | None:
    """The column of the result that a term of an ORDER BY means, by number or name; None if it is an expression."""
    if term.isdecimal() and 1 <= int(term) <= len(columns):
        return int(term) - 1
    name = name_of(term)
    named = [place for place, column in enumerate(columns) if column.casefold() == name]
    return named[0] if len(named) == 1 else None


def _rows(value: Json) -> list[Row] | None:
    if not isinstance(value, list):
        return None
    found = [row_of(row) for row in value if isinstance(row, list)]
    return found if len(found) == len(value) else None


def _state(seen: Observation) -> dict[str, Json]:
    found: dict[str, Json] = json.loads(seen.value or "")
    return found
