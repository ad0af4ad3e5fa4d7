"""`eagdata publish`: a finished folder becomes the files of a dataset repository, is searched for secrets, and goes to the Hub."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from eagdata import __version__
from eagdata.errors import RecipeError
from eagdata.events import Emit, ignore
from eagdata.publish.card import dataset_card
from eagdata.publish.croissant import Described, croissant
from eagdata.publish.files import WrittenFile
from eagdata.publish.hub import HubFile, Pushed, check_repo_id, page, push
from eagdata.publish.infos import dataset_info
from eagdata.publish.manifest import MANIFEST, Manifest, manifest_text, read_manifest
from eagdata.publish.scan import PERSONAL, SECRETS, Scan, Scanner, local_patterns
from eagdata.records import Json

CARD, CROISSANT = "README.md", "croissant.json"
_KEPT_HOME = frozenset({"plan.json"})
"""Listed, but never published: a plan holds paths and addresses of the machine."""
_ORDER = ("trajectories", "rows", "traces", "preferences", "steps")
_FACTS = {"licenses": "license", "sources": "source", "teachers": "teacher", "isolation": "isolation"}
"""What the card tells of the rows -> the column that says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """All that would be sent, as it would be sent."""

    repo_id: str
    url: str
    files: tuple[HubFile, ...]
    card: str
    scan: Scan
    """What was found and is allowed."""

    def to_json(self) -> dict[str, Json]:
        return {
            "schema_version": 1,
            "repo_id": self.repo_id,
            "url": self.url,
            "bytes": sum(file.bytes for file in self.files),
            "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in self.files],
            "allowed": dict(self.scan.counts),
        }


def prepare(folder: Path, repo_id: str, *, allow: Sequence[str] = ()) -> Publication:
    """What a finished run, or what was curated, becomes in the repository; no network is used.

    Card, Croissant metadata and manifest are made anew. Text that looks like a secret or personal data stops it, unless its pattern is
    in `allow`. Only files of the manifest are sent; the journal and the plan are not.

    Raises: RecipeError for a wrong id, a folder that is none, or findings; StoreError for one that is not finished, or not as its
    manifest says.
    """
    check_repo_id(repo_id)
    if not folder.is_dir():
        raise RecipeError(
            f"there is no folder {str(folder)!r}", why="a finished run, or what was curated, is published", mend="check the path"
        )
    manifest = read_manifest(folder)
    files = {file.path.relative_to(folder).as_posix(): file for file in manifest.files}
    kept = {path: file for path, file in files.items() if path not in (*_KEPT_HOME, CARD)}
    card, metadata = _described(folder, manifest, kept, repo_id)
    made = {CARD: card.encode(), CROISSANT: metadata.encode()}
    listed = kept | {path: WrittenFile(folder / path, _sha256(data), len(data)) for path, data in made.items()}
    made[MANIFEST] = manifest_text(manifest.body, listed).encode()
    found = [HubFile(path=path, source=file.path, bytes=file.bytes, sha256=file.sha256) for path, file in kept.items()]
    found += [HubFile(path=path, source=data, bytes=len(data), sha256=_sha256(data)) for path, data in made.items()]
    ordered = tuple(sorted(found, key=lambda file: file.path))
    return Publication(repo_id=repo_id, url=page(repo_id), files=ordered, card=card, scan=_searched(folder, ordered, allow))


def publish(publication: Publication, *, public: bool, emit: Emit = ignore) -> Pushed:
    """Send it, in one commit; none if the repository holds it already. Raises: what `push` raises."""
    message = f"Publish with eagdata {__version__}"
    return push(publication.repo_id, publication.files, public=public, message=message, emit=emit)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _described(folder: Path, manifest: Manifest, files: Mapping[str, WrittenFile], repo_id: str) -> tuple[str, str]:
    """Card and Croissant metadata."""
    import pyarrow.parquet as pq

    configs = _configs(files)
    rows = {name: sum(file.rows or 0 for split in splits.values() for file in split) for name, splits in configs.items()}
    loadable = {name: splits for name, splits in configs.items() if rows[name]}
    tables = {name: splits for name, splits in loadable.items() if all(_is_table(file) for split in splits.values() for file in split)}
    patterns = {name: {split: _pattern(name, split, parts) for split, parts in splits.items()} for name, splits in configs.items()}
    stats = _stats(folder, [file for name in tables if name == next(iter(loadable)) for split in tables[name].values() for file in split])
    card = dataset_card(stats, configs=rows, files=patterns, infos=dataset_info(tables))
    about: dict[str, Json] = {
        "name": stats["name"],
        "description": stats["description"],
        "url": page(repo_id),
        "licenses": list(stats.get("licenses", ())),
        "creator": repo_id.partition("/")[0],
        "version": "1.0.0",
        "datePublished": (manifest.created_at or "")[:10] or None,
    }
    described = [
        Described(
            config=name,
            splits=patterns[name],
            files=[_listed(folder, file) for split in splits.values() for file in split],
            schema=pq.read_schema(next(iter(splits.values()))[0].path) if name in tables else None,
        )
        for name, splits in loadable.items()
    ]
    return card, croissant(about, described)


