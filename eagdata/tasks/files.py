"""Tasks from the user's own files: JSON lines (`.gz` or not) and Parquet, one task a row."""

from __future__ import annotations

import glob
import gzip
import json
import logging
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from string import Formatter
from typing import Literal, Never

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Json, Task, canonical

_LOG = logging.getLogger(__name__)
_REPORTED = 20
_FIELDS = (
    "id",
    "question",
    "answer",
    "reference",
    "family",
    "source",
    "license",
    "split",
    "difficulty",
    "environment_config",
    "verifier_config",
)
_RULES: tuple[tuple[frozenset[str], Callable[[Json], bool], str], ...] = (
    (frozenset({"question"}), lambda value: isinstance(value, str) and bool(value.strip()), "a text that is not empty"),
    (frozenset({"family", "source", "license", "split"}), lambda value: isinstance(value, str), "a text"),
    (frozenset({"id"}), lambda value: type(value) is int or (type(value) is str and value != ""), "a text or a whole number"),
    (frozenset({"difficulty"}), lambda value: type(value) in (int, float), "a number"),
    (frozenset({"environment_config", "verifier_config"}), lambda value: isinstance(value, dict), "an object"),
    (frozenset({"answer", "reference"}), lambda value: value is not None, "given"),
)
"""Task fields, and what a column must hold to become one."""


@settings
class FileSettings:
    """What `jsonl` and `parquet` have in common."""

    path: str
    """File, or pattern such as data/*.jsonl; files are read in the order of their names."""
    fields: dict[str, str] = field(default_factory=lambda: {"question": "question", "answer": "answer"})
    """Task field -> column of the row. A value with braces is a template ("{question}\\n{options}"), one that begins with "=" is
    the text after it. Task fields: id, question, answer, reference (none: the answer), family, source, license, split,
    difficulty, environment_config, verifier_config."""
    answer_transform: Literal["none", "after_hashes"] = "none"
    """`after_hashes`: the answer is what follows the last "####", as in GSM8K; an answer without hashes stays as it is."""
    verifier: str = "number"
    """Name of the verifier that judges the answers."""
    verifier_config: dict[str, Json] = field(default_factory=dict)
    """Settings of the verifier."""
    environment: str = "python"
    """Name of the environment."""
    environment_config: dict[str, Json] = field(default_factory=dict)
    """Settings of the environment for each task; a row's own `environment_config` wins key by key."""
    source: str = ""
    """Where the tasks come from, for the rows; none: the file's name."""
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
        unknown = sorted(set(self.fields) - set(_FIELDS))
        if unknown:
            raise ValueError(f"fields names {unknown[0]!r}; task fields are {', '.join(_FIELDS)}")
        if "question" not in self.fields:
            raise ValueError("fields must say where the question is")
        for wanted in self.fields.values():
            _template(wanted)
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise ValueError("offset and limit must not be negative")


class JsonlTasks:
    """Tasks from JSON lines."""

    Config = FileSettings

    def __init__(self, config: FileSettings) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        return _tasks(self._config, _json_rows, n=n, seed=seed)


class ParquetTasks:
    """Tasks from Parquet files, read batch by batch."""

    Config = FileSettings

    def __init__(self, config: FileSettings) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        return _tasks(self._config, _parquet_rows, n=n, seed=seed)


class _BadRow(ValueError):
    """Why a row makes no task."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that was found, not yet read."""

    path: Path
    number: int
    raw: bytes | Mapping[str, object]

    @property
    def place(self) -> str:
        return f"{self.path}:{self.number}"


def _tasks(config: FileSettings, rows_of: Callable[[Path, FileSettings], Iterator[_Row]], *, n: int | None, seed: int) -> Iterator[Task]:
    """At most `n` tasks. The first bad row ends them: it is reported with further ones among the rows that would have followed."""
    rows = (row for path in _paths(config.path) for row in rows_of(path, config))
    if config.shuffle:
        shuffled = list(rows)
        random.Random(seed).shuffle(shuffled)
        rows = (row for row in shuffled)
    stop = None if config.limit is None else config.offset + config.limit
    used: dict[str, str] = {}
    made = 0
    wanted = islice(rows, config.offset, stop)
    for row in wanted:
        if made == n:
            return
        try:
            task = _task(row, config, used)
        except _BadRow as error:
            if config.on_bad_row == "stop":
                _report(config, [f"{row.place}: {error}"], wanted, used)
            _LOG.warning("left out %s: %s", row.place, error)
            continue
        made += 1
        yield task
    if not made:
        raise RecipeError(
            f"{config.path} holds no task", why="no row is left to use", mend="check tasks.path, tasks.offset and tasks.limit"
        )


def _report(config: FileSettings, problems: list[str], rest: Iterator[_Row], used: dict[str, str]) -> Never:
    for row in rest:
        if len(problems) == _REPORTED:
            break
        try:
            _task(row, config, used)
        except _BadRow as error:
            problems.append(f"{row.place}: {error}")
    more = ", perhaps more" if len(problems) == _REPORTED else ""
    noun = "row makes" if len(problems) == 1 else "rows make"
    mend = "mend the rows, or tasks.fields; or leave such rows out with --set tasks.on_bad_row=skip"
    raise RecipeError(f"{len(problems)} {noun} no task{more}", why="\n".join(problems), mend=mend)


