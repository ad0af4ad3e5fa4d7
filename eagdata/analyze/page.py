"""Parts of a page that holds all it shows, opens from disk, runs no script and loads nothing; and values in words."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

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


def page(title: str, body: str) -> str:
    """The whole document around `body`, which is HTML; `title` is not."""
    return _PAGE.format(title=escape(title), body=body)


def image(svg: bytes, told: str) -> str:
    """The picture itself, not a link to it; `told`: what is on it, for who does not see it."""
    return f'<img alt="{escape(told)}" src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}">'


def table(head: Iterable[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """Rows of JSON values."""
    titles = "".join(f'<th scope="col">{escape(title.replace("_", " "))}</th>' for title in head)
    body = "\n".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{named}<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n'


def percent(share: float | None) -> str | None:
    """A share in percent; None stays unknown."""
    return None if share is None else f"{share:.1%}"


def escaped(value: object) -> str:
    """`spelt`, for HTML."""
    return escape(spelt(value))


def spelt(value: object) -> str:
    """Any JSON value as text; None is unknown, never 0."""
    if value is None:
        return "unknown"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {spelt(inner)}" for key, inner in value.items()) or "none"
    return ", ".join(map(spelt, value)) or "none" if isinstance(value, list | tuple) else str(value)
