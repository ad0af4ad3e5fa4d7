"""The manifest: what a finished folder holds. Written last, so a folder that has one is whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from eagdata.publish.files import WrittenFile, write_file
from eagdata.records import Json

MANIFEST = "manifest.json"
_OURS = frozenset({"files", "time"})


def write_manifest(folder: Path, body: Mapping[str, Json], *, files: Iterable[WrittenFile], time: Mapping[str, Json]) -> Path:
    """Write `manifest.json`: `body`, `files` sorted by path, and `time`, the one key under which two equal runs may differ.

    Raises: ValueError if `body` has a key that is ours, or a file lies outside `folder`; PrerequisiteError.
    """
    if taken := _OURS & body.keys():
        raise ValueError(f"the manifest's body may not have {sorted(taken)}")
    listed: list[Json] = [
        {"path": path, "sha256": file.sha256, "bytes": file.bytes, "rows": file.rows}
        for path, file in sorted((file.path.relative_to(folder).as_posix(), file) for file in files)
    ]
    whole = {**body, "files": listed, "time": dict(time)}
    text = json.dumps(whole, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return write_file(folder / MANIFEST, text).path
