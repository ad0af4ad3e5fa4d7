r"""Tokens to exact algebra: sums, products, quotients, powers, roots, in LaTeX or plain notation.

What is not elementary (sines, logarithms, roots of sums, powers with unknowns) is `Unreadable` here, and a computer algebra system may try;
what can be meant in two ways (`1/2x`) is `Ambiguous`, and nobody may.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from eagdata.verifiers.written.algebra import Form, Refused, Unreadable
from eagdata.verifiers.written.notation import Token

GREEK = frozenset(
    "\\" + name
    for name in [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
        "ell",
    ]
)
_LARGEST_EXPONENT = 300
_LARGEST_FACTORIAL, _LARGEST_CHOICE = 100, 500
_MOST_NESTED = 100
_CONSTANTS = {r"\pi": "pi", "pi": "pi"}
_STARTS = frozenset({"(", "[", "{", r"\frac", r"\sqrt", r"\binom", r"\pi", "pi", "sqrt", r"\overline"}) | GREEK


class Ambiguous(Unreadable):
    """It can be meant in two ways."""


def form_of(tokens: Sequence[Token]) -> Form:
    """The value. Raises: Unreadable, Ambiguous, Refused (all of them Unreadable)."""
    if not tokens:
        raise Unreadable("nothing")
    reader = _Reader(list(tokens))
    form = reader.sum()
    if reader.tokens[reader.at :]:
        raise Unreadable(f"{reader.tokens[reader.at].text!r}")
    return form


def is_product_of_letters(word: str) -> bool:
    """Whether a bare word is letters multiplied: one or two of them, or more that follow each other in the alphabet, as `abc`.

    Other words, and permutations of these, are never read as products, so that no two words are equal as products."""
    return len(word) <= 2 or all(ord(b) - ord(a) == 1 for a, b in pairwise(word))


class _Reader:
    """Recursive descent; the depth of brackets is bounded by `tokens_of`."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.nested = tokens, 0, 0

    def sum(self) -> Form:
        total = self.signed()
        while (sign := self.take("+", "-")) is not None:
            part = self.product()
            total = total + (part if sign == "+" else -part)
        return total

    def signed(self) -> Form:
        sign = self.take("+", "-")
        value = self.product()
        return -value if sign == "-" else value

    def product(self) -> Form:
        value, mixed = self.factor(), self.is_mixed()
        if mixed:
            return value + self.factor()
        divided = False
        while True:
            if sign := self.take("*", "/"):
                negative = self.take("-")
                other = self.factor()
                other = -other if negative else other
                value = value / other if sign == "/" else value * other
                divided = sign == "/"
            elif self.starts_factor():
                if divided:
                    raise Ambiguous("a product behind a slash can belong to either side of it")
                value = value * self.factor()
            else:
                return value

    def factor(self) -> Form:
        value = self.primary()
        while sign := self.take("!", "^"):
            value = _factorial(value) if sign == "!" else value.power(self.exponent())
        return value

    def exponent(self) -> Fraction:
        """A tower is read from its top: 2^3^2 is 2^9."""
        self.enter()
        negative = self.take("-") is not None
        form = self.primary()
        if self.take("^"):
            form = form.power(self.exponent())
        if (value := form.rational) is None:
            raise Unreadable("an exponent that is no number")
        return -value if negative else value

    def primary(self) -> Form:
        token = self.next()
        if token.kind == "number":
            return Form.number(self.number(token.text))
        if token.text in ("(", "[", "{"):
            value = self.sum()
            self.expect({"(": ")", "[": "]", "{": "}"}[token.text])
            return value
        if token.text in (r"\frac", r"\binom"):
            over, under = self.argument(), self.argument()
            if token.text == r"\frac":
                return over / under
            n, k = (_whole(form, most=_LARGEST_CHOICE) for form in (over, under))
            return Form.number(math.comb(n, k))
        if token.text in (r"\sqrt", "sqrt"):
            return self.root()
        if token.text in _CONSTANTS:
            return Form.letter(_CONSTANTS[token.text])
        if token.text in GREEK or token.kind == "word":
            return self.letters(token)
        raise Unreadable(f"{token.text!r}")

    def number(self, text: str) -> Fraction:
        mantissa, _, exponent = text.lower().partition("e")
        if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
            raise Refused(f"the exponent {exponent}")
        repeated = ""
        if "." in text and self.peek(r"\overline"):
            self.next()
            self.expect("{")
            repeated = self.next().text
            self.expect("}")
            if not repeated.isdigit():
                raise Unreadable("a decimal that repeats no digits")
        value = Fraction(f"0{mantissa}".rstrip(".")) * Fraction(10) ** int(exponent or 0)
        places = len(mantissa.partition(".")[2])
        return value + (Fraction(int(repeated), (10 ** len(repeated) - 1) * 10**places) if repeated else 0)

    def root(self) -> Form:
        degree = 2
        if self.take("["):
            degree = _whole(form_of((self.next(),)), most=60)
            self.expect("]")
        value = self.argument()
        negative = (known := value.rational) is not None and known < 0 and degree % 2 == 1
        if degree == 0:
            raise Refused("a root of degree 0")
        found = (-value if negative else value).power(Fraction(1, degree))
        return -found if negative else found

    def argument(self) -> Form:
        r"""What a command takes: a group, or the next single sign; of `12` in `\frac12`, the 1."""
        self.enter()
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is not None and token.kind in ("number", "word") and len(token.text) > 1 and re.fullmatch("[0-9]+|[A-Za-z]+", token.text):
            self.tokens[self.at : self.at + 1] = [Token(token.kind, token.text[0]), Token(token.kind, token.text[1:])]
        return self.primary()

    def letters(self, token: Token) -> Form:
        if token.kind == "command":
            names = [token.text]
        elif is_product_of_letters(token.text):
            names = list(token.text)
        else:
            raise Unreadable(f"the word {token.text!r}")
        if self.take("_"):
            group = self.take("{")
            names[-1] += "_" + self.next().text
            if group:
                self.expect("}")
        value = Form.number(1)
        for name in names[:-1]:
            value = value * Form.letter(name)
        last = Form.letter(names[-1])
        if len(names) > 1 and self.take("^"):
            last = last.power(self.exponent())
        return value * last

    def is_mixed(self) -> bool:
        r"""Whether a whole number stands right before a fraction of whole numbers: `1\frac12` is 3/2."""
        before, rest = self.tokens[max(self.at - 1, 0)], self.tokens[self.at : self.at + 7]
        if not rest or rest[0].text != r"\frac" or before.kind != "number" or not before.text.isdigit():
            return False
        if self.at > 1 and self.tokens[self.at - 2].text in ("^", "_"):
            return False
        return re.match(r"\\frac (\{ )?[0-9]+( \})? ?(\{ )?([0-9]+|$)", " ".join(token.text for token in rest)) is not None

    def starts_factor(self) -> bool:
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        if token.kind == "number":  # x2 and 7 2 are no products
            return self.tokens[self.at - 1].text in (")", "}")
        return token.text in _STARTS or token.kind == "word"

    def enter(self) -> None:
        """Braces may be left out, so that the depth of brackets does not bound the depth of these."""
        self.nested += 1
        if self.nested > _MOST_NESTED:
            raise Refused(f"more than {_MOST_NESTED} powers, roots and parts of fractions")

    def peek(self, *texts: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].kind != "text" and self.tokens[self.at].text in texts

    def take(self, *texts: str) -> str | None:
        return self.next().text if self.peek(*texts) else None

    def next(self) -> Token:
        if self.at >= len(self.tokens):
            raise Unreadable("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise Unreadable(f"no {text!r}")


def _factorial(form: Form) -> Form:
    return Form.number(math.factorial(_whole(form, most=_LARGEST_FACTORIAL)))


def _whole(form: Form, *, most: int) -> int:
    value = form.rational
    if value is None or value.denominator != 1 or value < 0:
        raise Unreadable("no whole number")
    if value > most:
        raise Refused(f"{value} is more than {most}")
    return int(value)
