"""The report: one HTML page that holds all it shows, opens from disk, runs no script and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eagdata.analyze.page import escaped, image, page, percent, table

Stats = Mapping[str, Any]  # Any: JSON values, read key by key

_COLUMNS = ("n", "mean", "min", "q05", "q25", "median", "q75", "q95", "max", "mode", "bandwidth_tokens")
_FACTS = (
    ("Rows", "rows"),
    ("How it was made", "made"),
    ("Teacher", "teacher"),
    ("Environment", "environment"),
    ("Sources", "sources"),
    ("Licences", "licenses"),
)
_LISTS = (("Stages", "stages"), ("Input", "inputs"))


def report_page(stats: Stats, *, svg: bytes = b"", funnel: bytes = b"") -> str:
    """The page for `stats` (the content of `stats.json`) with the figures of lengths and funnel. The same input gives the same bytes.

    Read from `stats`: `name`, `description`, `plan_digest`, `eagdata_version`; `counts`; `funnel` (list of objects with like
    keys); `lengths` (list of `length_statistics`); `stages` and `inputs` (lists of objects); and the objects named in `_FACTS`. What
    is missing is left out.
    """
    parts = [_head(stats)]
    if "counts" in stats:
        parts.append(_counts(stats["counts"]))
    if stats.get("funnel"):
        shown = image(funnel, "Bars of what stays and what is dropped at each stage") if funnel else ""
        parts.append(_section("Funnel", shown + _objects(stats["funnel"], caption="What entered each stage, and what left it.")))
    for title, key in _LISTS:
        if stats.get(key):
            parts.append(_section(title, "".join(_facts(item) for item in stats[key])))
    if stats.get("lengths"):
        parts.append(_lengths(stats["lengths"], svg))
    parts.extend(_section(title, _facts(stats[key])) for title, key in _FACTS if stats.get(key))
    return page(f"{stats.get('name', 'dataset')}: report", "\n".join(parts))


def _head(stats: Stats) -> str:
    made = f"plan <code>{escaped(stats.get('plan_digest'))}</code>, eagdata {escaped(stats.get('eagdata_version'))}"
    return f"<h1>{escaped(stats.get('name', 'dataset'))}</h1>\n<p>{escaped(stats.get('description', ''))}</p>\n<p>{made}</p>"


def _counts(counts: Stats) -> str:
    parts = ("planned", "kept", "rejected", "failed", "unspent")
    identity = table(parts, [[counts.get(part) for part in parts]], caption="Tasks: planned = kept + rejected + failed + unspent.")
    reasons = [
        [kind, reason, count]
        for kind, key in (("rejected", "rejected_by_reason"), ("failed", "failed_by_boundary"))
        for reason, count in sorted(counts.get(key, {}).items(), key=lambda item: (-item[1], item[0]))
    ]
    why = table(("what", "why", "tasks"), reasons, caption="Why.") if reasons else ""
    return _section("Tasks", identity + why)


def _lengths(lengths: Sequence[Stats], svg: bytes) -> str:
    figure = image(svg, "Density and violins of the tokens a row")
    return _section("Token lengths", figure + "".join(map(_tokenizer, lengths)) + _references(lengths[0].get("references", [])))


def _tokenizer(found: Stats) -> str:
    rows = [[span, *(values[c] for c in _COLUMNS)] for span, values in found["spans"].items()]
    name = f"{found['tokenizer']}, revision {found['revision']}, special tokens {found['special_tokens']}"
    parts = [
        f"<h3>{escaped(name)}</h3>",
        table(("span", *_COLUMNS), rows, caption=f"Tokens a row. Mode: {found['mode_method']}. Quantiles: {found['quantile_method']}."),
        _cuts(found["cut_share"]),
        *(_group(grouping, labels) for grouping, labels in found["groups"].items() if labels),
    ]
    return "\n".join(parts)


def _cuts(shares: Stats) -> str:
    head = [f"> {int(cut):,}" for cut in shares]
    return table(head, [[percent(share) for share in shares.values()]], caption="Rows that training at this length cuts.")


def _group(grouping: str, labels: Stats) -> str:
    rows = [[label, *(found["spans"]["total"][c] for c in _COLUMNS)] for label, found in labels.items()]
    return table((grouping, *_COLUMNS), rows, caption=f"Total tokens a row by {grouping}.")


def _references(references: Sequence[Stats]) -> str:
    if not references:
        return ""
    caption = "Published values, for reference only. Compare within one tokenizer and one span; these differ or are not named."
    return "<h3>Published elsewhere</h3>" + _objects(references, caption=caption)


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}"


def _facts(found: Stats) -> str:
    return table(("", ""), [[key, value] for key, value in found.items()])


def _objects(found: Sequence[Stats], *, caption: str) -> str:
    return table(tuple(found[0]), [list(item.values()) for item in found], caption=caption)
