"""Units that stand behind a number: what they measure and how much of it, exactly.

Sources of the factors: BIPM, The International System of Units (SI), 9th edition, tables 2, 4, 7 and 8; for inch to acre, ounce to
ton, and US gallon: NIST Special Publication 811 (2008), appendix B.8, entries marked as exact. A month has no fixed length: it
is a twelfth of a year, and a year is not turned into days.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from eagdata.verifiers.numbers import changes_number
from eagdata.verifiers.written.algebra import Form, Unreadable

Dimension = tuple[tuple[str, int], ...]
"""Sorted bases and their powers: (("length", 1), ("time", -1)) is a speed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit measures, and its size in the base of that."""

    dimension: Dimension
    factor: Form
    known: bool = True
    """In the table; else a word that people count by, such as apples."""

    @property
    def plain(self) -> bool:
        """A share of one: the percent sign."""
        return not self.dimension


PERCENT = Unit((), Form.number(Fraction(1, 100)))
DEGREE = Unit((("angle", 1),), Form.letter("pi") * Form.number(Fraction(1, 180)))
_RADIAN = Unit((("angle", 1),), Form.number(1))
_WHOLE = {"%": PERCENT, "percent": PERCENT, "per cent": PERCENT, "degree": DEGREE, "deg": DEGREE, "radian": _RADIAN, "rad": _RADIAN}
_KINDS: Mapping[str, Mapping[str, str]] = {
    "length": {
        "1": "m metre meter", "1000": "km kilometre kilometer", "1/100": "cm centimetre centimeter", "1/10": "dm decimetre decimeter",
        "1/1000": "mm millimetre millimeter", "1/1000000": "µm μm micrometre micrometer", "1/1000000000": "nm nanometre nanometer",
        "0.0254": "in inch inches", "0.3048": "ft foot feet", "0.9144": "yd yard", "1609.344": "mi mile", "1852": "nautical-mile",
    },
    "mass": {
        "1": "kg kilogram kilo", "1/1000": "g gram", "1/1000000": "mg milligram", "1000": "t tonne", "0.45359237": "lb lbs pound",
        "0.028349523125": "oz ounce", "907.18474": "ton",
    },
    "time": {
        "1": "s sec second", "60": "min minute", "3600": "h hr hour", "86400": "day", "604800": "week", "1/1000": "ms millisecond",
        "1/1000000": "µs μs microsecond",
    },
    "years": {"1": "yr year", "1/12": "month", "10": "decade", "100": "century centuries"},
    "money": {"1": "dollar usd buck", "1/100": "cent ¢"},
    "euros": {"1": "euro eur €"},
    "pounds sterling": {"1": "gbp £", "1/100": "pence"},
    "yen": {"1": "yen ¥"},
    "degrees celsius": {"1": "celsius"}, "degrees fahrenheit": {"1": "fahrenheit"},
    "volts": {"1": "volt"}, "amperes": {"1": "ampere amp"}, "kelvin": {"1": "kelvin"}, "moles": {"1": "mol mole"},
}  # fmt: skip
_COMPOUND = {
    "l": "dm^3", "litre": "dm^3", "liter": "dm^3", "ml": "cm^3", "millilitre": "cm^3", "milliliter": "cm^3", "cc": "cm^3", "mph": "mi/h",
    "kph": "km/h", "kmh": "km/h", "fps": "ft/s", "gallon": "231 in^3", "quart": "57.75 in^3", "pint": "28.875 in^3", "acre": "4840 yd^2",
    "hectare": "10000 m^2", "ha": "10000 m^2", "hz": "1 1/s", "newton": "kg m/s^2", "joule": "kg m^2/s^2", "watt": "kg m^2/s^3",
    "cl": "10 cm^3", "dl": "100 cm^3", "knot": "1852 m/h",
}  # fmt: skip
"""Unit: a number and a product of the units above."""
_BASE = {name: (kind, Fraction(size)) for kind, sizes in _KINDS.items() for size, names in sizes.items() for name in names.split()}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_WORD = re.compile(r"(?P<name>[A-Za-zµμ°€£¥¢-]+)\.?\s*(?:\^\s*\{?\s*(?P<power>-?[1-4])\s*\}?)?")
_SINGLE = frozenset("mghLs")
"""Letters that are units behind a number and a space. Other single letters, and these right behind a number, are unknowns."""


def unit_of(text: str) -> Unit:
    """The unit that `text` names, such as `km/h`, `square feet`, `m s^-2`, `large pizzas`. Raises: Unreadable."""
    if whole := _WHOLE.get(text.strip().casefold().removesuffix("s")):
        return whole
    if re.search(r"\b[A-KM-Z]\b", text):
        raise Unreadable(f"the unit {text!r}")  # 5 K and 5 M are thousands and millions to many
    over, *unders = re.split(r"/|\bper\b", text.strip().casefold())
    parts = [(over, 1), *((under, -1) for under in unders)]
    dimension, factor, known = Counter[str](), Fraction(1), True
    for part, sign in parts:
        if not part.strip():
            raise Unreadable("an empty unit")
        for base, power, size, listed in _factors(part):
            dimension[base] += sign * power
            factor *= size**sign
            known = known and listed
    return Unit(tuple(sorted((base, power) for base, power in dimension.items() if power)), Form.number(factor), known)


def is_unit(word: str) -> bool:
    """Whether a bare word is a unit of the table: two letters or more, or one of the letters that stand for a unit."""
    return word in _SINGLE or (len(word) > 1 and (_named(word.casefold()) or _WHOLE.get(word.casefold().removesuffix("s"))) is not None)


def _factors(part: str) -> list[tuple[str, int, Fraction, bool]]:
    """Base, power, size and whether it is of the table, for each factor; words of no table are one thing that is counted."""
    part = re.sub(r"\s*\^\s*", "^", part).strip()
    words = list(_WORD.finditer(part))
    if not words or " ".join(word[0].strip() for word in words) != " ".join(part.split()):
        raise Unreadable(f"the unit {part!r}")
    found: list[tuple[str, int, Fraction, bool]] = []
    raised = 1
    for word in words:
        name = word["name"]
        if name in _POWERS:
            if name.endswith("ed") and found:
                base, power, size, listed = found.pop()
                found.append((base, power * _POWERS[name], size ** _POWERS[name], listed))
            else:
                raised = _POWERS[name]
            continue
        bases = _named(name)
        if bases is None:
            return [(_counted(part), 1, Fraction(1), False)]
        times = raised * int(word["power"] or 1)
        found += [(base, power * times, size**times, True) for base, power, size in bases]
        raised = 1
    if not found or raised != 1:
        raise Unreadable(f"the unit {part!r}")
    return found


def _named(name: str) -> list[tuple[str, int, Fraction]] | None:
    for spelling in (name, name.removesuffix("s"), name.removesuffix("es")):
        if spelling in _BASE and not (spelling != name and len(spelling) < 2):
            kind, size = _BASE[spelling]
            return [(kind, 1, size)]
        if spelling in _COMPOUND:
            number = re.match(r"[0-9.]+ ", _COMPOUND[spelling])
            product = _COMPOUND[spelling].removeprefix(number[0] if number else "")
            factors = [
                (base, sign * power, size**sign)
                for part, sign in zip(product.split("/"), (1, -1), strict=False)
                for base, power, size, _ in (_factors(part) if part != "1" else ())
            ]
            return [(factors[0][0], factors[0][1], factors[0][2] * Fraction(number[0].strip() if number else 1)), *factors[1:]]
    return None


def _counted(part: str) -> str:
    """Raises: Unreadable for more than three words, or one that changes the number."""
    words = part.split()
    if len(words) > 3 or changes_number(part) or not all(re.fullmatch(r"[a-z°'-]{2,}", word) for word in words):
        raise Unreadable(f"the words {part!r}")
    return "count of " + " ".join(word.removesuffix("s") for word in words)
