"""Text of the kinds that training data is made of, from random words that are as frequent as words are (Zipf 1935)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

MEAN_CHARACTERS = 6000
_SPREAD = 0.7
"""Standard deviation of the logarithm of a document's length: one in twenty is longer than three times the middle one."""
_SHORTEST, _LONGEST = 600, 60_000
_LANGUAGE = 0
"""Seed of the vocabulary: all authors share it."""
_WORDS = 30_000
_CONSONANTS = [*"bcdfghjklmnprstvwz", "br", "ch", "cl", "cr", "dr", "fl", "gr", "pl", "pr", "sh", "sl", "st", "th", "tr"]
_VOWELS = [*"aeiouaeio", "ea", "ou", "ai", "ee"] * 20 + [*"éü"]
_ENDS = ["", "", "", "n", "r", "s", "t", "l", "nd", "st", "ng", "ck"]
_SIGNS = ["=", "+", "-", "\\cdot", "\\le", "\\ge", "\\implies", "\\in", "<", ">", "\\equiv", "\\to"]
_STATEMENTS = ["def", "return", "if", "else:", "for", "in", "while", "not", "and", "or", "import", "from"]
_KEYWORDS = [*_STATEMENTS, "=", "==", "!=", "+", "-", "*", "is", "None,", "True", "False", "self,", "try:", "raise"]
_INDENTS = ["\n   ", "\n       ", "\n           ", "\n    return", "\n\n\ndef"]
"""The space between two forms makes the indents four, eight and twelve."""
_LEVELS = ["INFO", "INFO", "INFO", "DEBUG", "DEBUG", "WARN", "ERROR"]
_LOG_LINE_CHARACTERS = 105


class Lexicon:
    """Forms, and how often each is used."""

    def __init__(self, forms: Sequence[str], weights: npt.NDArray[np.float64]) -> None:
        self._forms = np.array(forms, dtype=object)
        self._cumulative = np.cumsum(weights) / weights.sum()
        self.mean_characters = float(np.dot(np.fromiter(map(len, forms), np.float64), weights) / weights.sum()) + 1
        """Of a form with the space after it."""

    def draw(self, rng: np.random.Generator, count: int) -> list[str]:
        """`count` forms, as often as their weights say."""
        return list(self._forms[np.searchsorted(self._cumulative, rng.random(count))])


