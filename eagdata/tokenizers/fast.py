"""Quicktok, a byte-pair tokenizer that counts without making ids: used for an encoding only where it proves equal to tiktoken.

The package is young and has one maintainer, so it is an extra, and nothing rests on its word: before its first count its
vocabulary is compared entry by entry with tiktoken's, and its tokens on `PROBES`. https://pypi.org/project/quicktok-v1
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from eagdata.records import well_formed

if TYPE_CHECKING:
    from tiktoken import Encoding

PROBES = (
    "",
    "It's 12,345.67 apples; we'LL eat\r\n\r\n\tTHEM all -- don't you?  \n   \n end",
    "<|endoftext|><|im_start|>user\n<|fim_prefix|><tool_call></tool_call><|endofprompt|><think>",
    "def f(x):\n\treturn {k: v\n            for k, v in x.items() if k != '_a1B2'}\n\n\n\n    # DONE\n",
    r"\[ \frac{\sqrt{x^2+1}}{3} = \boxed{42} \] and $10.0000198\cdot 5.99$",
    "数学の問題を解く。因此答案是四十二。Ångström naïveté Việt 가나다 İstanbul ﬁ ǅ",
    "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈🤷🏽\u200d♀️ \u0627\u0644\u0639\u0631\u0628\u064a\u0629 עברית हिन्दी ไทย",
    "\x00\x01\x1c\x85\u2028\u200b\ufeff\ufffd\r\n \x0b\u00a0\u3000\u2003x\ue000\U0010ffff",
    "a\u0301e\u0300o\u0302\u0323 1١२౩Ⅷ½²",
    "a" * 5000,
    "=" * 5000,
    "7" * 5000,
    "x" + " " * 5000 + "y" + "\n" * 5000 + "\t" * 501 + " \t" * 2000 + "z ",
    "qwertzuiopasdfghjklyxcvbnm" * 200,
)
"""What byte-pair tokenizers disagree on: contractions, digits, white space, marks, special tokens as text, long runs."""
_NAMES = {"o200k_base": "o200k_base", "cl100k_base": "cl100k_base", "qwen25": "qwen3"}
"""Ours -> quicktok's. Qwen3 has Qwen2.5's vocabulary and splits text in the same way."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the comparison."""

    count: Callable[[str], int] | None
    """Number of tokens of any text; None: tiktoken must count."""
    notice: str | None = None
    """Why it must, though quicktok is installed."""


@cache
def checked(encoding: Encoding, normal: Callable[[str], str]) -> Checked:
    """Quicktok for `encoding`, if it is installed and equal to it on texts that `normal` has been over. Takes about 1 s, once."""
    try:
        quicktok = importlib.import_module("quicktok")
    except ImportError:
        return Checked(None)
    try:
        quick = quicktok.get_encoding(_NAMES[encoding.name])
        differs = _difference(quick, encoding, normal)
    except Exception as error:  # of a package that nothing may depend on
        differs = f"it raised {type(error).__name__}: {error}"
    if differs:
        return Checked(None, f"tiktoken counts {encoding.name}, as quicktok is not equal to it: {differs}")
    return Checked(_counter(quick))


def _difference(quick: Any, encoding: Encoding, normal: Callable[[str], str]) -> str | None:  # Any: a class of C++ without types
    if quick.token_byte_values() != encoding.token_byte_values():
        return "its vocabulary is another one"
    for probe in map(normal, PROBES):
        tokens = encoding.encode_ordinary(probe)
        if quick.encode_ordinary(probe) != tokens or quick.count(probe) != len(tokens):
            return f"other tokens for {probe[:40]!r}"
    return None


def _counter(quick: Any) -> Callable[[str], int]:  # Any: see above
    def count(text: str) -> int:
        try:
            return int(quick.count(text))
        except (TypeError, UnicodeError):  # of a lone surrogate, which tiktoken reads as U+FFFD
            return int(quick.count(well_formed(text)))

    return count
