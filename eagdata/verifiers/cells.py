"""Texts and tables, brought to the form in which two honest spellings of the same answer are equal."""

from __future__ import annotations

import ast
import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from fractions import Fraction

from eagdata.records import Json
from eagdata.verifiers.numbers import close, number_of

MAX_CHARS = 20_000
"""Longer answers are refused unread."""
_MARKUP = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_SPACE = re.compile(r"\\[,;:! ]|[\s~]+")
_QUOTES = (('"', '"'), ("'", "'"), ("$", "$"), ("`", "`"), ("“", "”"))
_EMPTY = frozenset({"", "\\emptyset", "\\varnothing", "∅", "\\{\\}", "{}", "[]", "set()"})
_NULLS = frozenset({"null", "none", "nan"})

Cell = None | Fraction | str
Row = tuple[Cell, ...]


def normal_text(text: str, *, ignore_case: bool = True) -> str:
    """`text` in NFC, without LaTeX markup, outer quotes and dollars, closing full stop and superfluous space."""
    plain = _MARKUP.sub(r"\1", unicodedata.normalize("NFC", text))
    plain = _SPACE.sub(" ", plain).strip().removesuffix(".").strip()
    for opening, closing in _QUOTES:
        if len(plain) > 1 and plain.startswith(opening) and plain.endswith(closing):
            plain = plain[1:-1].strip()
    plain = re.sub(r"\s*,\s*", ", ", plain)
    return plain.casefold() if ignore_case else plain


def shows(outputs: Iterable[str], text: str) -> bool:
    """Whether the words of `text` stand one after the other in an output, whatever punctuation is between them."""
    wanted = _words(text)
    if not wanted:
        return any(text.strip() in output for output in outputs)
    return any(f" {wanted} " in f" {_words(output)} " for output in outputs)


def cell(value: Json) -> Cell:
    """A cell by its meaning: numbers exactly, however written; texts normalised; null apart from the empty text.

    Digits with a leading zero, as in postal codes, stay text. Truth values are the texts true and false.
    """
    if value is None or (isinstance(value, str) and value.strip().casefold() in _NULLS):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and re.match(r"\s*0[0-9]", value):
        return normal_text(value)
    number = number_of(value)
    return number.value if number and not number.percent else normal_text(value if isinstance(value, str) else json.dumps(value))


def same_cell(a: Cell, b: Cell, *, tolerance: float) -> bool:
    """Equal, or numbers within a relative tolerance."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return close(a, b, relative=tolerance)
    return a == b


def read_items(text: str) -> list[Cell] | None:
    """The elements of a collection: JSON, a Python literal, or values separated by commas, semicolons or lines; None if unreadable.

    A comma always separates here, so thousands commas are refused by being two elements."""
    plain = _stripped(text)
    if plain is None:
        return None
    if plain in _EMPTY:
        return [] if plain else None
    value = _literal(plain)
    if isinstance(value, list):
        return None if any(isinstance(item, list | dict) for item in value) else [cell(item) for item in value]
    inner = re.sub(r"^(?:\\left)?\\?[{\[(]|(?:\\right)?\\?[}\])]$", "", plain)
    parts = re.split(r"[;\n]" if re.search(r"[;\n]", inner) else r",(?:\s+and\b)?", inner)
    return [cell(part) for part in parts] if all(part.strip() for part in parts) else None


def read_rows(text: str) -> list[Row] | None:
    """The rows of a table: JSON or a Python literal (a list of rows, or of values of one column), or text with rows separated by
    `;` or lines and cells by `,`, quoted where they hold one; None if unreadable."""
    plain = _stripped(text)
    if plain is None or not plain:
        return None
    value = _literal(plain)
    if isinstance(value, list):
        return rows_of(value)
    lines = [line.strip().strip("|") for line in re.split(r"[;\n]", plain) if line.strip()]
    try:
        cells = list(csv.reader([line.replace("|", ",") for line in lines], skipinitialspace=True))
    except csv.Error:
        return None
    return [tuple(cell(part) for part in row) for row in cells] or None


def rows_of(value: Json) -> list[Row] | None:
    """Rows of a JSON list; a value that is no list is a row of one cell. None if it is no table."""
    if not isinstance(value, list) or any(isinstance(row, dict) for row in value):
        return None
    return [tuple(cell(part) for part in row) if isinstance(row, list) else (cell(row),) for row in value]


def same_rows(found: Sequence[Row], wanted: Sequence[Row], *, ordered: bool, tolerance: float) -> bool:
    """Whether two tables hold the same rows, each as often; quadratic only where rows differ by rounding."""

    def same(a: Row, b: Row) -> bool:
        return len(a) == len(b) and all(same_cell(x, y, tolerance=tolerance) for x, y in zip(a, b, strict=True))

    if len(found) != len(wanted):
        return False
    if ordered:
        return all(same(a, b) for a, b in zip(found, wanted, strict=True))
    left = list(found)
    for row in wanted:
        place = left.index(row) if row in left else next((i for i, other in enumerate(left) if same(other, row)), None)
        if place is None:
            return False
        del left[place]
    return True


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", normal_text(text)))


def _stripped(text: str) -> str | None:
    if len(text) > MAX_CHARS:
        return None
    plain = text.strip()
    return plain[1:-1].strip() if len(plain) > 1 and plain[0] == plain[-1] == "$" else plain


def _literal(text: str) -> Json:
    """A list as JSON or as a Python literal, tuples and sets as lists; None for anything else."""
    if text[:1] not in "[({":
        return None
    try:
        return _listed(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return _listed(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _listed(value: object) -> Json:
    if isinstance(value, list | tuple | set):
        return [_listed(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