class Author:
    """Writes documents; two of one seed write the same."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._vocabulary = _vocabulary(np.random.default_rng(_LANGUAGE))
        self._zipf = 1 / (np.arange(len(self._vocabulary)) + 2.7) ** 1.05  # Mandelbrot's form, with constants as for English
        self._plain = Lexicon(self._vocabulary, self._zipf)

    def documents(self, count: int) -> Iterator[str]:
        """Unique documents of all kinds in turn, of `MEAN_CHARACTERS` on average."""
        kinds = (self.maths, self.code, self.prose, self.log)
        lengths = self.rng.lognormal(np.log(MEAN_CHARACTERS) - _SPREAD**2 / 2, _SPREAD, count)
        for turn, length in enumerate(np.clip(lengths, _SHORTEST, _LONGEST).astype(int).tolist()):
            yield kinds[turn % len(kinds)](length)

    def words(self, count: int) -> list[str]:
        """Words without punctuation."""
        return self._plain.draw(self.rng, count)

    def problem(self) -> str:
        """A question of some thirty words that no other document has."""
        numbers = self.rng.integers(2, 1_000_000, 2).tolist()
        return f"{' '.join(self.words(12)).capitalize()} {numbers[0]} {' '.join(self.words(14))} {numbers[1]}?"

    def prose(self, characters: int) -> str:
        """Sentences and paragraphs."""
        return self._flow(self._prose, characters)

    def maths(self, characters: int) -> str:
        """Reasoning with numbers and formulas."""
        return self._flow(self._maths, characters)

    def code(self, characters: int) -> str:
        """Lines that look like a program."""
        return self._flow(self._code, characters)

    def log(self, characters: int) -> str:
        """Lines with a time, a level, a place and a message."""
        count = max(1, characters // _LOG_LINE_CHARACTERS)
        times = np.datetime64("2026-01-01T00:00:00.000") + np.cumsum(self.rng.integers(1, 90_000, count)).astype("timedelta64[ms]")
        stamps = np.datetime_as_string(times + self.rng.integers(10**10).astype("timedelta64[ms]")).tolist()
        levels = self.rng.choice(_LEVELS, count).tolist()
        numbers = self.rng.integers(1, 100_000, (count, 3)).tolist()
        words = self.words(8 * count)
        return "\n".join(
            f"{stamp}Z {level} {said[0]}.{said[1]}[{pid}]: {' '.join(said[2:7])} {said[7]}={value} took {ms} ms"
            for stamp, level, (pid, value, ms), said in zip(
                stamps, levels, numbers, (words[i : i + 8] for i in range(0, 8 * count, 8)), strict=True
            )
        )

    @cached_property
    def _prose(self) -> Lexicon:
        names = self._vocabulary
        following = self.rng.permutation(names).tolist()
        return self._mixed(
            [
                (0.84, names),
                (0.09, [f"{name}," for name in names]),
                (0.06, [f"{name}. {other.capitalize()}" for name, other in zip(names, following, strict=True)]),
                (0.01, [f"{name}.\n\n{other.capitalize()}" for name, other in zip(names, following, strict=True)]),
            ]
        )

    @cached_property
    def _maths(self) -> Lexicon:
        numbers = self.rng.integers(0, 10_000, 4000).tolist()
        letters = self.rng.choice(list("abcknmpqrstuvxyz"), 4000).tolist()
        return self._mixed(
            [
                (0.55, self._vocabulary),
                (0.15, [str(number) for number in numbers]),
                (0.16, _SIGNS),
                (0.08, [f"${letter}_{{{number % 90}}}$" for letter, number in zip(letters, numbers, strict=True)]),
                (0.03, [f"\\frac{{{number}}}{{{number % 97 + 2}}}" for number in numbers]),
                (0.03, [f"{name}.\n\nSo" for name in self._vocabulary]),
            ]
        )

    @cached_property
    def _code(self) -> Lexicon:
        names, others = self._vocabulary, self.rng.permutation(self._vocabulary).tolist()
        pairs = list(zip(names, others, strict=True))
        return self._mixed(
            [
                (0.28, _KEYWORDS),
                (0.20, [f"{name}_{other}" for name, other in pairs]),
                (0.12, [f"{name}.{other}(" for name, other in pairs]),
                (0.12, names),
                (0.08, [f"{name})" for name in names]),
                (0.07, [str(number) for number in range(300)]),
                (0.13, _INDENTS),
            ]
        )

    def _mixed(self, shares: Sequence[tuple[float, Sequence[str]]]) -> Lexicon:
        """Groups of forms, each with its share of the text; within a group the earlier form is the more frequent."""
        weights = [share * self._zipf[: len(forms)] / self._zipf[: len(forms)].sum() for share, forms in shares]
        return Lexicon([form for _, forms in shares for form in forms], np.concatenate(weights))

    def _flow(self, lexicon: Lexicon, characters: int) -> str:
        text = " ".join(lexicon.draw(self.rng, max(1, round(characters / lexicon.mean_characters))))
        return text.replace(" \n", "\n").strip()


def _vocabulary(rng: np.random.Generator) -> list[str]:
    """Words that can be said, the frequent ones short."""
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        syllables = 1 + (len(words) > 300) + (len(words) > 6000)
        picks = rng.integers(0, 2**30, (1 + syllables, 2)).tolist()
        said = "".join(_CONSONANTS[one % len(_CONSONANTS)] + _VOWELS[two % len(_VOWELS)] for one, two in picks[1:])
        words[said + _ENDS[picks[0][0] % len(_ENDS)]] = None
    return list(words)
