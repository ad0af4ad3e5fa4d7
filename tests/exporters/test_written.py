"""Where exports go: files that are whole or not there, and hold what was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.exporters.alpaca import AlpacaExporter
from eagdata.exporters.messages import MessagesExporter
from eagdata.exporters.s1 import S1Exporter
from eagdata.exporters.sharegpt import ShareGptExporter
from eagdata.exporters.verl import VerlExporter
from eagdata.pipeline.exported import unified, write_export
from tests.exporters.rows import hostile, plain, reasoned, tooled

SOURCE = [plain(), tooled(), reasoned(), hostile()]
TABLES = (MessagesExporter, S1Exporter, ShareGptExporter, AlpacaExporter, VerlExporter)


def rows(cls: Any) -> list[dict[str, Any]]:
    return list(cls(cls.Config()).rows(SOURCE))


def write(out: Path, cls: Any) -> Path:
    made = cls(cls.Config())
    write_export(out, made.rows(SOURCE), schema=made.schema, documents=False)
    return out


def sound(value: Any) -> Any:
    """What must come back: a lone surrogate is the one thing that no file holds."""
    return json.loads(json.dumps(value, ensure_ascii=False).replace("\ud800", "\ufffd"))


@pytest.mark.parametrize("cls", TABLES)
def test_both_kinds_of_file_give_datasets_the_rows_that_went_in(tmp_path: Path, cls: Any) -> None:
    import datasets

    for name, kind in {"x.parquet": "parquet", "x.jsonl": "json"}.items():
        file = str(write(tmp_path / name, cls))
        read = datasets.load_dataset(kind, data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
        assert list(read) == sound(rows(cls))


@pytest.mark.parametrize("cls", TABLES)
def test_twice_the_same_rows_are_twice_the_same_bytes(tmp_path: Path, cls: Any) -> None:
    for name in ("x.parquet", "x.jsonl"):
        assert write(tmp_path / name, cls).read_bytes() == write(tmp_path / "again" / name, cls).read_bytes()


def test_the_columns_of_a_file_do_not_depend_on_its_rows(tmp_path: Path) -> None:
    for cls in TABLES:
        made = cls(cls.Config())  # type: ignore[abstract]
        for place, source in enumerate((plain(), tooled())):
            out = tmp_path / f"{place}.parquet"
            write_export(out, made.rows([source]), schema=made.schema, documents=False)  # type: ignore[list-item]
            assert pq.read_schema(out) == made.schema


def test_rows_without_a_schema_get_one_that_holds_them_all(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [{"a": None, "b": 1}] * 150 + [{"a": ["x"], "b": 1.5}, {"b": 2, "c": True}]
    schema = unified(given)
    assert schema == pa.schema([("a", pa.list_(pa.string())), ("b", pa.float64()), ("c", pa.bool_())])
    messages = [{"p": [{"role": "user", "name": None}, {"role": "tool", "name": None}]}] * 24
    write_export(tmp_path / "y.parquet", messages, schema=unified(messages), documents=False)
    assert pq.read_table(tmp_path / "y.parquet").to_pylist() == messages
    assert write_export(tmp_path / "x.parquet", given, schema=schema, documents=False) == 152
    assert pq.read_table(tmp_path / "x.parquet").to_pylist()[150] == {"a": ["x"], "b": 1.5, "c": None}


def test_a_key_that_the_schema_lacks_is_not_lost_in_silence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place for"):
        write_export(tmp_path / "x.parquet", [{"a": 1, "b": 2}], schema=pa.schema([("a", pa.int64())]), documents=False)
    assert not list(tmp_path.iterdir())


def breaking() -> Iterator[dict[str, Any]]:
    yield {"id": "one", "a": 1}
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet", "folder"])
def test_an_export_that_breaks_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    schema = pa.schema([("id", pa.string()), ("a", pa.int64())])
    write_export(out, [{"id": "old", "a": 0}], schema=schema, documents=name == "folder")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(KeyboardInterrupt):
        write_export(out, breaking(), schema=schema, documents=name == "folder")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert write_export(out, [], schema=schema, documents=name == "folder") == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_documents_are_files_by_their_ids(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [{"id": "a", "x": 1}, {"id": "b.c", "lines": [{"x": 1}, {"x": "é"}]}]
    assert write_export(tmp_path / "out", given, schema=None, documents=True) == 2
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "a.json": '{"x": 1}\n',
        "b.c.jsonl": '{"x": 1}\n{"x": "é"}\n',
    }


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\nb", "é", "x" * 300])
def test_an_id_that_leaves_the_folder_names_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="names no file"):
        write_export(tmp_path / "out", [{"id": name, "x": 1}], schema=None, documents=True)
    assert not list(tmp_path.iterdir())


def test_two_documents_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="two rows are called 'a'"):
        write_export(tmp_path / "out", [{"id": "a", "x": 1}, {"id": "a", "x": 2}], schema=None, documents=True)


def test_a_disk_that_refuses_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PrerequisiteError, match="cannot write"):
        write_export(tmp_path / "file" / "x.jsonl", [{"a": 1}], schema=None, documents=False)


def test_row_groups_hold_a_thousand_rows_and_every_row_its_own(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.list_(pa.json_()))])
    given = [{"a": place, "b": [{"c": place}, place][: place % 3] if place % 7 else None} for place in range(2_500)]
    write_export(tmp_path / "x.parquet", given, schema=schema, documents=False)
    parquet = pq.ParquetFile(tmp_path / "x.parquet")
    assert [parquet.metadata.row_group(place).num_rows for place in range(parquet.num_row_groups)] == [1_000, 1_000, 500]
    read = parquet.read().to_pylist()
    assert [{"a": row["a"], "b": row["b"] and [json.loads(item) for item in row["b"]]} for row in read] == given
