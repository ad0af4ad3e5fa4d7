"""The accelerator counts only where it gives tiktoken's tokens, and its absence or a difference costs nothing but time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.tokenizers.fast import checked
from eagdata.tokenizers.ranks import O200K_BASE, Cl100kBase, O200kBase, Qwen25, load_encoding
from tests.tokenizers.test_ranks import HOSTILE

CLASSES = (O200kBase, Cl100kBase, Qwen25)
MORE = {"a million spaces": " " * 1_000_000, "runs below the limit": ("x" + " " * 90_000) * 3 + "y", "many alike": "<|im_end|>" * 2000}


@pytest.fixture
def anew() -> Iterator[None]:
    """The comparison is made once a process: here, again."""
    checked.cache_clear()
    yield
    checked.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """In place of quicktok, tiktoken itself with some methods changed."""
    encoding = load_encoding(O200K_BASE)
    honest = {
        "token_byte_values": encoding.token_byte_values,
        "encode_ordinary": encoding.encode_ordinary,
        "count": lambda text: len(encoding.encode_ordinary(text)),
    }
    monkeypatch.setitem(sys.modules, "quicktok", SimpleNamespace(get_encoding=lambda name: SimpleNamespace(**honest | changes)))


def broken(*_: object) -> int:
    raise RuntimeError("no such luck")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.ranks.name)
def test_quicktok_counts_hostile_text_as_tiktoken_does(cls: type[O200kBase]) -> None:
    pytest.importorskip("quicktok")
    fast, plain = cls(cls.Config()), cls(cls.Config(fast=False))
    fast.load()
    plain.load()
    assert (fast.is_fast, plain.is_fast, fast.notice) == (True, False, None)
    for name, text in (HOSTILE | MORE).items():
        assert fast.count(text) == plain.count(text), name


@settings(deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=300))
def test_quicktok_counts_any_text_as_tiktoken_does(text: str) -> None:
    pytest.importorskip("quicktok")
    for cls in CLASSES:
        assert cls(cls.Config()).count(text) == cls(cls.Config(fast=False)).count(text)


@pytest.mark.usefixtures("anew")
def test_an_equal_package_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    tokenizer = O200kBase(O200kBase.Config())
    assert tokenizer.count("hello world") == 2
    assert tokenizer.is_fast


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": lambda text: len(text.split())}, "other tokens for"),
        ({"encode_ordinary": lambda text: [1]}, "other tokens for"),
        ({"token_byte_values": lambda: [b"a"]}, "vocabulary is another one"),
        ({"count": broken}, "RuntimeError: no such luck"),
    ],
)
def test_any_difference_falls_back_to_tiktoken_and_says_so(monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], said: str) -> None:
    use(monkeypatch, **changes)
    tokenizer = O200kBase(O200kBase.Config())
    assert tokenizer.count("hello world, hello") == 4
    assert not tokenizer.is_fast
    assert said in (tokenizer.notice or "")


@pytest.mark.usefixtures("anew")
def test_without_the_package_tiktoken_counts_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quicktok", None)
    tokenizer = O200kBase(O200kBase.Config())
    assert tokenizer.count("hello world") == 2
    assert (tokenizer.is_fast, tokenizer.notice) == (False, None)
