"""The report page holds everything itself and runs nothing."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any  # statistics are open-ended

from eagdata.analyze.lengths import SPANS, length_statistics
from eagdata.analyze.report import report_page

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def stats(**changes: Any) -> dict[str, Any]:
    lengths = length_statistics(
        {span: [100, 2500, 300] for span in SPANS}, {"family": ["a", "b", "a"]}, tokenizer="o200k_base", revision="446a9538cb6c"
    )
    found: dict[str, Any] = {
        "name": "quickstart",
        "description": "d",
        "plan_digest": "abc",
        "eagdata_version": "0.1.0",
        "counts": {
            "planned": 2000, "kept": 1900, "rejected": 60, "failed": 30, "unspent": 10,
            "rejected_by_reason": {"wrong_answer": 50, "flaky": 10}, "failed_by_boundary": {"teacher": 30},
        },
        "funnel": [{"stage": "answered", "input": 2000, "kept": 1960, "dropped": 40, "reasons": {"limit": 40}}],
        "rows": {"rows": 1900, "subsets": {"direct": 900, "refinement": 1000}},
        "teacher": {"calls": 9, "cost_usd": None},
        "lengths": [lengths],
    }  # fmt: skip
    return found | changes


class Reader(HTMLParser):
    """Texts of cells, and every tag and attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.urls.extend(value or "" for key, value in attrs if key in ("src", "href") or key.startswith("on"))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing() -> None:
    reader = Reader(report_page(stats(), svg=SVG))
    assert reader.open == []
    assert "script" not in reader.tags
    assert all(url.startswith("data:") for url in reader.urls)


def test_page_holds_counts_funnel_lengths_figure_and_references() -> None:
    page = report_page(stats(), svg=SVG)
    assert base64.b64encode(SVG).decode() in page
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"planned\s+kept\s+rejected\s+failed\s+unspent\s+2,000\s+1,900\s+60\s+30\s+10", text)
    shown = ("wrong_answer", "answered", "o200k_base, revision 446a9538cb6c", "Silverman", "33.3%", "thinking trace", "arXiv 2504.14597")
    assert [words for words in shown if words not in text] == []


def test_unknown_is_written_as_unknown() -> None:
    assert "<td>cost_usd</td><td>unknown</td>" in report_page(stats(), svg=SVG)


def test_all_text_is_escaped() -> None:
    evil = "<script>alert(1)</script>&\"'"
    page = report_page(
        stats(
            name=evil, description=evil, plan_digest=evil, rows={evil: evil}, funnel=[{evil: evil}], teacher={evil: [evil, {evil: evil}]},
            counts={"planned": 1, "rejected_by_reason": {evil: 1}},
        ),
        svg=SVG,
    )  # fmt: skip
    assert "<script" not in page
    assert Reader(page).open == []


def test_same_statistics_give_the_same_page() -> None:
    assert report_page(stats(), svg=SVG) == report_page(stats(), svg=SVG)


def test_a_run_without_rows_still_has_a_page() -> None:
    empty = length_statistics({span: [] for span in SPANS}, {"family": []}, tokenizer="t", revision="r")
    page = report_page(stats(lengths=[empty], rows=None, funnel=[]), svg=SVG)
    assert "<td>unknown</td>" in page
    assert Reader(report_page({}, svg=SVG)).open == []
