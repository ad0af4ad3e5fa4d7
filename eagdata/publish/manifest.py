"""The manifest: what a finished folder holds. Written last, so a folder that has one is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eagdata.errors import StoreError
from eagdata.publish.files import WrittenFile, write_file
from eagdata.records import Json

MANIFEST = "manifest.json"
_OURS = frozenset({"files", "time"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that has been read: `body` with `files` and `time` taken out."""

    body: Mapping[str, Any]  # Any: JSON values, read key by key
    files: tuple[WrittenFile, ...]
    created_at: str | None
    """ISO 8601, UTC."""


def write_manifest(folder: Path, body: Mapping[str, Json], *, files: Iterable[WrittenFile], time: Mapping[str, Json]) -> Path:
    """Write `manifest.json`: `body`, `files` sorted by path, and `time`, the one key under which two equal runs may differ.

    Raises: ValueError if `body` has a key that is ours, or a file lies outside `folder`; PrerequisiteError.
    """
    if taken := _OURS & body.keys():
        raise ValueError(f"the manifest's body may not have {sorted(taken)}")
    listed = {file.path.relative_to(folder).as_posix(): file for file in files}
    return write_file(folder / MANIFEST, manifest_text({**body, "time": dict(time)}, listed)).path


def manifest_text(body: Mapping[str, Json], files: Mapping[str, WrittenFile]) -> str:
    """The text of a manifest; `files` by their path in the folder."""
    listed: list[Json] = [
        {"path": path, "sha256": file.sha256, "bytes": file.bytes, "rows": file.rows} for path, file in sorted(files.items())
    ]
    return json.dumps({**body, "files": listed}, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished folder, each of its files compared with its SHA-256.

    Raises: StoreError if there is none, it cannot be read, it names a file outside the folder, or a file is not as it says.
    """
    try:
        body = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = tuple(WrittenFile(folder / file["path"], file["sha256"], file["bytes"], file["rows"]) for file in body.pop("files"))
        created_at = body.pop("time").get("created_at")
    except FileNotFoundError as error:
        why = f"it has no {MANIFEST}, which is written when all else is"
        raise StoreError(
            f"{str(folder)!r} is not finished", why=why, mend="give the command that makes it once more: it goes on"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"cannot read {str(folder / MANIFEST)!r}", why=str(error), mend="make the folder anew") from error
    if wrong := [f"{file.path}: {fault}" for file in files if (fault := _difference(file, folder))]:
        raise StoreError(
            f"{str(folder)!r} is not as its manifest says",
            why="\n".join(wrong),
            mend="give the command that made it once more, which mends it; a card is changed by the recipe, not by hand",
        )
    return Manifest(body, files, created_at)


def _difference(file: WrittenFile, folder: Path) -> str | None:
    if not file.path.resolve().is_relative_to(folder.resolve()):
        return "lies outside the folder"
    if not file.path.is_file():
        return "is missing"
    with file.path.open("rb") as source:
        return None if hashlib.file_digest(source, "sha256").hexdigest() == file.sha256 else "has been changed"
