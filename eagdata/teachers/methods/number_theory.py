"""Method for the family `number_theory`: the textbook algorithm, then a check by definition."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from eagdata.teachers.methods.plan import Plan, Slip, Step

_GCD = re.compile(r"greatest common divisor of (\d+) and (\d+)\?")
_INVERSE = re.compile(r"inverse of (\d+) modulo (\d+), as an integer")
_REMAINDERS = re.compile(r"smallest non-negative integer that leaves (remainder .*)\?")
_DIVISORS = re.compile(r"How many positive divisors does (\d+) have\?")
_LAST = re.compile(r"do the last (\d+) decimal digits of (\d+)\^(\d+) form\?")
_SUM = re.compile(r"sum of the decimal digits of (\d+)\^(\d+)\?")


def plan(question: str) -> Plan | None:
    ways: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Plan]], ...] = (
        (_GCD, _gcd),
        (_INVERSE, _inverse),
        (_REMAINDERS, _remainders),
        (_DIVISORS, _divisors),
        (_LAST, _last_digits),
        (_SUM, _digit_sum),
    )
    return next((make(found) for pattern, make in ways if (found := pattern.search(question))), None)


def _gcd(found: re.Match[str]) -> Plan:
    a, b = int(found[1]), int(found[2])
    euclid = (
        "first, second = a, b\nwhile second:\n    print(first, second, first % second)\n"
        "    first, second = second, first % second\nanswer = first"
    )
    trial = "answer = max(d for d in range(1, min(a, b) + 1) if a % d == 0 and b % d == 0)\nprint(answer)"
    work = Step(
        makes="answer",
        thoughts=(
            "Euclid's algorithm: replace the pair by the smaller number and the remainder until the remainder is 0.",
            "I look for the largest number that divides both.",
        ),
        codes=(euclid, trial),
        paired=True,
        slips=(
            Slip("answer = first", "answer = second", "When the loop ends the second number is 0, and the divisor is the first."),
            Slip("while second:", "while first % second:", "The loop stops one step too early; it must run until the second is 0."),
            Slip(
                "range(1, min(a, b) + 1)",
                "range(1, min(a, b) // 2)",
                "The range stops too early: the divisor can be as large as the smaller number.",
            ),
            Slip("max(d for", "min(d for", "I took the smallest common divisor instead of the largest."),
        ),
    )
    check = (
        'assert a % answer == 0 and b % answer == 0, f"{answer} does not divide both numbers"\n'
        "rest = [d for d in range(2, 50) if a // answer % d == 0 and b // answer % d == 0]\n"
        'assert not rest, f"after dividing by {answer} both still share {rest}"\nprint(answer)'
    )
    head = (f"I apply Euclid's algorithm to {a} and {b}, taking remainders until none is left.", str(math.gcd(a, b)))
    return _plan(f"a = {a}\nb = {b}", work, check="rest", code=check, head=head)


def _inverse(found: re.Match[str]) -> Plan:
    number, modulus = int(found[1]), int(found[2])
    extended = (
        "old, new = modulus, number\nold_factor, factor = 0, 1\nwhile new:\n    quotient = old // new\n"
        "    old, new = new, old - quotient * new\n"
        "    old_factor, factor = factor, old_factor - quotient * factor\nanswer = old_factor % modulus\nprint(old, answer)"
    )
    search = "answer = next(x for x in range(1, modulus) if number * x % modulus == 1)\nprint(answer)"
    work = Step(
        makes="answer",
        thoughts=(
            "The extended Euclidean algorithm gives the inverse as the factor that goes with the gcd 1.",
            "I look for the number whose product with the given one leaves remainder 1.",
        ),
        codes=(extended, search),
        paired=True,
        slips=(
            Slip(
                "old_factor % modulus", "abs(old_factor) + 1", "I must reduce the factor modulo the modulus, not take its absolute value."
            ),
            Slip(
                "old_factor - quotient * factor",
                "old_factor + quotient * factor",
                "The factors follow the same recursion as the remainders, with a minus sign.",
            ),
            Slip("number * x % modulus == 1", "number + x % modulus == 1", "An inverse is about the product, and I wrote a sum."),
        ),
    )
    check = (
        'product = number * answer % modulus\nassert product == 1, f"{number} * {answer} leaves {product}"\n'
        'assert 0 < answer < modulus, f"{answer} is out of range"\nprint(answer)'
    )
    head = (
        f"I run the extended Euclidean algorithm on {modulus} and {number}.",
        str(pow(number, -1, modulus)) if math.gcd(number, modulus) == 1 else "0",
    )
    return _plan(f"number = {number}\nmodulus = {modulus}", work, check="product", code=check, head=head)


_SIEVE = """\
answer, step = 0, 1
for remainder, modulus in pairs:
    while answer % modulus != remainder:
        answer += step
    step *= modulus
    print(answer, step)"""
_FORMULA = """\
import math

