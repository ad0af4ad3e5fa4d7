r"""Answers as tokens: boxes opened, layout and markup gone, one spelling for each sign.

The traps come from real answers to MATH and GSM8K: `5{,}000`, `1,\!000`, `\frac12`, `\left(`, `\dfrac`, `$\$5$`, `90^\circ`, unicode
minus and superscripts, `\text{ cm}`. Digits of any script are read as what they are; superscript digits are powers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from eagdata.verifiers.written.algebra import Refused, Unreadable

MAX_CHARS = 4000
"""Longer texts are refused unread: CPython refuses whole numbers of more than 4300 digits."""
_MOST_DEPTH = 20
_BRACE = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|(?<!\\)[{}]")
_PHANTOM = re.compile(r"\\[hv]?phantom\s*\{[^{}]*\}|\\(?:quad|qquad|[,;:! ])|~|_")
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "∕": "/", "⁄": "/", "∞": r"\infty ",
    "π": r"\pi ", "√": r"\sqrt ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "∈": r"\in ",
    "±": r"\pm ", "°": r"^\circ ", "º": r"^\circ ", "ℝ": r"\mathbb{R}", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "’": "'",
    "′": "'", "∖": r"\setminus ", "￥": "¥", "％": "%", "，": ",", "（": "(", "）": ")", "\u00a0": " ",
}  # fmt: skip
_SPELLINGS = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\dbinom": r"\binom", r"\tbinom": r"\binom", r"\leq": r"\le",
    r"\leqslant": r"\le", r"\geq": r"\ge", r"\geqslant": r"\ge", "<=": r"\le", ">=": r"\ge", "!=": r"\ne", r"\neq": r"\ne", r"\lt": "<",
    r"\gt": ">", r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]", r"\div": "/", r"\cdot": "*", r"\times": "*",
    r"\ast": "*", "**": "^", r"\%": "%", r"\degree": r"\circ", r"\mid": "|", r"\vert": "|", r"\varnothing": r"\emptyset", r"\colon": ":",
    r"\bar": r"\overline", r"\lor": "or", r"\land": "and",
}  # fmt: skip
"""Commands and signs to the one spelling that is read."""
FUNCTIONS = frozenset("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp lg".split())  # noqa: SIM905
_LAYOUT = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|quad|qquad)(?![A-Za-z])|(?<!\\)\\[,;:! ()]|~")
_DRESS = re.compile(r"\\(?:text|textrm|textbf|textit|textsf|mathrm|mathbf|mathit|mathsf|mbox|operatorname|rm|bf)\s*\{([^{}]*)\}")
_TOKEN = re.compile(
    r"(?P<text>\x02[^\x03]*\x03)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4}(?![0-9A-Za-z.]))?)"
    r"|(?P<command>\\begin\{[a-z]*\*?\}|\\end\{[a-z]*\*?\}|\\[A-Za-z]+|\\[{}%$|\\])|(?P<word>[A-Za-z]+)"
    r"|(?P<sign>\*\*|<=|>=|!=|[-+*/^_=<>(){}\[\],;:|!%'$&€£¥])|(?P<space>\s+)|(?P<other>.)",
    re.S,
)
_OPENING, _CLOSING = frozenset({"(", "[", "{", r"\{"}), frozenset({")", "]", "}", r"\}"})


@dataclass(frozen=True, slots=True)
class Token:
    """One sign. `text`: words inside of \\text{...}; `word`: bare letters; `spaced`: a space stood before it."""

    kind: Literal["number", "command", "word", "text", "sign", "other"]
    text: str
    spaced: bool = False


def boxes(text: str) -> tuple[str, ...]:
    r"""Contents of the balanced `\boxed{...}` and `\fbox{...}` that hold no other, in the order in which they end.

    Empty ones, and those that hold a place for a digit (`2\boxed{\phantom{3}}5`), are none."""
    found: list[str] = []
    open_at: list[tuple[int | None, int]] = []
    """Where the content of each open brace begins, None if it is no box's, and how many boxes were found before it."""
    for brace in _BRACE.finditer(text):
        if brace[0] != "}":
            open_at.append((brace.end() if brace["box"] else None, len(found)))
        elif open_at:
            start, before = open_at.pop()
            content = text[start : brace.start()].strip() if start is not None and len(found) == before else ""
            if _PHANTOM.sub("", content):
                found.append(content)
    return tuple(found)


