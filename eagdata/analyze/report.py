"""The report: one HTML page that holds all it shows, opens from disk, runs no script and loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Stats = Mapping[str, Any]  # Any: JSON values, read key by key

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: 0; }}
h2 {{ margin-top: 2.2rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #8886; }}
th:first-child, td:first-child {{ text-align: left; }}
caption {{ text-align: left; padding: .4rem 0; color: #888; }}
img {{ max-width: 100%; background: #fff; }}
code {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
_COLUMNS = ("n", "mean", "min", "q05", "q25", "median", "q75", "q95", "max", "mode", "bandwidth_tokens")
_FACTS = (
    ("Rows", "rows"),
    ("How it was made", "made"),
    ("Teacher", "teacher"),
    ("Environment", "environment"),
    ("Sources", "sources"),
    ("Licences", "licenses"),
)


def report_page(stats: Stats, *, svg: bytes) -> str:
    """The page for `stats` (the content of `stats.json`) with the length figure. The same input gives the same bytes.

    Read from `stats`: `name`, `description`, `plan_digest`, `eagdata_version`; `counts`; `funnel` (list of objects with like
    keys); `lengths` (list of `length_statistics`); and the objects named in `_FACTS`. What is missing is left out.
    """
    parts = [_head(stats)]
    if "counts" in stats:
        parts.append(_counts(stats["counts"]))
    if stats.get("funnel"):
        parts.append(_section("Funnel", _objects(stats["funnel"], caption="What entered each stage, and what left it.")))
    if stats.get("lengths"):
        parts.append(_lengths(stats["lengths"], svg))
    parts.extend(_section(title, _facts(stats[key])) for title, key in _FACTS if stats.get(key))
    return _PAGE.format(title=escape(f"{stats.get('name', 'dataset')}: report"), body="\n".join(parts))


def _head(stats: Stats) -> str:
    made = f"plan <code>{_text(stats.get('plan_digest'))}</code>, eagdata {_text(stats.get('eagdata_version'))}"
    return f"<h1>{_text(stats.get('name', 'dataset'))}</h1>\n<p>{_text(stats.get('description', ''))}</p>\n<p>{made}</p>"


def _counts(counts: Stats) -> str:
    parts = ("planned", "kept", "rejected", "failed", "unspent")
    identity = _table(parts, [[counts.get(part) for part in parts]], caption="Tasks: planned = kept + rejected + failed + unspent.")
    reasons = [
        [kind, reason, count]
        for kind, key in (("rejected", "rejected_by_reason"), ("failed", "failed_by_boundary"))
        for reason, count in sorted(counts.get(key, {}).items(), key=lambda item: (-item[1], item[0]))
    ]
    why = _table(("what", "why", "tasks"), reasons, caption="Why.") if reasons else ""
    return _section("Tasks", identity + why)


def _lengths(lengths: Sequence[Stats], svg: bytes) -> str:
    encoded = base64.b64encode(svg).decode()
    figure = f'<img alt="Density and violins of the tokens a row" src="data:image/svg+xml;base64,{encoded}">'
    return _section("Token lengths", figure + "".join(map(_tokenizer, lengths)) + _references(lengths[0].get("references", [])))


def _tokenizer(found: Stats) -> str:
    rows = [[span, *(values[c] for c in _COLUMNS)] for span, values in found["spans"].items()]
    name = f"{found['tokenizer']}, revision {found['revision']}, special tokens {found['special_tokens']}"
    parts = [
        f"<h3>{_text(name)}</h3>",
        _table(("span", *_COLUMNS), rows, caption=f"Tokens a row. Mode: {found['mode_method']}. Quantiles: {found['quantile_method']}."),
        _cuts(found["cut_share"]),
        *(_group(grouping, labels) for grouping, labels in found["groups"].items() if labels),
    ]
    return "\n".join(parts)


def _cuts(shares: Stats) -> str:
    head = [f"> {int(cut):,}" for cut in shares]
    return _table(head, [[_percent(share) for share in shares.values()]], caption="Rows that training at this length cuts.")


def _group(grouping: str, labels: Stats) -> str:
    rows = [[label, *(found["spans"]["total"][c] for c in _COLUMNS)] for label, found in labels.items()]
    return _table((grouping, *_COLUMNS), rows, caption=f"Total tokens a row by {grouping}.")


def _references(references: Sequence[Stats]) -> str:
    if not references:
        return ""
    caption = "Published values, for reference only. Compare within one tokenizer and one span; these differ or are not named."
    return "<h3>Published elsewhere</h3>" + _objects(references, caption=caption)


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}"


def _facts(found: Stats) -> str:
    return _table(("", ""), [[key, value] for key, value in found.items()])


def _objects(found: Sequence[Stats], *, caption: str) -> str:
    return _table(tuple(found[0]), [list(item.values()) for item in found], caption=caption)


def _table(head: Iterable[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    titles = "".join(f'<th scope="col">{escape(title.replace("_", " "))}</th>' for title in head)
    body = "\n".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{named}<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n'


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _text(value: object) -> str:
    """Any JSON value as escaped text; None is unknown, never 0."""
    if value is None:
        return "unknown"
    if isinstance(value, bool | str):
        return escape(str(value))
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(str(key))}: {_text(inner)}" for key, inner in value.items()) or "none"
    return ", ".join(map(_text, value)) or "none" if isinstance(value, list | tuple) else escape(str(value))
