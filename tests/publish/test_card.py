"""The card: the Hub's reader understands its head, and its text says what happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any  # statistics are open-ended

import datasets
import pytest
import yaml

from eagdata.publish.card import dataset_card
from eagdata.publish.files import write_file
from eagdata.publish.infos import dataset_info
from eagdata.publish.parquet import REJECTED_SCHEMA, SCHEMA, TRACES_SCHEMA, ShardWriter


def stats(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": "quickstart",
        "description": "2,000 verified traces.",
        "plan_digest": "abc123",
        "eagdata_version": "0.1.0",
        "made": {"teacher": "procedural", "search": "eag", "environment": "python", "seed": 0},
        "counts": {
            "planned": 2000, "kept": 1900, "rejected": 60, "failed": 30, "unspent": 10,
            "rejected_by_reason": {"wrong_answer": 50, "flaky": 10}, "failed_by_boundary": {"environment": 30},
        },
        "rows": {"subsets": {"direct": 900, "refinement": 1000}},
        "environment": {"isolation": ["namespaces"]},
        "licenses": {"Apache-2.0": 1900},
        "sources": {"eagdata/procedural": 1900},
        "lengths": [],
    }  # fmt: skip
    return found | changes


CONFIGS = {"trajectories": 1900, "traces": 2000, "rejected": 0}


def head(card: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_datasets_loads_every_config_that_the_card_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, schema, rows in (("trajectories", SCHEMA, 3), ("traces", TRACES_SCHEMA, 2), ("rejected", REJECTED_SCHEMA, 0)):
        with ShardWriter(tmp_path / "run" / "data" / name, schema, rows_per_shard=2) as writer:
            for i in range(rows):
                writer.write(dict.fromkeys(schema.names) | {"id": f"{name}-{i}"})
    card = dataset_card(stats(), configs={"trajectories": 3, "traces": 2, "rejected": 0})
    write_file(tmp_path / "run" / "README.md", card)
    monkeypatch.chdir(tmp_path)
    assert datasets.get_dataset_config_names(str(tmp_path / "run")) == ["trajectories", "traces"]
    for name, rows in (("trajectories", 3), ("traces", 2)):
        loaded = datasets.load_dataset(str(tmp_path / "run"), name, cache_dir=str(tmp_path / "cache"), split="train")
        assert loaded["id"][:] == [f"{name}-{i}" for i in range(rows)]
    default = datasets.load_dataset(str(tmp_path / "run"), cache_dir=str(tmp_path / "cache"), split="train")
    assert default.num_rows == 3


def test_hub_accepts_the_head() -> None:
    from huggingface_hub import DatasetCard

    card = dataset_card(stats(), configs=CONFIGS)
    data = DatasetCard(card).data
    assert data.license == "apache-2.0"
    assert data.size_categories == ["1K<n<10K"]
    assert data.language == ["en"]
    assert data.configs[0]["default"] is True


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        ({"MIT": 1}, {"license": "mit"}),
        ({"MIT": 1, "CC-BY-4.0": 2}, {"license": "other", "license_name": "CC-BY-4.0 and MIT"}),
        ({"My own": 1}, {"license": "other", "license_name": "My own"}),
        ({"unknown": 1}, {"license": "unknown"}),
        ({}, {"license": "unknown"}),
    ],
    ids=str,
)
def test_license_is_that_of_the_sources(licenses: dict[str, int], expected: dict[str, str]) -> None:
    found = head(dataset_card(stats(licenses=licenses), configs=CONFIGS))
    assert {key: value for key, value in found.items() if key.startswith("license")} == expected


@pytest.mark.parametrize(("rows", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**7, "n>10M")])
def test_size_category_follows_the_rows(rows: int, size: str) -> None:
    assert head(dataset_card(stats(), configs={"trajectories": rows}))["size_categories"] == [size]


def test_card_accounts_for_every_task_and_says_how_to_check() -> None:
    card = dataset_card(stats(), configs=CONFIGS)
    assert "| 2,000 | 1,900 | 60 | 30 | 10 |" in card
    assert "| wrong_answer | 50 |" in card
    assert "| failed: environment | 30 |" in card
    assert "eagdata verify data/trajectories" in card
    assert "does **not** mean" in card
    assert "config `rejected`" not in card
    assert "config `rejected`" in dataset_card(stats(), configs=CONFIGS | {"rejected": 5})


def test_settings_are_written_as_they_are_typed() -> None:
    assert "| seed | 1234567 |" in dataset_card(stats(made={"seed": 1234567}), configs=CONFIGS)


def test_program_as_teacher_is_named_and_a_model_is_not_called_one() -> None:
    assert "not a model" in dataset_card(stats(), configs=CONFIGS)
    made = stats()["made"] | {"teacher": "openai_chat"}
    assert "not a model" not in dataset_card(stats(made=made), configs=CONFIGS)


def test_card_is_deterministic_and_holds_no_time() -> None:
    card = dataset_card(stats(), configs=CONFIGS)
    assert card == dataset_card(stats(), configs=CONFIGS)
    assert not re.search(r"20\d\d-\d\d-\d\d", card)


def test_foreign_text_cannot_break_tables_or_head() -> None:
    evil = "a|b\n---\n<script>"
    card = dataset_card(stats(name=evil, description=evil, sources={evil: 1}, licenses={evil: 1}), configs=CONFIGS)
    assert "<script>" not in card.split("\n---\n", 1)[1]
    assert head(card)["pretty_name"]
    assert "| a\\|b --- &lt;script&gt; | 1 |" in card


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("gpt-5-mini", "OpenAI, https://openai.com/policies/"),
        ("openai/gpt-4.1", "OpenAI, https://openai.com/policies/"),
        ("claude-x", "Anthropic, https://www.anthropic.com/legal/commercial-terms"),
        ("openai/gpt-oss-20b", "the licence on its card, https://huggingface.co/openai/gpt-oss-20b"),
        ("Qwen/Qwen3-8B", "the licence on its card, https://huggingface.co/Qwen/Qwen3-8B"),
        ("procedural", "a program, not a model: no terms"),
        ("my-model", "unknown"),
        ("/models/mine", "unknown"),
    ],
)
def test_the_terms_of_the_teacher_are_named_and_unknown_is_said(model: str, said: str) -> None:
    assert f"| {model} | 7 | {said} |" in dataset_card(stats(teachers={model: 7}), configs=CONFIGS)


def test_costs_and_versions_are_told_and_an_unknown_cost_is_not_zero() -> None:
    spent = {"calls": 12345, "cost_usd": None, "prompt_tokens": 9}
    card = dataset_card(stats(teacher=spent, versions={"python": "3.11.7"}), configs=CONFIGS)
    for line in ("| teacher calls | 12,345 |", "| cost in USD | unknown |", "| python (version) | 3.11.7 |"):
        assert line in card


def test_what_datasets_knows_of_the_files_stands_in_the_head_as_it_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = {}
    for name, schema, rows in (("trajectories", SCHEMA, 3), ("traces", TRACES_SCHEMA, 2)):
        with ShardWriter(tmp_path / "run" / "data" / name, schema, rows_per_shard=2) as writer:
            for i in range(rows):
                writer.write(dict.fromkeys(schema.names) | {"id": f"{name}-{i}"})
        configs[name] = {"train": writer.files}
    infos = dataset_info(configs)
    write_file(tmp_path / "run" / "README.md", dataset_card(stats(), configs={"trajectories": 3, "traces": 2}, infos=infos))
    monkeypatch.chdir(tmp_path)
    for info in infos:
        builder = datasets.load_dataset_builder(str(tmp_path / "run"), info["config_name"], cache_dir=str(tmp_path / "cache"))
        told = builder.info._to_yaml_dict()
        builder.download_and_prepare()
        counted = builder.info._to_yaml_dict()
        assert told["features"] == counted["features"] == info["features"]
        assert told["splits"] == counted["splits"] == info["splits"]
        assert counted["dataset_size"] == info["dataset_size"]