def tokens_of(text: str, *, grouping: bool) -> tuple[Token, ...]:
    """The signs of an answer. `grouping`: 1,234 is one number; else its comma separates.

    Raises: Refused if it is too long or too deep; Unreadable if brackets do not match.
    """
    if len(text) > MAX_CHARS:
        raise Refused(f"{len(text)} characters")
    tokens = tuple(_tokens(_cleaned(text, grouping=grouping)))
    while tokens and tokens[-1] in (Token("sign", "."), Token("other", ".")):
        tokens = tokens[:-1]
    if any(depth > _MOST_DEPTH for depth, _ in with_depth(tokens)):
        raise Refused(f"more than {_MOST_DEPTH} brackets in each other")
    return tokens


def written(tokens: Sequence[Token]) -> str:
    r"""One LaTeX spelling of the tokens: no needless space, no braces around a single sign of an exponent or index."""
    parts = [f"\\text{{{token.text}}}" if token.kind == "text" else r"\cdot" if token.text == "*" else token.text for token in tokens]
    text = "".join(
        f" {part}" if before[-1:].isalnum() and part[0].isalnum() else part for before, part in zip(["", *parts], parts, strict=False)
    )
    return re.sub(r"(?<=[\^_])\{(\w)\}(?![\w\\])", r"\1", text)


def with_depth(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    r"""Each token with the number of brackets around it; \begin and \end count as brackets, kinds may be mixed as in [1,2).

    Raises: Unreadable if one closes that was never opened, or stays open.
    """
    depth = 0
    for token in tokens:
        if token.text in _OPENING or token.text.startswith(r"\begin"):
            yield depth, token
            depth += 1
        elif token.text in _CLOSING or token.text.startswith(r"\end"):
            depth -= 1
            if depth < 0:
                raise Unreadable("a bracket that was never opened")
            yield depth, token
        else:
            yield depth, token
    if depth:
        raise Unreadable("an open bracket")


def split(tokens: Sequence[Token], *separators: str) -> list[tuple[Token, ...]]:
    """The parts between separators that stand outside of all brackets; one part if there is none. Raises: Unreadable."""
    if not any(token.text in separators for token in tokens):
        return [tuple(tokens)]
    parts: list[list[Token]] = [[]]
    for depth, token in with_depth(tokens):
        if not depth and token.text in separators and token.kind != "text":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts]


def _cleaned(text: str, *, grouping: bool) -> str:
    plain = "".join(_sign(char) for char in unicodedata.normalize("NFC", text))
    plain = re.sub(r"(?<=[0-9])(?:\{,\}|,\\!\s*|\\,|\\!)(?=[0-9]{3}(?![0-9]))", "", plain)
    if grouping:
        plain = re.sub(r"(?<![\w.,])[0-9]{1,3}(?:,[0-9]{3})+(?![\w,])", lambda found: found[0].replace(",", ""), plain)
    plain = _LAYOUT.sub(" ", plain)
    for _ in range(3):
        plain = _DRESS.sub(lambda found: f"\x02{found[1].strip()}\x03" if re.search("[^\\W\\d]", found[1]) else f" {found[1]} ", plain)
    if len(re.findall(r"(?<!\\)\$", plain)) % 2:
        plain = re.sub(r"(?<!\\)\$(?=\s*[0-9.])", r"\\$", plain, count=1)
    plain = re.sub(r"(?<!\\)\$|\\\[|\\\]", " ", plain)
    return re.sub(r"^([+-]?)([0-9]+) +([0-9]+)/([0-9]+)(?![0-9.])", r"\1\2\\frac{\3}{\4}", plain.strip().removesuffix(".").strip())


def _sign(char: str) -> str:
    if char.isascii():
        return "" if char in "\x02\x03" else char
    if char in _SIGNS:
        return _SIGNS[char]
    kind, value = unicodedata.category(char), unicodedata.numeric(char, None)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind == "No" and value is not None:
        parts = unicodedata.normalize("NFKC", char).split("⁄")
        if len(parts) == 2 and all(part.isdecimal() for part in parts):
            return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
        return f"^{{{int(value)}}}" if "SUPERSCRIPT" in unicodedata.name(char) else char
    return char


def _tokens(plain: str) -> Iterator[Token]:
    spaced = False
    for found in _TOKEN.finditer(plain):
        kind, text = found.lastgroup, found[0]
        if kind == "space":
            spaced = True
            continue
        if kind == "text":
            text = text.strip("\x02\x03").strip()
            if not text:
                continue
        if kind == "word" and text in FUNCTIONS:
            kind, text = "command", f"\\{text}"  # to math-verify, sin is s times i times n
        if text in _SPELLINGS:
            text = _SPELLINGS[text]
            kind = "command" if text[0] == "\\" else "sign"
        yield Token(kind, text, spaced)  # type: ignore[arg-type]  # the groups of _TOKEN are the kinds
        spaced = False