def _task(row: _Row, config: FileSettings, used: dict[str, str]) -> Task:
    """Raises: _BadRow."""
    columns = _columns(row.raw)
    values = {name: _value(columns, name, wanted) for name, wanted in config.fields.items()}
    answer = _transformed(values.get("answer"), config.answer_transform)
    task_id = str(values.get("id", f"{row.path.name.split('.')[0]}-{row.number:05d}"))
    if other := used.get(task_id):
        raise _BadRow(f"id {task_id!r} is that of {other} too")
    used[task_id] = row.place
    difficulty = values.get("difficulty")
    return Task(
        id=task_id,
        question=str(values["question"]),
        verifier=config.verifier,
        verifier_config=config.verifier_config | _mapping(values.get("verifier_config")),
        reference=values.get("reference", answer),
        answer=answer if answer is None or isinstance(answer, str) else canonical(answer),
        environment=config.environment,
        environment_config=config.environment_config | _mapping(values.get("environment_config")),
        family=str(values.get("family", "")),
        split=str(values.get("split", config.split)),
        source=str(values.get("source", config.source or row.path.name)),
        license=str(values["license"]) if "license" in values else config.license,
        difficulty=float(difficulty) if isinstance(difficulty, int | float) else None,
    )


def _columns(raw: bytes | Mapping[str, object]) -> Mapping[str, object]:
    if not isinstance(raw, bytes):
        return raw
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _BadRow(f"not UTF-8: byte {error.start + 1} is {raw[error.start]:#04x}") from error
    except (ValueError, RecursionError) as error:
        raise _BadRow(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _BadRow(f"not a JSON object but {type(value).__name__}")
    return value


def _value(columns: Mapping[str, object], name: str, wanted: str) -> Json:
    """The value of a task field. Raises: _BadRow."""
    if wanted.startswith("="):
        return wanted[1:]
    if "{" in wanted:
        return "".join(text + (_shown(_column(columns, name, key)) if key else "") for text, key in _template(wanted))
    value = _column(columns, name, wanted)
    needed = next((said for names, fits, said in _RULES if name in names and not fits(value)), None)
    if needed:
        raise _BadRow(f"field {wanted!r} ({name}) is {_short(value)}, must be {needed}")
    return value


def _template(text: str) -> list[tuple[str, str]]:
    """Literal text and the column after it (empty at the end). Raises: ValueError for a brace that is not closed."""
    return [(literal, key or "") for literal, key, _, _ in Formatter().parse(text)]


def _column(columns: Mapping[str, object], name: str, key: str) -> Json:
    if key not in columns:
        raise _BadRow(f"field {key!r} ({name}) is missing; the row has {', '.join(map(repr, columns)) or 'none'}")
    return _json(columns[key], key)


def _json(value: object, key: str) -> Json:
    """The value as JSON that every later stage can hold. Raises: _BadRow for dates, bytes, lone surrogates and the like."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _BadRow(f"field {key!r} holds a lone surrogate, which is no Unicode text") from error
        return value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    if isinstance(value, list):
        return [_json(item, key) for item in value]
    if isinstance(value, dict):
        return {str(_json(str(inner), key)): _json(item, key) for inner, item in value.items()}
    raise _BadRow(f"field {key!r} is {_short(value)} ({type(value).__name__}), which is no JSON value")


def _transformed(answer: Json, transform: str) -> Json:
    if transform == "none" or answer is None:
        return answer
    if not isinstance(answer, str) or "####" not in answer:
        return answer
    after = answer.rpartition("####")[2]
    if not after.strip():
        raise _BadRow(f"the answer has nothing after its '####': {_short(answer)}")
    return after.strip()


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _shown(value: Json) -> str:
    """A value inside a template: lists one element a line."""
    if isinstance(value, list):
        return "\n".join(map(_shown, value))
    return value if isinstance(value, str) else canonical(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + " …"


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _paths(pattern: str) -> list[Path]:
    found = [pattern] if Path(pattern).is_file() else sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
    if not found:
        raise RecipeError(
            f"no file {pattern!r}", why="tasks.path is neither a file nor a pattern that matches one", mend="check tasks.path"
        )
    return [Path(path) for path in found]


def _json_rows(path: Path, config: FileSettings) -> Iterator[_Row]:
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _Row(path, number, line)
    except (OSError, EOFError, zlib.error) as error:
        raise RecipeError(f"cannot read {path}", why=str(error), mend="check tasks.path; a .gz file may be cut off") from error


def _parquet_rows(path: Path, config: FileSettings) -> Iterator[_Row]:
    """Rows, numbered from 1, with the columns that are used."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            used = [name for name in file.schema_arrow.names if any(_uses(wanted, name) for wanted in config.fields.values())]
            number = 0
            for batch in file.iter_batches(batch_size=1024, columns=used):
                for row in batch.to_pylist():
                    number += 1
                    yield _Row(path, number, row)
    except (OSError, pa.ArrowException) as error:
        raise RecipeError(f"cannot read {path}", why=str(error), mend="check tasks.path: it must be a whole Parquet file") from error


def _uses(wanted: str, column: str) -> bool:
    if wanted.startswith("="):
        return False
    return wanted == column or any(key == column for _, key in _template(wanted))