total = math.prod(modulus for _, modulus in pairs)
answer = 0
for remainder, modulus in pairs:
    others = total // modulus
    answer += remainder * others * pow(others, -1, modulus)
answer = answer % total
print(answer, total)"""


def _remainders(found: re.Match[str]) -> Plan:
    pairs = [(int(r), int(m)) for r, m in re.findall(r"remainder (\d+) when divided by (\d+)", found[1])]
    work = Step(
        makes="answer",
        thoughts=(
            "I sieve: satisfy one condition after the other, stepping by the product of the moduli already dealt with.",
            "The moduli are coprime, so the Chinese remainder theorem applies.",
        ),
        codes=(_SIEVE, _FORMULA),
        paired=True,
        slips=(
            Slip("% modulus != remainder", "% modulus < remainder", "The remainder has to be equal, not just as large."),
            Slip(
                "answer, step = 0, 1",
                "answer, step = 1, 1",
                "I started at 1, so 0 and what belongs to it was never tried; the search has to start at 0.",
            ),
            Slip("pow(others, -1, modulus)", "pow(modulus, -1, others)", "I inverted the modulus instead of the product of the others."),
            Slip("answer = answer % total", "answer = answer + total", "The result has to be reduced by the product of the moduli."),
        ),
    )
    check = (
        "for remainder, modulus in pairs:\n"
        '    assert answer % modulus == remainder, f"{answer} leaves {answer % modulus} modulo {modulus}, not {remainder}"\n'
        "product = 1\nfor _, modulus in pairs:\n    product *= modulus\n"
        'assert 0 <= answer < product, f"{answer} is not the smallest one"\nprint(answer)'
    )
    total = math.prod(m for _, m in pairs)
    value = sum(r * (total // m) * pow(total // m, -1, m) for r, m in pairs) % total
    head = (f"The moduli are coprime, so there is exactly one such number below {total}, and I find it condition by condition.", str(value))
    (remainder, modulus), *others = pairs
    misread = Slip(str(pairs), str([((remainder + 1) % modulus, modulus), *others]), "I misread the first remainder.")
    return _plan(f"pairs = {pairs}", work, check="product", code=check, head=head, blind=(misread,))


def _divisors(found: re.Match[str]) -> Plan:
    number = int(found[1])
    factor = (
        "rest, prime, exponents = number, 2, {}\nwhile rest > 1:\n    while rest % prime == 0:\n"
        "        exponents[prime] = exponents.get(prime, 0) + 1\n"
        "        rest //= prime\n    prime += 1\nprint(exponents)\nanswer = 1\n"
        "for exponent in exponents.values():\n    answer *= exponent + 1"
    )
    in_pairs = (
        "answer, low = 0, 1\nwhile low * low <= number:\n    if number % low == 0:\n"
        "        answer += 1 if low * low == number else 2\n    low += 1\nprint(answer)"
    )
    work = Step(
        makes="answer",
        thoughts=(
            "I factor the number; each exponent e leaves e + 1 choices.",
            "Divisors come in pairs d and n / d, so I only look up to the square root.",
        ),
        codes=(factor, in_pairs),
        paired=True,
        slips=(
            Slip("answer *= exponent + 1", "answer *= exponent", "Each exponent e gives e + 1 choices, because 0 is one of them."),
            Slip("    answer *= exponent + 1", "    answer += exponent + 1", "The choices multiply; I added them up."),
            Slip("    low += 1", "    low += 2", "I stepped by two and so skipped the even divisors."),
            Slip("answer, low = 0, 1", "answer, low = 0, 2", "I started at 2 and lost the pair of 1 and the number itself."),
        ),
    )
    check = (
        "brute = sum(1 for d in range(1, number + 1) if number % d == 0)\n"
        'assert answer == brute, f"{answer} by the method, {brute} by trying every number"\nprint(answer)'
    )
    if number > 10**6:
        check = check.replace("range(1, number + 1)", "range(1, int(number ** 0.5) + 1)").replace(
            "sum(1 for", "sum(1 + (d * d != number) for"
        )
    count = sum(1 if d * d == number else 2 for d in range(1, math.isqrt(number) + 1) if number % d == 0)
    return _plan(
        f"number = {number}", work, check="brute", code=check, head=(f"I factor {number} and multiply the exponents plus one.", str(count))
    )


def _last_digits(found: re.Match[str]) -> Plan:
    digits, base, exponent = (int(found[i]) for i in (1, 2, 3))
    direct = "answer = pow(base, exponent, 10 ** digits)\nprint(answer)"
    squaring = (
        "modulus = 10 ** digits\nanswer, square, left = 1, base, exponent\nwhile left:\n"
        "    if left % 2 == 1:\n        answer = answer * square % modulus\n"
        "    square = square * square % modulus\n    left //= 2\nprint(answer)"
    )
    work = Step(
        makes="answer",
        thoughts=(
            f"The last {digits} digits are the power modulo {10**digits}.",
            "I only need the remainder, so I square and reduce as I go.",
        ),
        codes=(direct, squaring),
        paired=True,
        slips=(
            Slip("10 ** digits)", "10 ** (digits - 1))", "I kept one digit too few."),
            Slip("modulus = 10 ** digits", "modulus = 10 * digits", "The modulus is a power of ten, not a multiple of ten."),
            Slip("pow(base, exponent, 10", "pow(exponent, base, 10", "I swapped base and exponent."),
            Slip("if left % 2 == 1", "if left % 2 == 0", "The factor belongs to the odd steps; I had the parity the wrong way round."),
        ),
    )
    check = (
        "slow = 1\nfor _ in range(exponent):\n    slow = slow * base % 10 ** digits\n"
        'assert answer == slow, f"{answer}, but multiplying step by step gives {slow}"\nprint(answer)'
    )
    head = (f"I square repeatedly and keep the remainder modulo {10**digits} each time.", str(pow(base, exponent, 10**digits)))
    return _plan(f"base = {base}\nexponent = {exponent}\ndigits = {digits}", work, check="slow", code=check, head=head)


def _digit_sum(found: re.Match[str]) -> Plan:
    base, exponent = int(found[1]), int(found[2])
    text = "power = base ** exponent\nanswer = sum(int(digit) for digit in str(power))\nprint(power)"
    loop = "rest = base ** exponent\nanswer = 0\nwhile rest:\n    answer += rest % 10\n    rest //= 10\nprint(answer)"
    work = Step(
        makes="answer",
        thoughts=(
            "Python has exact integers, so I can write the power out and add its digits.",
            "I peel the digits off from the right with remainders modulo 10.",
        ),
        codes=(text, loop),
        paired=True,
        slips=(
            Slip("sum(int(digit) for digit", "sum(digit for digit", "The digits are characters until they are turned into numbers."),
            Slip("base ** exponent", "base * exponent", "I multiplied where a power was meant."),
            Slip("    rest //= 10", "    rest //= 100", "I threw away two digits at a time."),
        ),
    )
    check = (
        "digits = list(map(int, format(base ** exponent, 'd')))\n"
        'assert answer == sum(digits), f"{answer}, but the digits add up to {sum(digits)}"\n'
        'assert answer % 9 == base ** exponent % 9, "the sum and the power differ modulo 9"\nprint(answer)'
    )
    head = (f"I write {base}^{exponent} out and add the digits.", str(sum(map(int, str(base**exponent)))))
    return _plan(f"base = {base}\nexponent = {exponent}", work, check="digits", code=check, head=head)


_CLOSING = ("The definition is satisfied.", "Checked against the definition.", "Both computations agree.")


def _plan(data: str, work: Step, *, check: str, code: str, head: tuple[str, str], blind: tuple[Slip, ...] = ()) -> Plan:
    given = Step(
        makes=data.split(" =")[0],
        thoughts=(
            "First the numbers of the question.",
            "I set up what is given.",
            "I note the given numbers before doing anything with them.",
        ),
        codes=(data, f"{data}\nprint({', '.join(line.split(' =')[0] for line in data.splitlines())})"),
        blind=blind,
    )
    verify = Step(
        makes=check,
        thoughts=(
            "Now I check the result against the definition.",
            "Does this really have the property that was asked for? I test it directly.",
            "Before I answer, an independent check.",
        ),
        codes=(code,),
    )
    return Plan(steps=(given, work, verify), head=lambda: head, closing=_CLOSING)
