"""Tokens to typed values: which notation is a list, a set, an interval, a matrix, a relation, and which is words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from eagdata.verifiers.cells import normal_text
from eagdata.verifiers.written.algebra import Form, Refused, Unreadable
from eagdata.verifiers.written.formulas import GREEK, Ambiguous, form_of, is_product_of_letters
from eagdata.verifiers.written.notation import FUNCTIONS, Token, split, tokens_of, with_depth, written
from eagdata.verifiers.written.units import DEGREE, PERCENT, Unit, is_unit, unit_of
from eagdata.verifiers.written.values import Equation, Group, Intervals, Leaf, Matrix, Named, Piece, Value, infinite, piece_of

_ALGEBRA = GREEK.union(
    (f"\\{name}" for name in FUNCTIONS),
    r"\frac \sqrt \pi \binom \infty \setminus \cap \cup \mathbb \emptyset \le \ge \ne \{ \} \lfloor \rfloor".split(),  # noqa: SIM905
)
"""What may go to a computer algebra system: no words, no units, no ratios, no factorials, no degrees (it takes 60 of them for radians)."""
_RELATIONS = ("=", "<", ">", r"\le", r"\ge", r"\ne")
_SYMBOL = re.compile(r"x(_[x1]|_\{[x1]+\})?(\(x\))?|\(x(_[x1])?(,x(_[x1])?)+\)")
"""Of an unknown as letters `x` and numbers `1`."""
_TURNED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_INDEX = Token("sign", "_")
_JOINTS = frozenset("+-*/^_,")
_NO_ALGEBRA = frozenset("%:;!'&$€£¥")
_MONEY = {r"\$": "dollar", "$": "dollar", "€": "euro", "£": "gbp", "¥": "yen"}
_CLOSING = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}
_MOST_ITEMS = 200
_MOST_RAW_CHARS, _MOST_RAW_DIGITS = 500, 25


def read(text: str, *, grouping: bool) -> Value:
    """What `text` says. `grouping`: 1,234 is one number; else two.

    Raises: Refused for what means nothing or is beyond the limits; Unreadable for an empty text or unbalanced brackets."""
    tokens = tokens_of(text, grouping=grouping)
    if not tokens:
        raise Unreadable("nothing is written")
    try:
        return _value(tokens)
    except Refused:
        raise
    except Unreadable:
        return _words(tokens)


def _value(tokens: Sequence[Token]) -> Value:
    if not tokens:
        raise Unreadable("nothing between two signs")
    text = written(tokens)
    if found := _alternatives(tokens, text) or _listed(tokens, text):
        return found
    if len(parts := split(tokens, r"\cup", "U")) > 1 and all(part and part[0].text in ("(", "[", r"\{") for part in parts):
        return _union([_value(part) for part in parts], text)
    if any(len(split(tokens, sign)) > 1 for sign in _RELATIONS):
        return _related(tokens, text)
    if len(parts := split(tokens, r"\in")) == 2 and _symbol(parts[0]):
        return _member(written(parts[0]), _value(parts[1]))
    return _bracketed(tokens, text) or _matrix(tokens, text) or _leaf(tokens, text)


def _member(name: str, of: Value) -> Value:
    if isinstance(of, Leaf) and (of.form or of.words):
        raise Unreadable("a member of no set")
    return replace(of, name=name) if isinstance(of, Intervals) else of


def _alternatives(tokens: Sequence[Token], text: str) -> Value | None:
    """`2 or 3`, `x < 1 or x > 3`: solutions side by side."""
    words = [replace(token, kind="word") if token.kind == "text" and token.text in ("or", "and") else token for token in tokens]
    if len(parts := split(words, "or")) > 1:
        flat = [item for part in parts for item in _flat(_value(part))]
        return _union(flat, text) if all(isinstance(item, Intervals) for item in flat) else _group(flat, text, kind="list", free=True)
    if len(parts := split(words, "and")) > 1:
        flat = [item for part in parts for item in _flat(_value(_without(part, ",")))]
        if any(isinstance(item, Intervals) or _is_words(item) for item in flat):
            raise Unreadable("both of two conditions")
        return _group(flat, text, kind="list")
    return None


def _without(tokens: Sequence[Token], last: str) -> Sequence[Token]:
    return tokens[:-1] if tokens and tokens[-1].text == last else tokens


def _flat(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Group) and value.kind == "list" else (value,)


def _is_words(value: Value) -> bool:
    return isinstance(value, Leaf) and value.words is not None and not infinite(value)


def _listed(tokens: Sequence[Token], text: str) -> Value | None:
    r"""Bare values between commas or semicolons; `a \pm b` is two of them."""
    separator = ";" if len(split(tokens, ";")) > 1 else ","
    if len(parts := split(tokens, separator)) > 1:
        items = [_value(part) for part in parts if part]
        if len(items) < len(parts) or len(parts) > _MOST_ITEMS:
            raise Unreadable("a list with gaps, or too long")
        return _group([found for item in items for found in _flat(item)], text, kind="list", free=any(_is_free(item) for item in items))
    signs = [place for place, token in enumerate(tokens) if token.text in (r"\pm", r"\mp")]
    if not signs or (any(len(split(tokens, sign)) > 1 for sign in _RELATIONS) and not _symbol(split(tokens, "=")[0])):
        return None
    if tokens[0].text in (r"\{", "("):
        return None
    both = [
        tuple(Token("sign", ("+", "-")[(token.text == r"\pm") == minus]) if place in signs else token for place, token in enumerate(tokens))
        for minus in (False, True)
    ]
    return _group([_value(one) for one in both], text, kind="list", free=True)


def _is_free(value: Value) -> bool:
    return isinstance(value, Group) and value.free


def _group(items: Sequence[Value], text: str, *, kind: Literal["set", "tuple", "list"], brackets: str = "", free: bool = False) -> Group:
    """Names are dropped where all values are of the same one: `x = 2, x = 3` are the values 2 and 3. Different names stand for an order."""
    names = {item.name if isinstance(item, Named) else None for item in items}
    if len(names) == 1:
        items = [item.value if isinstance(item, Named) else item for item in items]
    return Group(text, kind, tuple(items), brackets, free or (len(names) == len(items) > 1 and None not in names))


def _union(parts: Sequence[Value], text: str) -> Value:
    pieces: list[Piece] = []
    names = {part.name for part in parts if isinstance(part, Intervals)} - {None}
    for part in parts:
        if isinstance(part, Intervals):
            pieces += part.pieces
        elif piece := piece_of(part):
            pieces.append(piece)
        else:
            return _raw(text)
    if len(names) > 1:
        raise Unreadable("conditions on several unknowns")
    return Intervals(text, tuple(pieces), names.pop() if names else None)


def _related(tokens: Sequence[Token], text: str) -> Value:
    parts = split(tokens, *_RELATIONS)
    signs = [token.text for token in _outer(tokens) if token.text in _RELATIONS]
    if any(not part for part in parts):
        raise Unreadable("half of a relation")
    if signs == ["="]:
        if _symbol(parts[0]) and not _mentions(parts[1], parts[0]):
            return Named(text, written(parts[0]), _value(parts[1]), _difference(parts[0], parts[1]))
        difference = _difference(parts[0], parts[1])
        return Equation(text, difference) if difference else replace(_raw(text), relation=True)
    return _inequality(parts, signs, text) or replace(_raw(text), relation=True)


def _difference(left: Sequence[Token], right: Sequence[Token]) -> Form | None:
    """Raises: Refused."""
    try:
        return form_of(left) - form_of(right)
    except Refused:
        raise
    except Unreadable:
        return None


def _outer(tokens: Sequence[Token]) -> list[Token]:
    return [token for depth, token in with_depth(tokens) if not depth]


def _inequality(parts: Sequence[Sequence[Token]], signs: Sequence[str], text: str) -> Intervals | None:
    """`x < 3`, `3 >= x`, `1 < x <= 3`, `x != 3` of one unknown; None for any other relation."""
    if len(parts) == 2 and signs[0] != "=":
        if not _symbol(parts[0]):
            parts, signs = parts[::-1], [_TURNED.get(signs[0], signs[0])]
        if not _symbol(parts[0]) or _mentions(parts[1], parts[0]):
            return None
        end, sign = _end(parts[1]), signs[0]
        if sign == r"\ne":
            return Intervals(text, (Piece(None, end, (False, False)), Piece(end, None, (False, False))), written(parts[0]))
        closed = sign in (r"\le", r"\ge") and end is not None
        piece = Piece(end, None, (closed, False)) if sign in (">", r"\ge") else Piece(None, end, (False, closed))
        return Intervals(text, (piece,), written(parts[0]))
    if len(parts) == 3 and _symbol(parts[1]):
        if set(signs) <= {">", r"\ge"}:
            parts, signs = parts[::-1], [_TURNED[sign] for sign in reversed(signs)]
        if set(signs) <= {"<", r"\le"}:
            low, high = _end(parts[0]), _end(parts[2])
            ends = (signs[0] == r"\le" and low is not None, signs[1] == r"\le" and high is not None)
            return Intervals(text, (Piece(low, high, ends),), written(parts[1]))
    return None


def _end(tokens: Sequence[Token]) -> Leaf | None:
    found = _leaf(tokens, written(tokens))
    if not isinstance(found, Leaf) or _is_words(found):
        raise Unreadable("a bound that is no number")
    return None if infinite(found) else found


def _symbol(tokens: Sequence[Token]) -> bool:
    """Whether it is an unknown such as x or x_1, a function of one such as f(x), or a tuple of unknowns."""
    kinds = "".join({"word": "x", "number": "1"}.get(token.kind, "x" if token.text in GREEK else token.text) for token in tokens)
    return _SYMBOL.fullmatch(kinds) is not None


def _mentions(tokens: Sequence[Token], name: Sequence[Token]) -> bool:
    """Whether an unknown is defined by itself; of `f(x)`, only f is the unknown."""
    words = {token.text for token in (name[:1] if name[0].text != "(" else name) if token.kind == "word" or token.text in GREEK}
    return any(token.text in words or (token.kind == "word" and len(token.text) < 3 and words & set(token.text)) for token in tokens)


def _bracketed(tokens: Sequence[Token], text: str) -> Value | None:
    opening, closing = tokens[0].text, tokens[-1].text
    if opening not in _CLOSING or closing not in _CLOSING.values() or len(_outer(tokens)) != 2:
        return None
    inside = tokens[1:-1]
    if opening in ("{", r"\{"):
        if opening == "{" and closing == "}" and len(split(inside, ",")) == 1:
            return _value(inside)
        return _set(inside, text) if closing == _CLOSING[opening] else None
    if closing not in (")", "]"):
        return None
    if len(parts := split(inside, ",")) == 1:
        if (opening, closing) == ("(", ")"):
            return _value(inside)
        return _matrix(tokens, text) or Group(text, "tuple", (_value(inside),), opening + closing)
    if any(not part for part in parts) or len(parts) > _MOST_ITEMS:
        raise Unreadable("a tuple with gaps, or too long")
    group = _group([_value(part) for part in parts], text, kind="tuple", brackets=opening + closing)
    if opening == "[" and closing == "]" and (found := _rows_of(group)):
        return found
    if opening + closing in ("[)", "(]") or any(infinite(item) for item in group.items):
        if (piece := piece_of(group)) is None:
            raise Unreadable("no interval")
        return Intervals(text, (piece,))
    return group


def _set(inside: Sequence[Token], text: str) -> Value:
    """`{1, 2}`, or `{x | x > 3}`. Raises: Unreadable."""
    if not inside:
        return Group(text, "set", ())
    if len(parts := split(inside, "|", ":")) == 2:
        condition = _value(parts[1])
        if isinstance(condition, Intervals) and condition.name == written(split(parts[0], r"\in")[0]):
            return condition
        return _raw(text)
    items = [_value(part) for part in split(inside, ",", ";") if part]
    if len(items) < len(split(inside, ",", ";")) or len(items) > _MOST_ITEMS:
        raise Unreadable("a set with gaps, or too large")
    return _group([found for item in items for found in _flat(item)], text, kind="set")


def _rows_of(group: Group) -> Matrix | None:
    rows = tuple(item.items for item in group.items if isinstance(item, Group) and item.kind == "tuple" and item.brackets == "[]")
    if len(rows) != len(group.items) or len({len(row) for row in rows}) != 1:
        return None
    return Matrix(group.text, rows)


def _matrix(tokens: Sequence[Token], text: str) -> Value | None:
    r"""`pmatrix` and `bmatrix`, and `array` in brackets; `vmatrix` is a determinant and no matrix."""
    inside = list(tokens)
    if inside[0].text in ("(", "[") and inside[-1].text in (")", "]"):
        inside = inside[1:-1]
        if not inside or not inside[0].text.startswith(r"\begin{array"):
            return None
    if not inside[0].text.startswith(r"\begin") or inside[0].text[6:].strip("{}*") not in ("pmatrix", "bmatrix", "matrix", "array"):
        return None
    body = inside[1:-1]
    if "array" in inside[0].text and body[:1] and body[0].text == "{":
        body = body[[token.text for token in body].index("}") + 1 :]
    rows = tuple(tuple(_value(part) for part in split(row, "&")) for row in split(_without(body, r"\\"), r"\\") if row)
    if len({len(row) for row in rows}) != 1 or sum(map(len, rows)) > _MOST_ITEMS:
        raise Unreadable("rows of different lengths, or too many")
    return Matrix(text, rows)


def _leaf(tokens: Sequence[Token], text: str) -> Value:
    """Raises: Refused, Unreadable."""
    if not tokens:
        raise Unreadable("nothing")
    if [token.text for token in tokens] == [r"\emptyset"]:
        return Group(text, "set", ())
    if (sign := "".join(token.text for token in tokens).casefold()).lstrip("+-") in (r"\infty", "infinity", "inf", "oo"):
        return Leaf(text, words="-∞" if sign.startswith("-") else "∞")
    money = next((token.text for token in tokens[:2] if token.text in _MONEY), None)
    plain = tuple(token for token in tokens if token.text != money) if money else tuple(tokens)
    number, unit = _with_unit(plain)
    if money:
        if unit is not None and unit != unit_of(_MONEY[money]):
            raise Unreadable("two units")
        unit = unit_of(_MONEY[money])
    if len(number) < len(plain) or money:
        return Leaf(text, form_of(number), unit)
    if len(plain) == 1 and plain[0].kind == "word" and not _is_lone_product(plain[0].text):
        return _words(tokens)
    try:
        return Leaf(text, form_of(number))
    except Refused:
        raise
    except Ambiguous as error:
        return Leaf(text, doubt=str(error))
    except Unreadable:
        return _raw(text, plain) if _is_algebra(plain) else _words(tokens)


def _with_unit(tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], Unit | None]:
    """The tokens of the number, and the unit behind them. Raises: Unreadable for words that are no unit."""
    for place in range(1, len(tokens)):
        token, rest = tokens[place], tokens[place:]
        if token.text == "%" and len(rest) == 1:
            return tokens[:place], PERCENT
        if token.text == "^" and rest[1:2] and (rest[1].text == r"\circ" or [t.text for t in rest[1:4]] == ["{", r"\circ", "}"]):
            scale = "".join(t.text for t in rest[2 if rest[1].text == r"\circ" else 4 :])
            if scale and scale not in ("C", "F"):
                raise Unreadable("degrees of something")
            return tokens[:place], unit_of({"C": "celsius", "F": "fahrenheit"}[scale]) if scale else DEGREE
        if token.kind == "text" or (token.kind == "word" and _is_unit_word(tokens, place)):
            return tokens[:place], unit_of("".join(t.text if t.text in "^{}/-" or t.kind == "number" else f" {t.text} " for t in rest))
    return tokens, None


def _is_unit_word(tokens: Sequence[Token], place: int) -> bool:
    """A bare word behind a number: a unit of the table, or a longer word behind a space."""
    token, before = tokens[place], tokens[place - 1]
    if before.kind != "number" and before.text not in ("}", r"\pi", ")"):
        return False
    if token.text in ("pi", "sqrt"):
        return False
    return (is_unit(token.text) and (len(token.text) > 1 or token.spaced)) or (token.spaced and len(token.text) > 2)


def _is_lone_product(word: str) -> bool:
    """Whether a whole answer of letters alone is a formula: `x`, `ab`, `xyz`, but not "is", "on" and "no"."""
    return len(word) == 1 or word == "pi" or (word != "no" and ord(word[1]) - ord(word[0]) == 1 and is_product_of_letters(word))


def _is_algebra(tokens: Sequence[Token]) -> bool:
    """Whether a computer algebra system will take each sign for what it is."""
    if len(written(tokens)) > _MOST_RAW_CHARS or all(token.kind == "word" for token in tokens) or tokens[-1].text in _JOINTS:
        return False
    for place, token in enumerate(tokens):
        behind = tokens[place - 1].kind if place and tokens[place - 2 : place - 1] != (_INDEX,) else ""
        if token.kind == "number" and (len(token.text) > _MOST_RAW_DIGITS or behind in ("number", "word")):
            return False
        if token.kind == "word" and not is_product_of_letters(token.text):
            return False
        if token.kind in ("text", "other") or (token.kind == "command" and token.text not in _ALGEBRA):
            return False
        if token.text in _NO_ALGEBRA or (token.text == "_" and behind == "number"):
            return False
    return True


def _raw(text: str, tokens: Sequence[Token] | None = None) -> Leaf:
    """For a computer algebra system, if one can read it."""
    tokens = tokens_of(text, grouping=False) if tokens is None else tokens
    if not _is_algebra(tokens):
        return _words(tokens)
    return Leaf(text)


def _words(tokens: Sequence[Token]) -> Leaf:
    spoken = " ".join(token.text for token in tokens)
    return Leaf(written(tokens), words=normal_text(spoken))
