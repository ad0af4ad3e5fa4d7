r"""The content of `\boxed{...}`: where teachers put their final answers, and datasets of mathematics theirs."""

from __future__ import annotations

import re

_BRACE = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|\\.|[{}]", re.DOTALL)


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` or `\fbox{...}` whose braces balance; None if there is none but empty ones. One pass.

    Escaped braces do not count. Of boxes in each other, the inner one. Source: `last_boxed_only_string` of MATH (Hendrycks et al. 2021).
    """
    if "boxed" not in text and "fbox" not in text:
        return None
    found, latest = None, -1
    open_at: list[int | None] = []
    for brace in _BRACE.finditer(text):
        if brace[0][-1] == "{" and (brace["box"] or len(brace[0]) == 1):
            open_at.append(brace.end() if brace["box"] else None)
        elif brace[0] == "}" and open_at and (start := open_at.pop()) is not None and start > latest:
            content = text[start : brace.start()].strip()
            found, latest = (content, start) if content else (found, latest)
    return found
