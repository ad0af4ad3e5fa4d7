"""What the hand-written pages say of settings, names and files is so, and their Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from eagdata import registry
from eagdata.importers.formats import FORMATS
from eagdata.recipe import SECTIONS

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
SEARCH, METHODS, GLOSSARY = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("search", "methods", "glossary"))
KINDS = {"search": "search", "export": "exporters", "stage": "curation", "environment": "environments", "verifier": "verifiers"}
"""What the page on methods calls a plugin -> its kind."""
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<default>[^|]+) \|", flags=re.MULTILINE)


def sections(text: str, level: str) -> dict[str, str]:
    """Title, without its marks, -> what stands below it."""
    parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    return {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s:]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        assert leads_to.exists(), target
        assert not anchor or anchor in anchors(leads_to), target


def test_each_strategy_is_explained_with_its_settings_and_their_defaults() -> None:
    explained = sections(sections(SEARCH, "##")["Strategies"], "###")
    assert explained.keys() == set(registry.names("search"))
    for name, text in explained.items():
        config: Any = registry.plugin_class("search", name).Config  # type: ignore[attr-defined]  # Any: a plugin's Config
        settings = {field.name: "none" if field.default is None else str(field.default) for field in fields(config)}
        assert {row["name"]: row["default"].strip("` ") for row in ROW.finditer(text)} == settings, name


def test_the_strategy_of_the_page_on_search_keeps_the_contract(tmp_path: Path) -> None:
    block, printed = re.findall(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", SEARCH, flags=re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


@pytest.mark.parametrize("page", ["search", "methods", "glossary", "teacher"])
def test_settings_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    named = re.findall(rf"\b({'|'.join(SECTIONS)})\.(\w+)", text)
    for section, key in named:
        assert key in {field.name for field in fields(SECTIONS[section])}, f"{section}.{key}"


def test_plugins_and_formats_that_the_page_on_methods_names_exist() -> None:
    known = {word: set(registry.names(kind)) for word, kind in KINDS.items()} | {"importers?": {one.name for one in FORMATS}}
    for word, names in known.items():
        named = re.findall(rf"\b{word} `([\w-]+)`", METHODS, flags=re.IGNORECASE)
        assert named, word
        assert set(named) <= names, word


def test_a_word_of_the_glossary_is_explained_once() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY, flags=re.MULTILINE)[1:]
    words = [word.strip() for row in rows for word in row.split(",")]
    assert len(words) == len(set(words)), [word for word in words if words.count(word) > 1]
