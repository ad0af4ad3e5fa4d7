"""Divisors, remainders and digits of whole numbers."""

from __future__ import annotations

import math
from random import Random

from eagdata.tasks.families.draft import Draft, dial, listed

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_FORM = "Give one integer."


def draw(rng: Random, difficulty: float) -> Draft:
    """One of six kinds: gcd, inverse, remainders, divisors, last digits, digit sum."""
    kind = rng.choice(tuple(_KINDS))
    ask, answer = _KINDS[kind](rng, difficulty)
    return Draft(kind=kind, question=f"{ask} {_FORM}", verifier="number", reference=answer, answer=str(answer))


def _gcd(rng: Random, difficulty: float) -> tuple[str, int]:
    shared = rng.randint(2, dial(12, 400, difficulty))
    a, b = (shared * rng.randint(3, dial(30, 4000, difficulty)) for _ in range(2))
    return f"What is the greatest common divisor of {a} and {b}?", math.gcd(a, b)


def _inverse(rng: Random, difficulty: float) -> tuple[str, int]:
    modulus = rng.randint(20, dial(60, 5000, difficulty))
    number = rng.choice([n for n in rng.sample(range(2, modulus), 18) if math.gcd(n, modulus) == 1] or [modulus - 1])
    return f"What is the inverse of {number} modulo {modulus}, as an integer from 1 to {modulus - 1}?", pow(number, -1, modulus)


def _remainders(rng: Random, difficulty: float) -> tuple[str, int]:
    moduli = sorted(rng.sample(_PRIMES[: dial(5, 12, difficulty)], dial(2, 4, difficulty)))
    secret = rng.randrange(math.prod(moduli))
    parts = [f"remainder {secret % m} when divided by {m}" for m in moduli]
    return f"What is the smallest non-negative integer that leaves {listed(parts)}?", secret


def _divisors(rng: Random, difficulty: float) -> tuple[str, int]:
    number = rng.randint(2, 12)
    for _ in range(dial(1, 5, difficulty)):
        number *= rng.choice(_PRIMES[: dial(4, 8, difficulty)])
    return f"How many positive divisors does {number} have?", sum(
        1 if d * d == number else 2 for d in range(1, math.isqrt(number) + 1) if number % d == 0
    )


def _last_digits(rng: Random, difficulty: float) -> tuple[str, int]:
    base, exponent, digits = rng.randint(3, dial(20, 200, difficulty)), rng.randint(20, dial(100, 3000, difficulty)), rng.randint(2, 4)
    return f"Which integer do the last {digits} decimal digits of {base}^{exponent} form?", pow(base, exponent, 10**digits)


def _digit_sum(rng: Random, difficulty: float) -> tuple[str, int]:
    base, exponent = rng.randint(2, dial(9, 40, difficulty)), rng.randint(10, dial(40, 300, difficulty))
    return f"What is the sum of the decimal digits of {base}^{exponent}?", sum(map(int, str(base**exponent)))


_KINDS = {
    "gcd": _gcd,
    "inverse": _inverse,
    "remainders": _remainders,
    "divisors": _divisors,
    "last digits": _last_digits,
    "digit sum": _digit_sum,
}
