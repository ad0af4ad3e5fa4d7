"""The manifest lists the finished files and keeps time apart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from eagdata.errors import PrerequisiteError
from eagdata.publish.files import write_file
from eagdata.publish.manifest import write_manifest


def test_manifest_lists_files_sorted_with_their_hashes(tmp_path: Path) -> None:
    files = [write_file(tmp_path / name, name) for name in ("report/z.svg", "README.md")]
    path = write_manifest(tmp_path, {"counts": {"planned": 2}}, files=files, time={"wall_s": 1.5})
    found = json.loads(path.read_text())
    assert [entry["path"] for entry in found["files"]] == ["README.md", "report/z.svg"]
    assert found["files"][0] == {"path": "README.md", "sha256": hashlib.sha256(b"README.md").hexdigest(), "bytes": 9, "rows": None}
    assert found["time"] == {"wall_s": 1.5}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "manifest.json", "report"]


def test_manifests_of_equal_runs_differ_in_time_only(tmp_path: Path) -> None:
    texts = [write_manifest(tmp_path, {"b": 1, "a": 2}, files=[], time={"wall_s": s}).read_text() for s in (1.0, 2.0)]
    first, second = (json.loads(text) for text in texts)
    assert first | {"time": None} == second | {"time": None}
    assert texts[0].replace("1.0", "2.0") == texts[1]


def test_body_may_not_carry_a_key_of_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time"):
        write_manifest(tmp_path, {"time": 1}, files=[], time={})


def test_refused_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "manifest.json"
    target.mkdir()
    with pytest.raises(PrerequisiteError, match="cannot write"):
        write_manifest(tmp_path, {}, files=[], time={})
    assert list(tmp_path.iterdir()) == [target]