def _configs(files: Mapping[str, WrittenFile]) -> dict[str, dict[str, list[WrittenFile]]]:
    """Configuration -> split -> files, the default first, what was dropped last."""
    found: dict[str, dict[str, list[WrittenFile]]] = {}
    for path, file in sorted(files.items()):
        if path.startswith("data/"):
            found.setdefault(file.path.parent.name, {}).setdefault(file.path.name.partition("-")[0], []).append(file)
    return dict(sorted(found.items(), key=lambda item: (item[0] == "rejected", (*_ORDER, item[0]).index(item[0]), item[0])))


def _is_table(file: WrittenFile) -> bool:
    return file.path.suffix == ".parquet"


def _pattern(name: str, split: str, files: Sequence[WrittenFile]) -> str:
    return f"data/{name}/{split}-*{files[0].path.suffix}"


def _listed(folder: Path, file: WrittenFile) -> dict[str, Json]:
    return {"path": file.path.relative_to(folder).as_posix(), "bytes": file.bytes, "sha256": file.sha256, "rows": file.rows}


def _stats(folder: Path, shards: Sequence[WrittenFile]) -> dict[str, Any]:
    """`stats.json`, with what the rows themselves say where it does not, and the versions that shaped the run."""
    stats: dict[str, Any] = json.loads((folder / "report" / "stats.json").read_text(encoding="utf-8"))
    facts = _facts(shards)
    isolation = facts.pop("isolation", None)
    stats = facts | stats
    if isolation and "environment" not in stats:
        stats["environment"] = {"isolation": list(isolation)}
    with suppress(OSError, ValueError, KeyError, TypeError):  # no run, so there is no such plan
        stats["versions"] = {
            name: version for name, version in json.loads((folder / "plan.json").read_text())["versions"].items() if name != "eagdata"
        }
    return stats


def _facts(shards: Sequence[WrittenFile]) -> dict[str, dict[str, int]]:
    """Licences, sources, teachers and isolation of the rows, each -> rows; a column that is not there says nothing."""
    import pyarrow.parquet as pq

    found: dict[str, Counter[str]] = {}
    for shard in shards:
        schema = pq.read_schema(shard.path)
        known = {fact: column for fact, column in _FACTS.items() if column in schema.names and str(schema.field(column).type) == "string"}
        table = pq.read_table(shard.path, columns=list(known.values()))
        for fact, column in known.items():
            counts = table[column].value_counts().to_pylist()
            found.setdefault(fact, Counter()).update({one["values"] or "unknown": one["counts"] for one in counts})
    return {fact: dict(sorted(counts.items())) for fact, counts in found.items() if counts}


def _searched(folder: Path, files: Sequence[HubFile], allow: Sequence[str]) -> Scan:
    """Raises: RecipeError with the first places of all that is not allowed."""
    scanner = Scanner((*SECRETS, *PERSONAL, *local_patterns()))
    for file in files:
        if isinstance(file.source, bytes):
            scanner.text(file.path, BytesIO(file.source))
        elif file.source.suffix == ".parquet":
            scanner.parquet(file.path, file.source)
        else:
            with file.source.open("rb") as source:
                scanner.text(file.path, source)
    scan = scanner.result
    if refused := {name: count for name, count in scan.counts.items() if name not in allow}:
        places = [str(finding) for finding in scan.findings if finding.pattern in refused]
        more = sum(refused.values()) - len(places)
        raise RecipeError(
            f"{sum(refused.values())} places in {str(folder)!r} look like secrets or personal data; nothing was sent",
            why="\n".join([*places, f"and {more} more"] if more else places),
            mend="revoke a key that is real, and make the data anew without it; or, if anyone may read all of this: "
            + " ".join(f"--allow {name}" for name in refused),
        )
    return scan
