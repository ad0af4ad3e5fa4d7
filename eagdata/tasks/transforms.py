r"""What a column may need before it is a task's answer, list or text. Each takes a JSON value and gives one.

Sources of the shapes: `#### 72`, GSM8K (Cobbe et al. 2021); the last `\boxed{...}` of a solution, `\fbox{}` and `\boxed 5` among them, MATH
(Hendrycks et al. 2021, `last_boxed_only_string`); lists as JSON text, APPS `input_output` (Hendrycks et al. 2021); `1 1 4 6`, the
game of 24 in tree-of-thought-llm; an option's index and bare options, MMLU (Hendrycks et al. 2020).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from string import ascii_uppercase
from typing import Never

from eagdata.boxed import last_boxed
from eagdata.records import Json

_BARE_BOX = re.compile(r"\\(?:boxed|fbox)\s+([^\s{$]+)")
_LETTERED = re.compile(r"\(?[A-Z][).:]")


def after_hashes(value: Json) -> Json:
    """What follows the last `####`; a text without hashes, and what is no text, stays as it is. Raises: ValueError if nothing follows."""
    if not isinstance(value, str) or "####" not in value:
        return value
    after = value.rpartition("####")[2].strip()
    if not after:
        raise ValueError("it has nothing after its '####'")
    return after


def boxed(value: Json) -> Json:
    r"""Content of the last `\boxed{...}` whose braces balance, or of a `\boxed 5` after it. Raises: ValueError if there is none."""
    text = _text(value)
    bare = _BARE_BOX.findall(text[text.rfind("}") + 1 :])
    found = bare[-1] if bare else last_boxed(text)
    if found is None:
        raise ValueError("it has no \\boxed{...}")
    return found


def from_json(value: Json) -> Json:
    """The value that a column of JSON text holds. Raises: ValueError."""
    try:
        held: Json = json.loads(_text(value), parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deep") from error
    return held


def numbers(value: Json) -> Json:
    """The whole numbers of a text such as `1 1 4 6`; a list of them stays as it is. Raises: ValueError."""
    found = list[Json](map(int, value.split())) if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(type(number) is int for number in found):
        raise ValueError("it is no list of whole numbers")
    return found


def letter(value: Json) -> Json:
    """The letter of an option's index: 0 is A. Raises: ValueError."""
    if type(value) is not int or not 0 <= value < len(ascii_uppercase):
        raise ValueError("it is no index of an option")
    return ascii_uppercase[value]


def lettered(value: Json) -> Json:
    """Options, each with its letter before it, `A) 12 km`, unless they bear letters. Raises: ValueError."""
    if not isinstance(value, list) or not value or len(value) > len(ascii_uppercase):
        raise ValueError("it is no list of options")
    options = [option if isinstance(option, str) else json.dumps(option, ensure_ascii=False) for option in value]
    if all(_LETTERED.match(option) for option in options):
        return list[Json](options)
    return [f"{name}) {option}" for name, option in zip(ascii_uppercase, options, strict=False)]


TRANSFORMS: Mapping[str, Callable[[Json], Json]] = {
    "after_hashes": after_hashes,
    "boxed": boxed,
    "json": from_json,
    "letter": letter,
    "lettered": lettered,
    "numbers": numbers,
}
"""By the name that a recipe uses."""


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it is no text but {type(value).__name__}")
    return value


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")
