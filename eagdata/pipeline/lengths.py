"""Token lengths of all rows, kept as columns of numbers: 4 bytes each, however many rows there are."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping


class Lengths:
    """What the length report needs of every row. 100 bytes a row with two tokenizers; as objects it was 2 kB."""

    def __init__(self) -> None:
        self._tokens: defaultdict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._labels: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        self._codes: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def add(self, groups: Mapping[str, str], tokens: Mapping[str, Mapping[str, int]]) -> None:
        """One row: its label in each grouping, and tokenizer -> span -> tokens."""
        for grouping, label in groups.items():
            codes = self._codes[grouping]
            self._labels[grouping].append(codes.setdefault(label, len(codes)))
        for tokenizer, spans in tokens.items():
            for span, count in spans.items():
                self._tokens[tokenizer, span].append(count)

    def tokens(self, tokenizer: str, span: str) -> array[int]:
        """Of each row, in the order in which they were added."""
        return self._tokens[tokenizer, span]

    def labels(self, grouping: str) -> list[str]:
        """Of each row, in the same order."""
        names = list(self._codes[grouping])
        return [names[code] for code in self._labels[grouping]]
