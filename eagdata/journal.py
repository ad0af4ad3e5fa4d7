"""One SQLite file as a journal: what is added in one turn of the event loop is committed as one group, and whoever wrote waits for it.

SQLite in WAL mode with `synchronous=NORMAL`, committed in the loop's own thread: a kill at any instant loses nothing that was
waited for. While there is something new, at most once a second, another thread flushes the log to the disk, so that a power cut
loses at most the last seconds, and moves it into the file when it has grown long.

Measured with replies of 1 KB (CPU, of which the turn of the loop itself is 2 us): 13 us each in groups of 64 or more, 18 us in
groups of 8, 45 us alone. A commit of each under `synchronous=FULL` would wait for the disk every time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eagdata.errors import PrerequisiteError, StoreError

SYNC_EVERY_S = 1.0
_FORMAT = "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4096;"
"""Pages of 16 KiB: a record of 1 KB in a group of 64 then takes SQLite 7 us, and 10 us in its own 4 KiB. The other thread moves the log
into the file long before it has 4,096 of them; a checkpoint in the loop's thread would hold up every call (a tenth of the speed)."""
_MOVE_ABOVE = 8 * 2**20
_META = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOG = logging.getLogger(__name__)


class Journal:
    """The file, opened for writing. Use from one thread; `add` and `committed` inside a running event loop."""

    def __init__(self, path: Path, *, tables: str, version: int) -> None:
        """Raises: StoreError if it is damaged or of another version (it is left as it is then); PrerequisiteError if unwritable."""
        self._path = path
        self._log = wal_of(path)
        self._db = _opened(path, tables=tables, version=version)
        self._queue: list[tuple[str, Sequence[object]]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._planned = self._syncing = self._unsynced = False

    def add(self, statement: str, values: Sequence[object]) -> None:
        """Write with the next group. What a full disk kept from being written is tried again with the group after it."""
        if not self._planned:
            asyncio.get_running_loop().call_soon(self._commit)
            self._planned = True
        self._queue.append((statement, values))

    def committed(self) -> asyncio.Future[None]:
        """Done once all that was added is durable. Raises, when awaited: PrerequisiteError if the disk refuses; StoreError."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        return done

    def rows(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:  # Any: the statement knows what its columns hold
        """What a SELECT gives, row by row. Raises: StoreError."""
        with _damage(self._path):
            yield from self._db.execute(statement, values)

    def change(self, statement: str, *values: object) -> int:
        """Write at once; gives the number of rows. Raises: PrerequisiteError; StoreError."""
        with _refusal(self._path):
            return self._db.execute(statement, values).rowcount

    def close(self) -> None:
        """Write what waits, and flush it to the disk. Raises: PrerequisiteError; StoreError."""
        try:
            self._write()
            _flush(self._log)
        finally:
            with suppress(sqlite3.Error):  # what is durable is in the log, whether it can be moved from there or not
                self._db.close()

    def _commit(self) -> None:
        """The group's turn. Every waiter has a future of its own: one that is cancelled takes no other with it."""
        waiting, self._waiting, self._planned = self._waiting, [], False
        failed: Exception | None = None
        try:
            self._write()
        except Exception as error:  # whatever it is, nobody may wait for ever
            failed = error
            if not waiting:
                _LOG.warning("not yet written: %s", error)
        for future in waiting:
            if not future.done():
                future.set_exception(failed) if failed else future.set_result(None)
        if not failed:
            self._plan_sync()

    def _write(self) -> None:
        if not self._queue:
            return
        try:
            with _refusal(self._path):
                self._db.execute("BEGIN")
                for statement, values in self._queue:
                    self._db.execute(statement, values)
                self._db.execute("COMMIT")
        except PrerequisiteError:
            self._roll_back()
            raise
        except BaseException:
            self._roll_back()
            self._queue.clear()  # no later try would do better
            raise
        self._queue.clear()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # SQLite did it itself, as it does after some errors
            self._db.execute("ROLLBACK")

    def _plan_sync(self) -> None:
        self._unsynced = True
        if not self._syncing:
            self._syncing = True
            asyncio.get_running_loop().call_later(SYNC_EVERY_S, self._sync)

    def _sync(self) -> None:
        self._unsynced = False
        asyncio.get_running_loop().run_in_executor(None, _tend, self._path).add_done_callback(self._synced)

    def _synced(self, done: asyncio.Future[None]) -> None:
        self._syncing = False
        if not done.cancelled() and (error := done.exception()):
            _LOG.warning("a power cut may lose more than the last seconds: cannot flush %s: %s", self._log, error)
        if self._unsynced:
            self._plan_sync()


@contextmanager
def reading(path: Path, *, version: int) -> Iterator[sqlite3.Connection]:
    """The file of a journal to read from, also while another process writes to it, and on a medium that cannot be written to.

    Raises: StoreError if it is damaged, missing or of another version.
    """
    with _open_to_read(path) as db:
        _check_version(db, path, version=version)
        yield db


def wal_of(path: Path) -> Path:
    """Where SQLite keeps what was committed and has not yet been moved into the file itself."""
    return path.with_name(path.name + "-wal")


def _opened(path: Path, *, tables: str, version: int) -> sqlite3.Connection:
    if _size(path) or _size(wal_of(path)):
        _check_health(path, version=version)
    meta = f"{_META} INSERT OR IGNORE INTO meta VALUES ('journal_version', '{version}');"
    with _refusal(path):
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.executescript(f"{_FORMAT} BEGIN; {meta} {tables} COMMIT;")
        except BaseException:
            db.close()
            raise
    return db


def _check_health(path: Path, *, version: int) -> None:
    """Look at all of it before anything is written, and read only: SQLite would empty the log into a damaged file on closing it.
    0.25 s for 400,000 replies of 1 KB, in the page cache."""
    with _open_to_read(path) as db:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _damaged(path, found)
        if db.execute("SELECT name FROM sqlite_master").fetchone():  # else its process ended before it had made a table
            _check_version(db, path, version=version)


@contextmanager
def _open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    if not _size(path) and _size(wal_of(path)):  # SQLite would delete that log, with all that is in it
        raise _damaged(path, "it is empty, and its log is not")
    mode = "mode=ro" if wal_of(path).exists() else "mode=ro&immutable=1"  # without a log nobody writes, and SQLite then needs none
    with _damage(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
        try:
            yield db
        finally:
            db.close()


def _check_version(db: sqlite3.Connection, path: Path, *, version: int) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'journal_version'").fetchone()
    found = row[0] if row else "unknown"
    if found != str(version):
        raise StoreError(
            f"{path} is of journal version {found}",
            why=f"this eagdata reads and writes version {version}",
            mend="go on with the eagdata that wrote it, or choose another folder with --out DIR, or give up what is there with --fresh",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tend(path: Path) -> None:
    """Flush the log; move a long one into the file, beside the writer, as far as SQLite can without holding it up."""
    log = wal_of(path)
    _flush(log)
    if _size(log) > _MOVE_ABOVE:
        db = sqlite3.connect(path)
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            db.close()


def _flush(path: Path) -> None:
    """Through a descriptor of the log alone: closing one of the database itself would drop SQLite's POSIX locks on it.

    Source: sqlite.org/howtocorrupt.html, section 2.2.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # closed meanwhile: SQLite has moved it all, and flushed it
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


@contextmanager
def _refusal(path: Path) -> Iterator[None]:
    """SQLite's errors while writing, in words."""
    with _damage(path):
        try:
            yield
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            mend = "end the other program that has it open" if busy else "make it writable and free some space"
            raise PrerequisiteError(
                f"cannot write to {path}",
                why=str(error),
                mend=f"{mend}, then the same command resumes: nothing recorded so far is lost ({path.parent})",
            ) from error


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """SQLite's errors while reading, in words. Its Python module's errors about wrong use are bugs of ours and stay as they are."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path} cannot be read", why=str(error), mend="make it readable, or give another folder") from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path} is corrupt",
        why=why,
        mend=f"put back a copy of it and of {wal_of(path).name}, or try: sqlite3 {path} .recover; or start again with --fresh",
    )
