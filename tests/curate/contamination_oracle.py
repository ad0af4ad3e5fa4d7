"""What the contamination stage must flag, worked out slowly with strings, sets and tables; nothing of it is the stage's own code."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import product

Words = tuple[str, ...]
UNSPACED = [(0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x3FFFF)]
SPELLING = set("{}$\\.,;:?!'\"`“”‘’。，、；：？！")


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> Words:
    made = ""
    for character in folded(text):
        if any(first <= ord(character) <= last for first, last in UNSPACED) and unicodedata.category(character) != "Cn":
            made += f" {character} "
        elif character.isascii():
            made += character if character.isalnum() else " "
        else:
            made += character if unicodedata.category(character)[0] in "LMN" else " "
    return tuple(made.split())


def sentences(text: str) -> tuple[list[str], set[int]]:
    """Tokens, and where sentences begin: numbers of tokens, and the end."""
    tokens: list[str] = []
    begins = {0}
    gap, joined = "", False
    for character in folded(text):
        isword = character.isalnum()
        if not isword and (character in SPELLING or character.isspace()):
            gap, joined = gap + character, False
            continue
        if any(one in "\n。" or (one in ".?!:;" and number + 1 < len(gap)) for number, one in enumerate(gap)):
            begins.add(len(tokens))
        if isword and joined and not gap:
            tokens[-1] += character
        else:
            tokens.append(character)
        gap, joined = "", isword
    return tokens, begins | {len(tokens)}


def grams(sequence: Words, n: int) -> list[Words]:
    return [sequence[at : at + n] for at in range(len(sequence) - n + 1)]


def longest_common(left: Words, right: Words) -> int:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, j in product(range(len(left)), range(len(right))):
        table[i + 1][j + 1] = table[i][j] + 1 if left[i] == right[j] else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


class Oracle:
    def __init__(self, benchmarks: Sequence[Sequence[str]], *, n: int = 13, e: int = 8, common: int = 10, told: int = 1000) -> None:
        self.n, self.e, self.common, self.told = n, e, common, told
        self.texts = [question for one in benchmarks for question in one]
        self.groups = [group for group, one in enumerate(benchmarks) for _ in one]
        self.questions = [words(text) for text in self.texts]
        self.long = [number for number, question in enumerate(self.questions) if len(question) >= n]
        self.masked = {number: {self._masked(one) for one in grams(self.questions[number], e)} for number in self.long}
        self.telling = {gram for number in self.long for gram in grams(self.questions[number], e) if self._tells(gram)}

    def _masked(self, gram: Words) -> Words:
        return tuple("#" if word.isascii() and word.isdigit() else word for word in gram)

    def _tells(self, gram: Words) -> bool:
        families: dict[int, set[Words]] = {}
        for number in self.long:
            if self._masked(gram) in self.masked[number]:
                families.setdefault(self.groups[number], set()).add(self.questions[number])
        return all(len(family) <= 3 for family in families.values())

    def pairing(self, question: int) -> set[Words]:
        mine = grams(self.questions[question], self.e)
        if told := {gram for gram in mine if gram in self.telling}:
            return told
        return {min(mine, key=lambda gram: sum(grams(self.questions[other], self.e).count(gram) for other in self.long))}

    def flagged(self, documents: Sequence[tuple[str | None, str | None]]) -> dict[int, set[int]]:
        """Document -> the benchmarks whose questions it holds."""
        keys = [problem if problem is not None else text or "" for problem, text in documents]
        fields = [
            (row, part, part is problem) for row, (problem, text) in enumerate(documents) for part in (problem, text) if part is not None
        ]
        short = {(row, number) for row, part, first in fields if first for number in self._short(part)}
        pairing = {number: self.pairing(number) for number in self.long}
        pairs = []
        for row, part, _ in fields:
            theirs = words(part)
            shared = set(grams(theirs, self.e))
            pairs += [(row, number, theirs) for number in self.long if pairing[number] & shared]
        gone: set[int] = set()
        while True:
            holders: dict[Words, set[str]] = {}
            for row, number, theirs in pairs:
                if row not in gone:
                    for size in (self.n, self.e):
                        for gram in set(grams(theirs, size)) & set(grams(self.questions[number], size)):
                            holders.setdefault(gram, set()).add(keys[row])
            problems = len({key for row, key in enumerate(keys) if row not in gone})
            found = short | {(row, number) for row, number, theirs in pairs if self._leaks(number, theirs, holders, problems)}
            if {row for row, _ in found} <= gone:
                return {row: {self.groups[number] for other, number in found if other == row} for row in gone}
            gone |= {row for row, _ in found}

    def _leaks(self, number: int, theirs: Words, holders: dict[Words, set[str]], problems: int) -> bool:
        ours = self.questions[number]
        mine, shared = grams(ours, self.e), set(grams(theirs, self.e))
        at = [place for place, gram in enumerate(mine) if gram in shared]
        if len(at) == len(mine):
            return True
        starts = Counter(grams(theirs, self.e).index(mine[place]) - place for place in at)
        begin = min(start for start, count in starts.items() if count == max(starts.values()))
        stems = {word for place, gram in enumerate(mine) if gram not in self.telling for word in range(place, place + self.e)}
        rest = tuple(word for place, word in enumerate(ours) if place not in stems)
        ratio = longest_common(rest, theirs[max(0, begin) : max(0, begin + len(ours))]) / max(1, len(rest))
        told = [place for place in at if mine[place] in self.telling]
        covered = {word for place in told if len(holders.get(mine[place], ())) <= self.common for word in range(place, place + self.e)}
        long = [
            place
            for place, gram in enumerate(grams(ours, self.n))
            if gram in grams(theirs, self.n)
            and len(holders.get(gram, ())) <= self.common
            and any(place <= one <= place + self.n - self.e for one in told)
        ]
        if long and (ratio >= 0.6 or problems >= self.told * self.common):
            return True
        return len(covered) / len(ours) >= 0.2 and ratio >= 0.75

    def _short(self, problem: str) -> set[int]:
        tokens, begins = sentences(problem)
        found = set()
        for number in (number for number, question in enumerate(self.questions) if 0 < len(question) < self.n):
            sought, _ = sentences(self.texts[number])
            stands = any(tokens[at : at + len(sought)] == sought and {at, at + len(sought)} <= begins for at in range(len(tokens)))
            if tokens == sought or (stands and len(sought) >= 4):
                found.add(number)
        return found
