"""Rows become tasks: what all sources of rows have in common, whether they read files or the Hub."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Never

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Json, Task, canonical
from eagdata.tasks.mapping import Absent, check, made, short

_LOG = logging.getLogger(__name__)
_REPORTED = 20
_Rule = tuple[Callable[[Json], bool], str]
_TEXT: _Rule = (lambda value: isinstance(value, str), "a text")
_OBJECT: _Rule = (lambda value: isinstance(value, dict), "an object")
_GIVEN: _Rule = (lambda value: value is not None, "given")
_FULL: _Rule = (lambda value: isinstance(value, str) and bool(value.strip()), "a text that is not empty")
_RULES: Mapping[str, _Rule] = {
    "id": (lambda value: type(value) is int or (type(value) is str and value != ""), "a text or a whole number"),
    "question": _FULL,
    "answer": _GIVEN,
    "reference": _GIVEN,
    "solution": _FULL,
    "family": _TEXT,
    "source": _TEXT,
    "license": _TEXT,
    "split": _TEXT,
    "difficulty": (lambda value: type(value) in (int, float), "a number"),
    "environment_config": _OBJECT,
    "verifier_config": _OBJECT,
    "metadata": _OBJECT,
}
"""Task fields, and what a row must give to become one."""


@settings
class RowSettings:
    """How rows become tasks."""

    fields: dict[str, Json] = field(default_factory=lambda: {"question": "question", "answer": "answer"})
    """Task field -> column of the row, or a path into it (metadata.level); "solution | boxed" puts it through a transform
    (after_hashes, boxed, json, letter, lettered, numbers), "{question}\\n{options}" is a template, "=text" is the text itself, "?" after
    a path allows it to be missing, and objects and lists of these nest. Task fields: id, question, answer, reference (none: the
    answer), solution, family, source, license, split, difficulty, environment_config, verifier_config, metadata."""
    verifier: str = "number"
    """Name of the verifier that judges the answers."""
    verifier_config: dict[str, Json] = field(default_factory=dict)
    """Settings of the verifier; a row's own `verifier_config` wins key by key."""
    environment: str = "python"
    """Name of the environment."""
    environment_config: dict[str, Json] = field(default_factory=dict)
    """Settings of the environment for each task; a row's own `environment_config` wins key by key."""
    source: str = ""
    """Where the tasks come from, for the rows; none: the file's name, or the dataset and its revision."""
    license: str | None = None
    """Licence of the tasks; it goes into the rows and the card."""
    split: str = "train"
    """Split that the tasks belong to."""
    offset: int = 0
    """Rows to leave out at the start, after shuffling."""
    limit: int | None = None
    """Rows to use at most, after those."""
    shuffle: bool = False
    """Take the rows in an order drawn from the run's seed; all of them are then held in memory."""
    on_bad_row: Literal["stop", "skip"] = "stop"
    """What to do with a row that makes no task: report it and its like, or leave it out."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.fields) - set(_RULES))
        if unknown:
            raise ValueError(f"fields names {unknown[0]!r}; task fields are {', '.join(_RULES)}")
        if "question" not in self.fields:
            raise ValueError("fields must say where the question is")
        for name, spec in self.fields.items():
            try:
                check(spec)
            except ValueError as error:
                raise ValueError(f"fields.{name}: {error}") from error
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise ValueError("offset and limit must not be negative")


class BadRow(ValueError):
    """Why a row makes no task."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was found, perhaps not yet read."""

    place: str
    """Where it stands, for people: `data/a.jsonl:3`."""
    id: str
    """Id of its task, unless the row has its own."""
    source: str
    """Where it comes from, unless row or recipe say so."""
    columns: Callable[[], Mapping[str, object]]
    """Reads it. Raises: BadRow."""


def tasks_of(rows: Iterator[Row], config: RowSettings, *, n: int | None, seed: int, origin: str) -> Iterator[Task]:
    """At most `n` tasks. The first bad row ends them: it is reported with further ones among the rows that would have followed.

    Raises: RecipeError if rows make no task, or there is none; `origin` names where they were looked for.
    """
    if config.shuffle:
        shuffled = list(rows)
        random.Random(seed).shuffle(shuffled)
        rows = iter(shuffled)
    stop = None if config.limit is None else config.offset + config.limit
    used: dict[str, str] = {}
    count = 0
    wanted = islice(rows, config.offset, stop)
    for row in wanted:
        if count == n:
            return
        try:
            task = _task(row, config, used)
        except BadRow as error:
            if config.on_bad_row == "stop":
                _report(config, [f"{row.place}: {error}"], wanted, used)
            _LOG.warning("left out %s: %s", row.place, error)
            continue
        count += 1
        yield task
    if not count:
        raise RecipeError(f"{origin} holds no task", why="no row is left to use", mend="check tasks.path, tasks.offset and tasks.limit")


def _report(config: RowSettings, problems: list[str], rest: Iterator[Row], used: dict[str, str]) -> Never:
    for row in rest:
        if len(problems) == _REPORTED:
            break
        try:
            _task(row, config, used)
        except BadRow as error:
            problems.append(f"{row.place}: {error}")
    more = ", perhaps more" if len(problems) == _REPORTED else ""
    noun = "row makes" if len(problems) == 1 else "rows make"
    mend = "mend the rows, or tasks.fields; or leave such rows out with --set tasks.on_bad_row=skip"
    raise RecipeError(f"{len(problems)} {noun} no task{more}", why="\n".join(problems), mend=mend)


def _task(row: Row, config: RowSettings, used: dict[str, str]) -> Task:
    """Raises: BadRow."""
    values = _values(row.columns(), config.fields)
    task_id = str(values.get("id", row.id))
    if other := used.get(task_id):
        raise BadRow(f"id {task_id!r} is that of {other} too")
    used[task_id] = row.place
    answer, difficulty = values.get("answer"), values.get("difficulty")
    return Task(
        id=task_id,
        question=str(values["question"]),
        verifier=config.verifier,
        verifier_config=config.verifier_config | _object(values.get("verifier_config")),
        reference=values.get("reference", answer),
        answer=answer if answer is None or isinstance(answer, str) else canonical(answer),
        solution=str(values["solution"]) if "solution" in values else None,
        environment=config.environment,
        environment_config=config.environment_config | _object(values.get("environment_config")),
        family=str(values.get("family", "")),
        split=str(values.get("split", config.split)),
        source=str(values.get("source", config.source or row.source)),
        license=str(values["license"]) if "license" in values else config.license,
        difficulty=float(difficulty) if isinstance(difficulty, int | float) else None,
        metadata=_object(values.get("metadata")),
    )


def _values(columns: Mapping[str, object], fields: Mapping[str, Json]) -> dict[str, Json]:
    """What the row gives for each task field that it has. Raises: BadRow."""
    values: dict[str, Json] = {}
    for name, spec in fields.items():
        try:
            value = made(spec, columns)
        except ValueError as error:
            raise BadRow(f"{name}: {error}") from error
        fits, needed = _RULES[name]
        if isinstance(value, Absent):
            if name == "question":
                raise BadRow(f"question: {spec!r} gives nothing, must be {needed}")
        elif not fits(value):
            raise BadRow(f"{name}: {spec!r} gives {short(value)}, must be {needed}")
        else:
            values[name] = value
    return values


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
