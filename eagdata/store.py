"""The run folder: its lock, its plan, and what its journal holds: every teacher reply, every finished trace, every try that may be billed.

One writer at a time, held by a lock that dies with its process. A reply is durable before it is used; see `journal.py` for what
that withstands.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import fields
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import IO, Self, TypeVar

import orjson
import xxhash

from eagdata.contracts import Reply, Request
from eagdata.errors import PrerequisiteError, StoreError
from eagdata.journal import Journal, reading
from eagdata.plan import Plan, differing_keys
from eagdata.records import Message, Trace, Usage, from_json, to_json, well_formed

JOURNAL = "run.db"
JOURNAL_VERSION = 2
# A reply's key has no index: keys are random, and keeping them in order while the run writes takes twice the time of writing.
_TABLES = """
CREATE TABLE IF NOT EXISTS replies (
  number INTEGER PRIMARY KEY, key TEXT NOT NULL, task_id TEXT NOT NULL, path TEXT NOT NULL,
  calls INTEGER NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, cost_usd REAL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS traces (
  position INTEGER PRIMARY KEY, task_id TEXT NOT NULL, unfinished INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tries (
  number INTEGER PRIMARY KEY, key TEXT NOT NULL, task_id TEXT NOT NULL, path TEXT NOT NULL,
  prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, cost_usd REAL, why TEXT);
"""
_REPLY = "INSERT INTO replies VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRACE = "INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?)"
_TRY = "INSERT INTO tries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_END_TRY = "DELETE FROM tries WHERE number = ?"
_LOSE_TRY = "UPDATE tries SET why = ? WHERE number = ?"
_KNOWN = (
    "CREATE TEMP TABLE known (key TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT OR IGNORE INTO known SELECT key, number FROM replies ORDER BY key, number",
)
# Whole pico-USD add up exactly, to 9,007 USD; fractions of a dollar in binary do not.
_SPENT = """
SELECT SUM(calls), {prompt_tokens}, {completion_tokens}, {cached_tokens}, {pico_usd} / 1e12 FROM (
  SELECT calls, prompt_tokens, completion_tokens, cached_tokens, ROUND(cost_usd * 1e12) AS pico_usd FROM replies
    WHERE calls > 0 UNION ALL
  SELECT 1, prompt_tokens, completion_tokens, cached_tokens, ROUND(cost_usd * 1e12) FROM tries)
""".format_map({part: f"CASE WHEN COUNT({part}) = COUNT(*) THEN SUM({part}) END" for part in
                ("prompt_tokens", "completion_tokens", "cached_tokens", "pico_usd")})  # fmt: skip
_of_message = attrgetter(*(field.name for field in fields(Message)))
_of_request = attrgetter(*(field.name for field in fields(Request) if field.name != "messages"))
R = TypeVar("R")


def call_key(*, plan_digest: str, task_id: str, path: str, request: Request) -> str:
    """Key of one teacher call: a digest of all that shapes it. Siblings with the same prompt stay distinct by sample and seed.

    Not cryptographic, as nobody gains by two requests of one task with one key: XXH3, 128 bits.
    25 us for 100 messages of 500 bytes, against 65 us with SHA-256.
    """
    asked = (plan_digest, task_id, path, _of_request(request), [_of_message(message) for message in request.messages])
    return xxhash.xxh3_128_hexdigest(_json(asked))


class RunStore:
    """One run folder, opened for writing by one process."""

    def __init__(self, folder: Path, plan: Plan, *, fresh: bool = False) -> None:
        self.folder = folder
        self.plan = plan
        self._fresh = fresh
        self._lock: IO[str] | None = None
        self._opened: Journal | None = None
        self._resumed = False
        self._numbers = count(1)

    def __enter__(self) -> Self:
        """Raises: StoreError if the folder is locked, corrupt, of another plan or not ours; PrerequisiteError if unwritable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            if self._fresh:
                self._empty()
            self._match_plan()
            self._open_journal()
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
        try:
            if self._opened:
                self._opened.close()
        finally:
            self._opened = None
            if self._lock:
                self._lock.close()
                self._lock = None

    def reply(self, key: str) -> Reply | None:
        """The reply to a call that an earlier process completed, or None. Within one process no key comes twice. Raises: StoreError."""
        if not self._resumed:
            return None
        statement = "SELECT body FROM replies WHERE number = (SELECT number FROM known WHERE key = ?)"
        found = next(self._journal.rows(statement, key), None)
        return _record(Reply, found[0], self.folder) if found else None

    async def record_reply(self, key: str, reply: Reply, *, task_id: str, path: str, settles: int | None = None) -> None:
        """Make a reply durable; it ends the try `settles`. Raises: PrerequisiteError if the disk is full."""
        self._journal.add(_REPLY, (key, well_formed(task_id), path, reply.usage.calls, *_parts(reply.usage), _json(reply)))
        if settles is not None:
            self._journal.add(_END_TRY, (settles,))
        await self._journal.committed()

    async def record_trace(self, position: int, trace: Trace) -> None:
        """Make a finished trace durable, at its task's position. Raises: PrerequisiteError if the disk is full."""
        failed = trace.failure is not None and not any(trace.verified_leaves())
        body = zlib.compress(_json(trace), 1)
        self._journal.add(_TRACE, (position, well_formed(trace.task.id), failed or trace.stopped == "budget", body))
        await self._journal.committed()

    async def open_try(self, key: str, most: Usage, *, task_id: str, path: str) -> int:
        """Write down, durably, that a try is about to be sent that can use `most`; gives its number. Raises: PrerequisiteError."""
        number = self._add_try(key, most, task_id=task_id, path=path, why=None)
        await self._journal.committed()
        return number

    def close_try(self, number: int) -> None:
        """Nothing was billed for it: forget it."""
        self._journal.add(_END_TRY, (number,))

    def lose_try(self, number: int, why: str) -> None:
        """It may have been billed, and brought no reply: it counts at its most for ever."""
        self._journal.add(_LOSE_TRY, (well_formed(why), number))

    def lost(self, key: str, most: Usage, *, task_id: str, path: str, why: str) -> None:
        """A lost try that was not opened before, as in a run without a budget."""
        self._add_try(key, most, task_id=task_id, path=path, why=well_formed(why))

    def spent(self) -> Usage:
        """What the run has used: its replies, and every try that did not end at its most. An unknown part makes its sum unknown."""
        calls, prompt, completion, cached, usd = next(self._journal.rows(_SPENT))
        if not calls:
            return Usage()
        return Usage(calls=calls, prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached, cost_usd=usd)

    def lost_tries(self) -> int:
        """How many tries may have been billed and brought no reply, those that a kill cut off among them."""
        return int(next(self._journal.rows("SELECT COUNT(why) FROM tries"))[0])

    def finished(self) -> set[int]:
        """Positions of the tasks whose trace is complete."""
        return {row[0] for row in self._journal.rows("SELECT position FROM traces")}

    def traces(self) -> Iterator[tuple[int, Trace]]:
        """Every finished trace with its task's position, in that order; one in memory at a time. Raises: StoreError."""
        for position, body in self._journal.rows("SELECT position, body FROM traces ORDER BY position"):
            yield position, _record(Trace, body, self.folder)

    def forget_failed(self) -> int:
        """Drop the traces that failed through a fault or that the budget cut off, to go on; their replies stay. Gives how many."""
        return self._journal.change("DELETE FROM traces WHERE unfinished")

    @property
    def _journal(self) -> Journal:
        if self._opened is None:
            raise StoreError(f"{self.folder} is not open", why="the store is used outside its `with` block")
        return self._opened

    def _open_journal(self) -> None:
        journal = self._opened = Journal(self.folder / JOURNAL, tables=_TABLES, version=JOURNAL_VERSION)
        _sync_folder(self.folder)
        self._resumed = any(journal.rows("SELECT 1 FROM replies LIMIT 1"))
        if self._resumed:
            for statement in _KNOWN:
                journal.change(statement)
        journal.change("UPDATE tries SET why = 'its process ended before it did' WHERE why IS NULL")
        self._numbers = count(next(journal.rows("SELECT IFNULL(MAX(number), 0) + 1 FROM tries"))[0])

    def _add_try(self, key: str, most: Usage, *, task_id: str, path: str, why: str | None) -> int:
        number = next(self._numbers)
        self._journal.add(_TRY, (number, key, well_formed(task_id), path, *_parts(most), why))
        return number

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
            mine = (".lock", _part(file).name)  # all that a kill may have left before there was a plan
            strangers = sorted(path.name for path in self.folder.iterdir() if path.name not in mine)
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


def read_traces(folder: Path) -> Iterator[Trace]:
    """The finished traces of a run folder, read only: also while the run goes on. Raises: StoreError."""
    with reading(_journal_in(folder), version=JOURNAL_VERSION) as db:
        for (body,) in db.execute("SELECT body FROM traces ORDER BY position"):
            yield _record(Trace, body, folder)


def read_replies(folder: Path, task_id: str) -> list[tuple[str, Reply]]:
    """Path and reply of each completed call of a task, as they came; read only, as `read_traces`. Raises: StoreError."""
    with reading(_journal_in(folder), version=JOURNAL_VERSION) as db:
        found = db.execute("SELECT path, body FROM replies WHERE task_id = ? ORDER BY number", (task_id,))
        return [(path, _record(Reply, body, folder)) for path, body in found]


def unfinished_tasks(folder: Path) -> list[str]:
    """Ids of the tasks that have replies and no finished trace. Raises: StoreError."""
    with reading(_journal_in(folder), version=JOURNAL_VERSION) as db:
        return [task_id for (task_id,) in db.execute("SELECT task_id FROM replies EXCEPT SELECT task_id FROM traces")]


def write_atomically(path: Path, text: str) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it: it is whole or it is not there."""
    part = _part(path)
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def versions() -> dict[str, str]:
    """Versions that may shape a run, for `plan.json`."""
    import platform
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in ("eagdata", "numpy", "sympy", "pyarrow", "tiktoken")}}


def _journal_in(folder: Path) -> Path:
    path = folder / JOURNAL
    if not path.exists():
        raise StoreError(f"{folder} is no run folder", why=f"it holds no {JOURNAL}", mend="give the folder that `eagdata generate` wrote")
    return path


def _sync_folder(folder: Path) -> None:
    """Make the names in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parts(usage: Usage) -> tuple[int | None, int | None, int | None, float | None]:
    return usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost_usd


def _json(value: object) -> bytes:
    """A record, or a tuple of plain values and records, as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate or an integer beyond 64 bits; the standard library can spell both
        return json.dumps(to_json(value)).encode()


def _record(cls: type[R], body: bytes, folder: Path) -> R:
    """What was journaled. Raises: StoreError if it cannot be read."""
    try:
        text = zlib.decompress(body) if cls is Trace else body
        try:
            return from_json(cls, text)
        except ValueError:  # pydantic's own JSON reader takes no lone surrogate
            return from_json(cls, json.loads(text))
    except (ValueError, zlib.error) as error:
        raise StoreError(
            f"{folder / JOURNAL} holds a {cls.__name__.lower()} that cannot be read",
            why=str(error),
            mend="put back a copy of it, or start again with --fresh",
        ) from error
