"""Croissant metadata: the dataset as JSON-LD that search engines and loaders read.

Source: Croissant Format Specification 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eagdata.records import Json

if TYPE_CHECKING:
    import pyarrow as pa

_VERSION = "http://mlcommons.org/croissant/1.1"
_OWN = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet"),
    *("format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references"),
    *("regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Json] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in _OWN},
}
"""The recommended context of the specification, appendix 1."""
_FORMATS = {"parquet": "application/x-parquet", "jsonl": "application/jsonlines"}
"""The names that the loader `mlcroissant` knows; it does not know that which IANA has registered for Parquet."""
_UNKNOWN_LICENSES = frozenset({"unknown", "other"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One configuration of the dataset."""

    config: str
    splits: Mapping[str, str]
    """Split -> pattern of its files, from the root."""
    files: Sequence[Mapping[str, Json]]
    """Its files as the manifest lists them: `path`, `bytes`, `sha256`, `rows`."""
    schema: pa.Schema | None
    """None: files without one, such as JSON lines, whose rows are not described."""


def croissant(about: Mapping[str, Json], configs: Sequence[Described]) -> str:
    """`croissant.json`: each file with size and SHA-256, and each column with its type, nested ones too.

    `about`: `name`, `description`, `url` of the repository's page, `licenses`, `creator`, `version`, and `datePublished` (ISO 8601, or
    None). The same input gives the same text. A name of a licence that SPDX may know becomes its page there.
    """
    licenses = [str(name) for name in about["licenses"] or () if str(name).lower() not in _UNKNOWN_LICENSES]  # type: ignore[union-attr]
    body: dict[str, Any] = {  # Any: JSON-LD
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _VERSION,
        "name": about["name"],
        "description": about["description"],
        "url": about["url"],
        "license": [_license(name) for name in licenses],
        "creator": {"@type": "sc:Organization", "name": about["creator"]},
        "datePublished": about["datePublished"],
        "version": about["version"],
        "isLiveDataset": False,
        "distribution": [_repository(str(about["url"])), *(part for one in configs for part in _distribution(one))],
        "recordSet": [_records(one, one.schema) for one in configs if one.schema is not None],
    }
    return json.dumps({key: value for key, value in body.items() if value not in (None, [])}, indent=1, ensure_ascii=False) + "\n"


def _license(name: str) -> str:
    return f"https://spdx.org/licenses/{name}.html" if " " not in name else name


def _repository(url: str) -> dict[str, Json]:
    """The repository itself, in which all files lie. It can have no checksum of its own; the Hub's metadata gives this page instead."""
    return {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The repository on the Hub.",
        "contentUrl": url,
        "encodingFormat": "git+https",
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }


def _distribution(one: Described) -> Iterator[dict[str, Json]]:
    patterns = list(one.splits.values())
    yield {
        "@type": "cr:FileSet",
        "@id": f"{one.config}-files",
        "name": f"{one.config}-files",
        "containedIn": {"@id": "repo"},
        "encodingFormat": _format(patterns[0]),
        "includes": list[Json](patterns),
    }
    for file in one.files:
        yield {
            "@type": "cr:FileObject",
            "@id": file["path"],
            "name": str(file["path"]),
            "containedIn": {"@id": "repo"},
            "contentUrl": file["path"],
            "contentSize": f"{file['bytes']} B",
            "encodingFormat": _format(str(file["path"])),
            "sha256": file["sha256"],
        }


def _format(path: str) -> str:
    return _FORMATS[path.rpartition(".")[2]]


def _records(one: Described, schema: pa.Schema) -> dict[str, Any]:  # Any: JSON-LD
    rows = sum(int(str(file["rows"] or 0)) for file in one.files)
    source = f"{one.config}-files"
    return {
        "@type": "cr:RecordSet",
        "@id": one.config,
        "name": one.config,
        "description": f"{rows} rows; splits: {', '.join(one.splits)}",
        "field": [_field(f"{one.config}/{column.name}", column, column.type, [column.name], source) for column in schema],
    }


def _field(name: str, column: pa.Field, kind: pa.DataType, path: list[str], source: str) -> dict[str, Any]:  # Any: JSON-LD
    """A column, or a part of a nested one: the place of a part is its JSON path within the column."""
    import pyarrow as pa

    taken: dict[str, Any] = {"fileSet": {"@id": source}, "extract": {"column": path[0]}}
    if path[1:]:
        taken["transform"] = {"jsonPath": ".".join(path[1:])}
    found: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name}
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        found |= {"isArray": True, "arrayShape": f"{found['arrayShape']},-1" if "arrayShape" in found else "-1"}
        kind = kind.value_type
    if pa.types.is_struct(kind):
        found["subField"] = [_field(f"{name}/{part.name}", part, part.type, [*path, part.name], source) for part in kind]
    else:
        found |= {"dataType": _data_type(kind)}
    return found | {"source": taken}


def _data_type(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    if pa.types.is_floating(kind):
        return "sc:Float"
    return "sc:Date" if pa.types.is_temporal(kind) else "sc:Text"
