"""Numbers as people and models write them, read exactly. What is not plainly one number is refused, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARS = 4000
"""Longer texts are refused unread: CPython refuses whole numbers of more than 4300 digits."""
_LARGEST_EXPONENT = 300
_PLAIN = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+"
_DECIMAL = rf"(?:{_PLAIN})(?:[eE][+-]?[0-9]{{1,3}})?"
_FRACTION = re.compile(rf"(?P<sign>[+-]?)\s?(?P<over>{_DECIMAL})(?:\s?/\s?(?P<under>{_DECIMAL}))?")
_LATEX_FRACTION = re.compile(r"(?P<sign>[+-]?)\s?\\[dt]?frac\s*\{(?P<over>[^{}]*)\}\s*\{(?P<under>[^{}]*)\}")
_LATEX_POWER = re.compile(r"\s*\\(?:times|cdot)\s*10\s*\^\s*(?:\{([+-]?[0-9]{1,3})\}|([0-9]))")
_WRAPPERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_NAMED = re.compile(r"[A-Za-z]\w{0,30}\s*=\s*")
_CURRENCY = re.compile(r"([+-]?)\s?(?:US)?(?:\\?\$|€|£|¥)\s?")
_UNIT = re.compile(r"(?:\s+|(?<=[0-9}])(?=[A-Za-z°]{2}))(?:[A-Za-z°]+(?:\^?[23²³])?[ /]?){1,4}")
_NOT_A_UNIT = re.compile(
    r"\b(?:or|and|to|not|but|if|when|than|then|more|less|least|most|over|under|above|below|short|maybe|perhaps|at|about|approximately|minus|"
    r"plus|times|squared|cubed|factorial|negative|mod|modulo|per|half|quarter|third|dozen|hundred|thousand|million|billion|trillion|percent|"
    r"pi|sqrt|unknown|nan|inf|infinity|oo|is|isn|are|was|wasn|no|nor|none|wrong|incorrect|false|except|without|unless|only|"
    r"roughly|around|nearly|almost|approx|close|guess|guessed|try|tried|until|before|after|from|too|any|all|neither|either|both)\b",
    re.IGNORECASE,
)
"""Words after a number that change it or leave it open."""
_UNIT_LETTERS = frozenset("msghlL°CF")
"""Other single letters may be unknowns, or mean thousands and millions."""
_IN_TEXT = re.compile(rf"(?<![\w.])Fraction\((?P<over>-?[0-9]+), (?P<under>[0-9]+)\)|(?<![\w.])-?(?:{_DECIMAL})(?:/[0-9]+)?(?![\w])")


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value, and whether it was written with a percent sign (50% has the value 50)."""

    value: Fraction
    percent: bool = False


def read_number(text: str) -> Number | None:
    r"""The one number that `text` is, or None.

    Read: whole numbers, decimals, thousands commas, a/b, \frac{a}{b}, 1.5e3 and 1.5 \times 10^{3}, a leading sign, currency or
    `x =`, a trailing percent sign or unit in words, LaTeX dollars. Refused: two numbers, mixed numbers, digits other than
    ASCII, hexadecimal, nan, infinities, exponents beyond 300, words that change the number ("5 million", "5 or more").
    """
    if len(text) > MAX_CHARS:
        return None
    plain = _CURRENCY.sub(r"\1", _NAMED.sub("", _unwrap(text), count=1), count=1)
    percent = plain.endswith("%")
    plain = plain.removesuffix("%").removesuffix("\\").rstrip() if percent else _without_unit(plain)
    value = _value(plain)
    return None if value is None else Number(value, percent)


def number_of(value: object) -> Number | None:
    """The number that a JSON value is: a number, or a text that `read_number` reads. A truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return read_number(value if isinstance(value, str) else repr(value))


def numbers_in(text: str) -> Iterator[Fraction]:
    """Every number that stands by itself in a printed text, `Fraction(7, 3)` included; 7/3 gives its value."""
    for found in _IN_TEXT.finditer(text):
        over, under = found["over"], found["under"]
        value = _value(f"{over}/{under}" if over else found[0]) if len(found[0]) <= MAX_CHARS else None
        if value is not None:
            yield value


def changes_number(words: str) -> bool:
    """Whether words behind a number change it or leave it open: "5 million", "5 or more", "5 is wrong"."""
    return _NOT_A_UNIT.search(words) is not None


def close(a: Fraction, b: Fraction, *, relative: float, absolute: float = 0.0) -> bool:
    """Whether `a` is `b`, within tolerances of which the larger one counts; exact where both are 0."""
    return abs(a - b) <= max(Fraction(str(relative)) * abs(b), Fraction(str(absolute)))


def shown_as(value: Fraction, shown: Fraction, places: int) -> bool:
    """Whether a printed number shows `value`: the same to 9 digits, or rounding to it at its `places` decimal places.

    A float shows an exact fraction to about 16 digits; the rest may be lost on the way."""
    return close(shown, value, relative=1e-9) or (places > 0 and round(shown, places) == value)


def _unwrap(text: str) -> str:
    plain = text.strip()
    for opening, closing in _WRAPPERS:
        if plain.startswith(opening) and plain.endswith(closing) and len(plain) > len(opening) + len(closing):
            plain = plain[len(opening) : -len(closing)].strip()
    plain = re.sub(r"\\(?:text|mathrm|mbox|textbf|mathbf)\s*\{([^{}]*)\}", r" \1", plain)
    plain = re.sub(r"\\[,!;: ]|~", " ", plain.replace("{,}", ",").replace("\\!", "").replace("−", "-").replace("\\%", "%"))
    return plain.strip().removesuffix(".").strip()


def _without_unit(plain: str) -> str:
    """`plain` without up to four trailing words that name a unit, such as "km/h" or "square metres"."""
    for found in _UNIT.finditer(plain):
        if found.end() == len(plain):
            words = re.findall(r"[A-Za-z°]+", found[0])
            short = all(len(word) > 1 or word in _UNIT_LETTERS for word in words)
            if words and short and not changes_number(found[0]):
                return plain[: found.start()]
    return plain


def _value(plain: str) -> Fraction | None:
    if found := _LATEX_FRACTION.fullmatch(plain):
        over, under = _value(found["over"].strip()), _value(found["under"].strip())
        return None if over is None or not under else (-1 if found["sign"] == "-" else 1) * over / under
    power = 0
    if found := _LATEX_POWER.search(plain):
        if found.end() != len(plain):
            return None
        plain, power = plain[: found.start()], int(found[1] or found[2])
    parts = _FRACTION.fullmatch(plain)
    if not parts or abs(power) > _LARGEST_EXPONENT:
        return None
    over, under = _decimal(parts["over"]), _decimal(parts["under"] or "1")
    if over is None or not under:
        return None
    return (-1 if parts["sign"] == "-" else 1) * over / under * Fraction(10) ** power


def _decimal(text: str) -> Fraction | None:
    mantissa, _, exponent = text.replace(",", "").lower().partition("e")
    if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
        return None
    return Fraction(f"0{mantissa}") * Fraction(10) ** int(exponent or 0)
