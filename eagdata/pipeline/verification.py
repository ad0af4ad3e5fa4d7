"""Rows to verdicts: every row of a dataset re-executed from the Parquet alone, in fresh sandboxes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import cast

from eagdata.contracts import CleanRoom, Environment, Verifier
from eagdata.errors import BoundaryError, RecipeError, Stopped
from eagdata.events import Emit, Notice, StageStarted, TraceFinished, ignore
from eagdata.exporters.trajectories import Recorded, read_trajectory
from eagdata.pipeline.building import configured, verifier_of
from eagdata.pipeline.rooms import Environments, Rooms
from eagdata.records import Json, Verdict, canonical
from eagdata.verifiers.replay import prove

AT_ONCE = 8
UNSCORED = "unscored"
_COLUMNS = ("id", "task", "task_key", "turns", "messages", "final_answer", "subset", "verdict", "linearization")


@dataclass
class Report:
    """What a verification found."""

    rows: int = 0
    verified: int = 0
    differing: dict[str, str] = field(default_factory=dict)
    """Row id -> what differs."""
    faults: dict[str, str] = field(default_factory=dict)
    """Row id -> why it could not be executed here: no word on the row."""
    actions: int = 0
    unjudged: dict[str, str] = field(default_factory=dict)
    """Row id -> why it was re-executed alike and yet not verified. Only rows that claim no verdict, as imported ones do."""
    unexecuted: dict[str, str] = field(default_factory=dict)
    """Row id -> the tool that it calls and that no environment of ours has: nothing of it was executed, no word on the row."""

    @property
    def exit_code(self) -> int:
        return 1 if self.differing else 4 if self.faults else 0

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "schema_version": 1,
            "rows": self.rows,
            "verified": self.verified,
            "actions": self.actions,
            "differing": [{"id": key, "difference": value} for key, value in self.differing.items()],
            "faults": [{"id": key, "why": value} for key, value in self.faults.items()],
            "unjudged": [{"id": key, "why": value} for key, value in self.unjudged.items()],
            "unexecuted": [{"id": key, "tool": value} for key, value in self.unexecuted.items()],
        }


async def verify(
    data: Sequence[Path], *, n: int | None = None, runs: int = 1, emit: Emit = ignore, stopping: asyncio.Event | None = None
) -> Report:
    """Re-execute the rows of Parquet files or folders, `runs` times each; at most the first `n`.

    Raises: RecipeError for data that is not ours; PrerequisiteError if the sandbox is too weak; Stopped.
    """
    report, made = Report(), dict[str, Verifier]()
    queue = islice(_rows(data), n)
    emit(StageStarted("rows", n))
    languages: dict[str, str] = {}
    async with Environments() as environments:

        async def work() -> None:
            for row in queue:
                if stopping and stopping.is_set():
                    return
                recorded = read_trajectory(row)
                if tool := _foreign_tool(recorded, languages):
                    _leave(recorded, tool, report)
                    continue
                clean, verifier = Rooms(environments, recorded.environment), verifier_of(recorded.task, made)
                await _check(recorded, clean, verifier, runs=runs, report=report)
                known = recorded.id in report.differing
                emit(TraceFinished(recorded.task.id, "rejected" if known else "kept", "differs" if known else None, 0, 1, 0.0))

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if stopping and stopping.is_set():
        raise Stopped("interrupted", why=f"{report.rows} rows were looked at, {len(report.differing)} of them differ")
    if not report.rows:
        raise RecipeError(
            "there are no rows to verify", why=f"{', '.join(map(str, data))} holds none", mend="give `data/trajectories` of a run"
        )
    for text in _notices(report):
        emit(Notice(text))
    return report


def _notices(report: Report) -> Iterator[str]:
    for why, count in Counter(report.unjudged.values()).items():
        yield f"{count} rows claim no verdict and cannot be given one ({why}): they were re-executed, and nothing more is known of them"
    for tool, count in Counter(report.unexecuted.values()).items():
        yield f"{count} rows call {tool!r}, which no environment here has: nothing of them was executed"


def _foreign_tool(recorded: Recorded, languages: dict[str, str]) -> str | None:
    """The first tool that a row calls and its environment is not; in rows of ours there is none."""
    key = canonical(recorded.environment)
    if key not in languages:
        settings = {name: value for name, value in recorded.environment.items() if name != "kind"}
        languages[key] = cast("Environment", configured("environments", str(recorded.environment["kind"]), settings)).language
    return next((step.action.kind for step in recorded.steps if step.action.kind != languages[key]), None)


def _leave(recorded: Recorded, tool: str, report: Report) -> None:
    report.rows += 1
    if recorded.inconsistent:
        report.differing[recorded.id] = recorded.inconsistent
    else:
        report.unexecuted[recorded.id] = tool


async def _check(recorded: Recorded, clean: CleanRoom, verifier: Verifier, *, runs: int, report: Report) -> None:
    report.rows += 1
    report.actions += len(recorded.steps) * runs
    try:
        proof = await prove(recorded.task, recorded.steps, recorded.final_answer, clean=clean, verifier=verifier, runs=runs)
    except BoundaryError as error:
        report.faults[recorded.id] = str(error)
        return
    if proof.difference or recorded.inconsistent:
        report.differing[recorded.id] = "; ".join(filter(None, (proof.difference, recorded.inconsistent)))
    elif recorded.verdict == UNSCORED and (why := _unjudged(recorded, proof.verdict)):
        report.unjudged[recorded.id] = why
    elif not proof.verdict.passed:
        report.differing[recorded.id] = f"the answer {recorded.final_answer!r} does not pass: {proof.verdict.status}"
    else:
        report.verified += 1


def _unjudged(recorded: Recorded, verdict: Verdict) -> str | None:
    """Why there is no verdict; None if there is one. A row of ours claims that it passed, and must."""
    if recorded.task.reference is None and verdict.status != "pass":
        return "there is no reference answer"
    if recorded.final_answer is None:
        return "no final answer is marked"
    return "the verifier cannot read the reference" if verdict.status == UNSCORED else None


def _rows(data: Sequence[Path]) -> Iterator[Mapping[str, object]]:
    for path in data:
        for file in _files(path):
            yield from _rows_of(file)


def _rows_of(file: Path) -> Iterator[Mapping[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        missing = [column for column in _COLUMNS if column not in parquet.schema_arrow.names]
        if missing:
            raise RecipeError(
                f"{file} holds no trajectories", why=f"it lacks the columns {', '.join(missing)}", mend="give `data/trajectories` of a run"
            )
        for batch in parquet.iter_batches(batch_size=256, columns=list(_COLUMNS)):
            yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RecipeError(f"cannot read {file}", why=str(error), mend="give Parquet files that eagdata wrote") from error


def _files(path: Path) -> list[Path]:
    """Parquet files of a file, a folder, or a run folder."""
    trajectories = path / "data" / "trajectories"
    folder = trajectories if trajectories.is_dir() else path
    found = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [path] if path.is_file() else []
    if not found:
        raise RecipeError(f"no Parquet data at {path}", why="it is no file, and no folder with *.parquet in it", mend="check the path")
    return found
