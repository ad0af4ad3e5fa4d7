"""Where the database files of tasks lie on this machine.

A task names its database by a path and a hash. The path is that of the machine on which the task was made; elsewhere the file is
looked for below the folders of the environment variable EAGDATA_DATABASES, and the hash says whether it is the one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePath

from eagdata.errors import PrerequisiteError

VARIABLE = "EAGDATA_DATABASES"


def find_database(name: str, sha256: str | None) -> Path:
    """The file: at the path as given, or below a folder of EAGDATA_DATABASES, under the whole path or its last parts.

    Raises: PrerequisiteError if there is none, or none with this hash.
    """
    others = []
    for path in _places(PurePath(name)):
        if path.is_file():
            found = file_sha256(path)
            if sha256 is None or found == sha256.lower():
                return path.resolve()
            others.append(f"{path} has {found}")
    raise PrerequisiteError(
        f"the database {name!r} is not on this machine" if not others else f"no database {name!r} has the SHA-256 {sha256}",
        why="; ".join(others) or f"it is neither at that path nor below a folder of {VARIABLE} ({os.environ.get(VARIABLE) or 'not set'})",
        mend=f"put the file there, or: export {VARIABLE}=/folder/with/databases",
    )


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes; remembered until its size or time of change differs. Raises: OSError."""
    stat = path.stat()
    return _hashed(path.resolve(), stat.st_size, stat.st_mtime_ns)


def _places(name: PurePath) -> Iterator[Path]:
    yield Path(name)
    for folder in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        parts = [part for part in name.parts if part not in (name.anchor, "..")]
        for first in range(len(parts)):
            yield Path(folder, *parts[first:])


@lru_cache(maxsize=1024)
def _hashed(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
