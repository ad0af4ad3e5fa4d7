"""The functions that the family `programs` asks for, written for clarity: they make the expected values of the hidden cases."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, groupby


def above(values: list[int], k: int) -> list[int]:
    return [v for v in values if v > k]


def multiples(values: list[int], k: int) -> int:
    return sum(v for v in values if v % k == 0)


def ranked(values: list[int], k: int) -> int | None:
    different = sorted(set(values), reverse=True)
    return different[k - 1] if len(different) >= k else None


def rotated(values: list[int], k: int) -> list[int]:
    k = k % len(values) if values else 0
    return values[k:] + values[:k]


def thinned(values: list[int], k: int) -> list[int]:
    return values[::k]


def long_words(text: str, k: int) -> int:
    return sum(len(word) > k for word in text.split())


def flip_words(text: str, k: int) -> str:
    return " ".join(word[::-1] if len(word) >= k else word for word in text.split())


def caesar(text: str, k: int) -> str:
    def moved(character: str) -> str:
        first = "a" if character.islower() else "A"
        return chr((ord(character) - ord(first) + k) % 26 + ord(first)) if character.isalpha() else character

    return "".join(map(moved, text))


def runs(values: list[int], k: int) -> list[list[int]]:
    lengths = [[value, len(list(run))] for value, run in groupby(values)]
    return [run for run in lengths if run[1] >= k]


def chunks(values: list[int], k: int) -> list[list[int]]:
    return [values[i : i + k] for i in range(0, len(values), k)]


def pairs(values: list[int], k: int) -> int:
    return sum(a + b == k for a, b in combinations(values, 2))


def windows(values: list[int], k: int) -> list[int]:
    return [sum(values[i : i + k]) for i in range(len(values) - k + 1)]


def frequent(text: str, k: int) -> str:
    counts = Counter(c for c in text.lower() if c.isalpha())
    return "".join(sorted(counts, key=lambda c: (-counts[c], c))[:k])


def clamped(values: list[int], low: int, high: int) -> list[int]:
    return [min(max(v, low), high) for v in values]


def at_most(values: list[int], k: int) -> list[int]:
    seen: Counter[int] = Counter()
    kept = []
    for v in values:
        seen[v] += 1
        if seen[v] <= k:
            kept.append(v)
    return kept


def digit_sums(values: list[int], k: int) -> list[int]:
    return [v for v in values if sum(map(int, str(abs(v)))) == k]
