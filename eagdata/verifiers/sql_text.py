"""The little of a query's text that its judge must understand: whether its outermost level is ordered, and by what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<quoted>'(?:[^']|'')*'?|\"(?:[^\"]|\"\")*\"?|`(?:[^`]|``)*`?)"
    r"|(?P<word>[^\W\d][\w$]*)|(?P<number>\d[\w.]*)|.",
    re.S,
)
_DIRECTIONS = frozenset({"ASC", "DESC", "NULLS", "FIRST", "LAST"})
_AFTER_ORDER = frozenset({"LIMIT", "OFFSET", "FETCH", "FOR", ";"})
_FENCE = re.compile(r"\s*```[\w-]*[ \t]*\n(.*?)```\s*", re.S)


@dataclass(frozen=True, slots=True)
class Token:
    """One token outside of all brackets: words in capitals, quoted names and texts as they stand."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Order:
    """The ORDER BY of the outermost level."""

    terms: tuple[str, ...]
    """What it sorts by, without directions."""
    select_end: int | None
    """Where the outermost list of results ends: the place of its FROM; None if it has none."""


def query_of(answer: str | None) -> str:
    """The query in an answer, taken out of its Markdown fence if it has one; empty if there is none."""
    text = answer or ""
    found = _FENCE.fullmatch(text)
    return (found[1] if found else text).strip()


def outer_order(sql: str) -> Order | None:
    """The ORDER BY that orders the result; those of subqueries, windows, aggregates and strings do not. None if there is none."""
    tokens = list(outer_tokens(sql))
    texts = [token.text for token in tokens]
    place = next((i for i in range(len(texts) - 1) if texts[i : i + 2] == ["ORDER", "BY"]), None)
    if place is None:
        return None
    terms, current = list[list[Token]](), list[Token]()
    for token in tokens[place + 2 :]:
        if token.text in _AFTER_ORDER:
            break
        if token.text == ",":
            terms.append(current)
            current = []
        else:
            current.append(token)
    terms.append(current)
    select = next((i for i, text in enumerate(texts) if text == "SELECT"), len(texts))
    end = next((token.start for token in tokens[select:] if token.text == "FROM"), None)
    return Order(tuple(_expression(sql, term) for term in terms), end)


def with_results(sql: str, order: Order, expressions: Sequence[str]) -> str | None:
    """The query with further results at the end of each row; None if there is no place for them."""
    if order.select_end is None:
        return None
    return f"{sql[: order.select_end]}, {', '.join(expressions)} {sql[order.select_end :]}"


def name_of(term: str) -> str | None:
    """The name that a term consists of, without quotes and in small letters; None if it is more than one name."""
    found = _TOKEN.fullmatch(term)
    if not found or not (found["word"] or found["quoted"]) or term[0] == "'":
        return None
    return (term if found["word"] else term[1:-1]).casefold()


def outer_tokens(sql: str) -> Iterator[Token]:
    """The tokens that stand in no brackets; a bracket that opens is one, what is in it and its end are none."""
    depth = 0
    for found in _TOKEN.finditer(sql):
        text = found[0]
        if found["skip"]:
            continue
        if text in ")]":
            depth -= 1
        if depth == 0:
            yield Token(text.upper() if found["word"] else text, found.start(), found.end())
        if text in "([":
            depth += 1


def _expression(sql: str, tokens: list[Token]) -> str:
    kept = len(tokens)
    while kept > 1 and tokens[kept - 1].text in _DIRECTIONS:
        kept -= 1
    return sql[tokens[0].start : tokens[kept - 1].end] if tokens else ""
