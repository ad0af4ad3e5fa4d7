"""Exact algebra: quotients of polynomials over the rationals in letters, pi, e, i and real roots of primes.

Equality is decided, both ways. Reduced products of roots of distinct primes are linearly independent over the rationals
(A. S. Besicovitch, "On the linear independence of fractional powers of integers", 1940), i is no real number, and letters, pi
and e are taken as independent of all else: a difference that does not cancel is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction

Monomial = tuple[tuple[str, Fraction], ...]
"""Sorted atoms and their exponents. The atom `2` is the number 2, with an exponent between 0 and 1."""
Polynomial = Mapping[Monomial, Fraction]

_MOST_BITS = 5_000
_MOST_TERMS = 200
_MOST_STEPS = 20_000
"""Multiplications of two terms, for one comparison: about a second at the largest numbers."""
_MOST_POWER = 60
"""Of a sum; a single term is bounded by its bits alone."""
_LARGEST_RADICAND = 10**8
"""Factored by trial division: at most 10^4 divisions, which count as 100 steps."""
_KNOWN = {"pi": math.pi, "e": math.e}


class Unreadable(Exception):
    """This notation, or this kind of value, is not ours to read."""


class Refused(Unreadable):
    """It means nothing (a division by zero), or is too large to be worked out: nobody else shall try either."""


@dataclass(frozen=True)
class Form:
    """`over / under`. Immutable; not always in lowest terms, so compare with `equals`."""

    over: Polynomial
    under: Polynomial

    @classmethod
    def number(cls, value: Fraction | int) -> Form:
        """A rational number. Raises: Refused beyond 5,000 bits."""
        return cls(_checked({(): Fraction(value)}), _ONE)

    @classmethod
    def letter(cls, name: str) -> Form:
        """An unknown, or one of the constants `pi`, `e` and `i`."""
        return cls({((name, Fraction(1)),): Fraction(1)}, _ONE)

    @property
    def rational(self) -> Fraction | None:
        """Its value if it is plainly a rational number."""
        if self.under != _ONE or any(self.over):
            return None
        return self.over.get((), Fraction(0))

    @property
    def letters(self) -> frozenset[str]:
        """The atoms in it that are no numbers: unknowns, `pi`, `e`, `i`."""
        return frozenset(atom for part in (self.over, self.under) for term in part for atom, _ in term if not atom.isdigit())

    def __add__(self, other: Form) -> Form:
        if self.under == other.under:
            return Form(_sum(self.over, other.over), self.under)
        return Form(_sum(_product(self.over, other.under), _product(other.over, self.under)), _product(self.under, other.under))

    def __neg__(self) -> Form:
        return Form({term: -factor for term, factor in self.over.items()}, self.under)

    def __sub__(self, other: Form) -> Form:
        return self + -other

    def __mul__(self, other: Form) -> Form:
        return Form(_product(self.over, other.over), _product(self.under, other.under))

    def __truediv__(self, other: Form) -> Form:
        """Raises: Refused for a division by zero."""
        if not other.over:
            raise Refused("a division by zero")
        return self * _inverse(other)

    def equals(self, other: Form) -> bool:
        """Whether both are the same. Raises: Refused beyond the limits."""
        return not _sum(_product(self.over, other.under), {t: -f for t, f in _product(other.over, self.under).items()})

    def power(self, exponent: Fraction) -> Form:
        """Raises: Refused beyond the limits and for 0 to a power that is not positive; Unreadable for a root of anything but a number."""
        if not self.over and exponent <= 0:
            raise Refused("zero to a power that is not positive")
        if exponent.denominator == 1:
            return _whole_power(self, int(exponent))
        value = self.rational
        if value is None or max(abs(value.numerator), value.denominator) > _LARGEST_RADICAND or exponent.denominator > _MOST_POWER:
            raise Unreadable("a root of something other than a number")
        if value < 0:
            if exponent.denominator != 2:
                raise Unreadable("a root of a negative number")
            return _whole_power(Form.letter("i") * Form.number(-value).power(Fraction(1, 2)), exponent.numerator)
        _spend(100)
        found = Form.number(1 if value else 0)
        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, times in _factors(number) if value else ():
                found = found * _root(prime, sign * times * exponent)
        return found

    def approximate(self) -> float | None:
        """Its value as a float; None with an unknown or `i` in it, or beyond what a float holds."""
        try:
            over, under = (sum(_float_of(term, factor) for term, factor in part.items()) for part in (self.over, self.under))
            return over / under
        except (KeyError, OverflowError, ZeroDivisionError):
            return None

    def proportional(self, other: Form) -> bool:
        """Whether `self = 0` and `other = 0` are the same equation, up to a factor that is a number.

        Raises: Refused beyond the limits."""
        if not self.over or not other.over:
            return not self.over and not other.over
        left, right = _product(self.over, other.under), _product(other.over, self.under)
        first = min(left)
        if first not in right:
            return False
        ratio = right[first] / left[first]
        return {term: factor * ratio for term, factor in left.items()} == right


@contextmanager
def bounded() -> Iterator[None]:
    """Within it, algebra is refused beyond 20,000 steps in all: what an answer can cost, whatever it says."""
    token = _STEPS.set([_MOST_STEPS])
    try:
        yield
    finally:
        _STEPS.reset(token)


_STEPS: ContextVar[list[int] | None] = ContextVar("_STEPS", default=None)
_ONE: Polynomial = {(): Fraction(1)}


def _spend(steps: int) -> None:
    left = _STEPS.get()
    if left is not None:
        left[0] -= steps
        if left[0] < 0:
            raise Refused(f"more than {_MOST_STEPS} steps of algebra")


def _checked(polynomial: dict[Monomial, Fraction]) -> Polynomial:
    if len(polynomial) > _MOST_TERMS:
        raise Refused(f"more than {_MOST_TERMS} terms")
    if any(factor.numerator.bit_length() + factor.denominator.bit_length() > _MOST_BITS for factor in polynomial.values()):
        raise Refused(f"a number of more than {_MOST_BITS} bits")
    return {term: factor for term, factor in polynomial.items() if factor}


def _sum(a: Polynomial, b: Polynomial) -> Polynomial:
    total = dict(a)
    for term, factor in b.items():
        total[term] = total.get(term, Fraction(0)) + factor
    return _checked(total)


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    if b == _ONE:
        return a
    _spend(len(a) * len(b))
    total: dict[Monomial, Fraction] = {}
    for left, x in a.items():
        for right, y in b.items():
            term, factor = _times(left, right)
            total[term] = total.get(term, Fraction(0)) + factor * x * y
    return _checked(total)


def _times(a: Monomial, b: Monomial) -> tuple[Monomial, Fraction]:
    """The product as a reduced term and a number: 2^(1/2) * 2^(1/2) is 2, i * i is -1."""
    powers, number = dict(a), Fraction(1)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, Fraction(0)) + exponent
    for atom, exponent in list(powers.items()):
        if atom.isdigit() and exponent >= 1:
            number, powers[atom] = number * int(atom), exponent - 1
        elif atom == "i" and exponent == 2:
            number, powers[atom] = -number, Fraction(0)
    return tuple(sorted((atom, exponent) for atom, exponent in powers.items() if exponent)), number


def _inverse(form: Form) -> Form:
    """Numbers, roots and i leave the denominator where it is a single term."""
    if len(form.over) != 1:
        return Form(form.under, form.over)
    ((term, factor),) = form.over.items()
    found = Form(form.under, {tuple((atom, power) for atom, power in term if not atom.isdigit() and atom != "i"): Fraction(1)})
    for atom, power in term:
        if atom.isdigit():
            found = found * _root(int(atom), -power)
        elif atom == "i":
            found = found * -Form.letter("i")
    return found * Form.number(1 / factor)


def _root(prime: int, exponent: Fraction) -> Form:
    whole = math.floor(exponent)
    rest = exponent - whole
    if abs(whole) * prime.bit_length() > _MOST_BITS:
        raise Refused(f"a number of more than {_MOST_BITS} bits")
    return Form({((str(prime), rest),) if rest else (): Fraction(prime) ** whole}, _ONE)


def _whole_power(form: Form, exponent: int) -> Form:
    if exponent < 0:
        return _whole_power(Form.number(1) / form, -exponent)
    size = max(
        (f.numerator.bit_length() + f.denominator.bit_length() for part in (form.over, form.under) for f in part.values()), default=1
    )
    plain = len(form.over) <= 1 and len(form.under) == 1
    if size * exponent > _MOST_BITS or (not plain and exponent > _MOST_POWER):
        raise Refused(f"the power {exponent} of a large value")
    found = Form.number(1)
    for bit in bin(exponent)[2:]:
        found = found * found
        if bit == "1":
            found = found * form
    return found


def _factors(number: int) -> Iterator[tuple[int, int]]:
    divisor = 2
    while divisor * divisor <= number:
        times = 0
        while number % divisor == 0:
            number, times = number // divisor, times + 1
        if times:
            yield divisor, times
        divisor += 1
    if number > 1:
        yield number, 1


def _float_of(term: Monomial, factor: Fraction) -> float:
    """Raises: KeyError for an unknown; OverflowError."""
    size = float(factor)
    for atom, power in term:
        size *= math.pow(float(atom) if atom.isdigit() else _KNOWN[atom], float(power))
    return size
