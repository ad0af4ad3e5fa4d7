"""A tokenizer of Hugging Face counts text and nothing but text, whatever its file adds, cuts or pads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from eagdata.errors import BoundaryError, RecipeError
from eagdata.tokenizers.hugging_face import HuggingFaceTokenizer

tokenizers: Any = pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A byte-level tokenizer without merges: one token a byte. It adds `<s>` to each text, and cuts and pads to 4."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<s>"])
    made.add_tokens(["<call>"])
    made.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))])
    made.enable_truncation(4)
    made.enable_padding(length=4)
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def made(path: Path | str) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(HuggingFaceTokenizer.Config(path=str(path)))


@pytest.mark.parametrize("text", ["", "a", "hello world", "数学", "e\u0301", " " * 1_000_000, "a" * 1_000_000, "\x00\r\n"], ids=len)
def test_every_byte_counts_and_nothing_is_added_cut_or_padded(folder: Path, text: str) -> None:
    assert made(folder).count(text) == len(text.encode())


def test_special_tokens_in_a_text_are_text_and_other_added_tokens_are_one(folder: Path) -> None:
    assert made(folder).count("<s>") == 3
    assert made(folder).count("a<call>b") == 3


def test_a_lone_surrogate_is_the_replacement_character(folder: Path) -> None:
    assert made(folder).count("a\ud800") == 1 + len("\ufffd".encode())


def test_revision_is_the_hash_of_the_file_and_the_name_says_where_it_is(folder: Path) -> None:
    file = folder / "tokenizer.json"
    assert made(folder).revision == made(file).revision == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    assert made(file).name == f"hf:{file}"


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(RecipeError, match="cannot read tokenizer"):
        made(tmp_path)
    for absent in (tmp_path / "none", "no such thing", tmp_path.parent):
        with pytest.raises(RecipeError, match="no tokenizer"):
            made(absent)


def test_a_hub_that_is_not_reached_is_a_boundary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BoundaryError, match="owner/name") as raised:
        made("owner/name")
    assert "hf download owner/name tokenizer.json" in raised.value.mend
