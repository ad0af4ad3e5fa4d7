"""JSON lines: rows that came as JSON leave as JSON, byte for byte. Complete or absent, as the Parquet shards."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from eagdata.publish.files import PART, WrittenFile, disk_refused, sync_folder


class LinesWriter:
    """Lines in, `{split}-00000-of-00001.jsonl` out. Use in `with`; `files` is filled when the block ends; a failed block leaves none."""

    def __init__(self, folder: Path, *, split: str = "train") -> None:
        self.files: tuple[WrittenFile, ...] = ()
        self._path = folder / f"{split}-00000-of-00001.jsonl"
        self._part = self._path.with_name(self._path.name + PART)
        self._rows = self._bytes = 0
        self._digest = hashlib.sha256()

    def write(self, line: bytes) -> None:
        """Add one line, without its end. Raises: PrerequisiteError if the disk is full or does not allow it."""
        data = line + b"\n"
        try:
            self._sink.write(data)
        except OSError as error:
            raise disk_refused(self._path, error) from error
        self._digest.update(data)
        self._rows += 1
        self._bytes += len(data)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._sink = self._part.open("wb")
        except OSError as error:
            raise disk_refused(self._path, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None:
                self._sink.flush()
                os.fsync(self._sink.fileno())
                self._part.replace(self._path)
                sync_folder(self._path.parent)
                self.files = (WrittenFile(self._path, self._digest.hexdigest(), self._bytes, self._rows),)
        except OSError as refused:
            raise disk_refused(self._path, refused) from refused
        finally:
            self._sink.close()
            with suppress(FileNotFoundError):
                self._part.unlink()
