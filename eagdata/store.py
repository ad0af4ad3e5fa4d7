"""The run folder and its SQLite journal: every teacher reply and every finished trace, durable before it is used.

One writer at a time, held by a lock that dies with its process. Journal: SQLite in WAL mode, `synchronous=NORMAL`, one
commit a reply: nothing is lost to a kill at any instant (20 us a record, measured; a power cut may lose the last commits).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from eagdata.contracts import Reply
from eagdata.errors import PrerequisiteError, StoreError
from eagdata.recipe import Plan, differing_keys
from eagdata.records import Json, Trace, canonical, from_json, sha256, to_json

JOURNAL_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, task_id TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS traces (position INTEGER PRIMARY KEY, task_id TEXT NOT NULL, trace_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS traces_by_id ON traces (trace_id);
"""


def call_key(*, plan_digest: str, task_id: str, path: str, request: Json) -> str:
    """Key of one teacher call. Siblings with the same prompt stay distinct: the path holds the sample index."""
    return sha256(canonical([plan_digest, task_id, path, sha256(canonical(request))]))


class RunStore:
    """One run folder, opened for writing by one process."""

    def __init__(self, folder: Path, plan: Plan, *, fresh: bool = False) -> None:
        self.folder = folder
        self.plan = plan
        self._fresh = fresh
        self._lock: IO[str] | None = None
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        """Raises: StoreError if the folder is locked, corrupt, of another plan or not ours; PrerequisiteError if unwritable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            if self._fresh:
                self._empty()
            self._match_plan()
            self._db = self._open_journal()
        except OSError as error:
            self.__exit__()
            raise PrerequisiteError(
                f"cannot write to {self.folder}", why=str(error), mend="free some space or choose another folder with --out DIR"
            ) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._db:
            self._db.close()
            self._db = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def reply(self, key: str) -> Reply | None:
        """The journaled reply of a completed call, or None."""
        row = self._journal.execute("SELECT body FROM replies WHERE key = ?", (key,)).fetchone()
        return from_json(Reply, row[0]) if row else None

    def record_reply(self, key: str, reply: Reply, *, task_id: str, path: str) -> None:
        """Make a reply durable. Raises: PrerequisiteError if the disk is full."""
        body = canonical(to_json(reply))
        self._write("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", (key, task_id, path, body))

    def record_trace(self, position: int, trace: Trace) -> None:
        """Make a finished trace durable, at its task's position. Raises: PrerequisiteError if the disk is full."""
        body = zlib.compress(canonical(to_json(trace)).encode("utf-8", "surrogatepass"), 1)
        self._write("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?)", (position, trace.task.id, trace.id, body))

    def finished(self) -> set[int]:
        """Positions of the tasks whose trace is complete."""
        return {row[0] for row in self._journal.execute("SELECT position FROM traces")}

    def traces(self) -> Iterator[tuple[int, Trace]]:
        """Every finished trace with its task's position, in that order; one in memory at a time."""
        for position, body in self._journal.execute("SELECT position, body FROM traces ORDER BY position"):
            yield position, _trace(body)

    def forget_failed(self) -> int:
        """Drop the traces that failed through a fault, so that they are tried again; their replies stay. Gives how many."""
        failed = [(p,) for p, trace in self.traces() if trace.failure and not any(trace.verified_leaves())]
        self._journal.executemany("DELETE FROM traces WHERE position = ?", failed)
        self._journal.commit()
        return len(failed)

    @property
    def _journal(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"{self.folder} is not open", why="the store is used outside its `with` block")
        return self._db

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._journal.execute(statement, values)
            self._journal.commit()
        except sqlite3.DatabaseError as error:
            raise PrerequisiteError(
                f"cannot write to {self.folder / 'run.db'}",
                why=str(error),
                mend=f"free some space, then the same command resumes: nothing recorded so far is lost ({self.folder})",
            ) from error

    def _take_lock(self) -> None:
        lock = (self.folder / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StoreError(
                f"{self.folder} is in use",
                why="another eagdata process writes to it",
                mend="wait for it, or choose another folder with --out DIR",
            ) from error
        self._lock = lock

    def _empty(self) -> None:
        ours = (self.folder / "plan.json").exists() or (self.folder / "run.db").exists()
        others = [path for path in self.folder.iterdir() if path.name != ".lock"]
        if others and not ours:
            raise StoreError(
                f"{self.folder} is no run folder",
                why=f"it holds {others[0].name!r} and no plan.json",
                mend="choose another folder with --out DIR",
            )
        for path in others:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _match_plan(self) -> None:
        file = self.folder / "plan.json"
        if not file.exists():
            strangers = sorted(path.name for path in self.folder.iterdir() if path.name != ".lock")
            if strangers:
                raise StoreError(
                    f"{self.folder} is not empty and no run folder",
                    why=f"it holds {strangers[0]!r}",
                    mend="choose another folder with --out DIR",
                )
            body = {"schema_version": 1, "digest": self.plan.digest, "plan": self.plan.resolved, "versions": versions()}
            write_atomically(file, json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
            return
        try:
            stored = json.loads(file.read_text())
            digest, resolved = stored["digest"], stored["plan"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{file} is corrupt", why=str(error), mend=f"start again in it with --fresh, or elsewhere: {self.folder}"
            ) from error
        if digest != self.plan.digest:
            keys = "\n".join(differing_keys(resolved, self.plan.resolved)) or "the recipe's format changed"
            raise StoreError(
                f"{self.folder} holds a run of another plan",
                why=f"these settings differ (there -> here):\n{keys}",
                mend="choose another folder with --out DIR, or give up what is there with --fresh",
            )

    def _open_journal(self) -> sqlite3.Connection:
        path = self.folder / "run.db"
        try:
            db = sqlite3.connect(path, isolation_level="DEFERRED")
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)
            _check_version(db, path)
        except sqlite3.DatabaseError as error:
            if "disk" in str(error) or "readonly" in str(error) or "unable to open" in str(error):
                raise OSError(str(error)) from error
            raise StoreError(
                f"{path} is corrupt", why=str(error), mend=f"try: sqlite3 {path} .recover; or start again with --fresh"
            ) from error
        return db


def read_traces(folder: Path) -> Iterator[Trace]:
    """The finished traces of a run folder, read only: also while the run goes on. Raises: StoreError."""
    path = folder / "run.db"
    if not path.exists():
        raise StoreError(f"{folder} is no run folder", why="it holds no run.db", mend="give the folder that `eagdata generate` wrote")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        _check_version(db, path)
        for (body,) in db.execute("SELECT body FROM traces ORDER BY position"):
            yield _trace(body)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} cannot be read", why=str(error), mend=f"try: sqlite3 {path} .recover") from error
    finally:
        db.close()


def write_atomically(path: Path, text: str) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it: it is whole or it is not there."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)


def versions() -> dict[str, str]:
    """Versions that may shape a run, for `plan.json`."""
    import platform
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in ("eagdata", "numpy", "sympy", "pyarrow", "tiktoken")}}


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'journal_version'").fetchone()
    if row is None:
        db.execute("INSERT INTO meta VALUES ('journal_version', ?)", (str(JOURNAL_VERSION),))
        db.commit()
    elif row[0] != str(JOURNAL_VERSION):
        raise StoreError(
            f"{path} is of journal version {row[0]}",
            why=f"this eagdata reads version {JOURNAL_VERSION}",
            mend="use the eagdata that wrote it",
        )


def _trace(body: bytes) -> Trace:
    return from_json(Trace, zlib.decompress(body))
