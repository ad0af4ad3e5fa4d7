"""Questions of a benchmark, and the documents of `corpora` with some of them planted, from one seed.

FOLDER/questions.jsonl    id, question
FOLDER/leaked.parquet     id, text: all documents of text.parquet, some with what `KINDS` names put in somewhere
FOLDER/leaks.parquet      id, kind: of the documents that something was put into
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from authors import Author
from corpora import write_parquet

QUESTIONS = 10_000
STEM = "stem"
"""Kind of the innocent documents that hold how many questions begin, and nothing of any question."""
_LEAK_SHARE, _STEM_SHARE = 0.015, 0.02
_CHARACTERS = 470
_HAS_STEM = 0.5
_STEMS = (
    "Let n be the number of positive integers such that",
    "Find the sum of all values of the integer with",
    "What is the remainder when the following is divided by",
    "A train leaves the station at noon and travels until",
    "Write a function that takes a list and returns",
    "Which of the following statements is true of a system",
    "Determine the largest possible value of the expression given that",
    "Suppose that a fair coin is tossed until",
)
"""Each of at most ten words: with the next two of an innocent document it is not yet a run of 13."""
_WORD = re.compile(r"[^\W_]+")


def write(folder: Path, *, seed: int, questions: int = QUESTIONS) -> None:
    """Write the three files beside `text.parquet` and `truth.parquet`."""
    author = Author(np.random.default_rng([seed, 1]))
    asked = [_question(author) for _ in range(questions)]
    lines = [json.dumps({"id": f"q{i}", "question": question}) for i, question in enumerate(asked)]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n")
    table = pq.read_table(folder / "text.parquet")
    texts, names = table["text"].to_pylist(), table["id"].to_pylist()
    kinds = pq.read_table(folder / "truth.parquet", columns=["kind"])["kind"].to_pylist()
    places = author.rng.permutation([i for i, kind in enumerate(kinds) if kind == "unique"]).tolist()
    kind_of = dict(zip(places, _kinds(len(texts)), strict=False))
    for place, kind in kind_of.items():
        planted = str(author.rng.choice(_STEMS)) if kind == STEM else KINDS[kind](author, asked[author.rng.integers(questions)])
        texts[place] = _put(author, texts[place], planted)
    write_parquet(folder / "leaked.parquet", pa.table({"id": names, "text": pa.array(texts, pa.large_string())}))
    write_parquet(folder / "leaks.parquet", pa.table({"id": [names[place] for place in kind_of], "kind": list(kind_of.values())}))


def _kinds(documents: int) -> list[str]:
    """The kind of each document that something is put into."""
    leaks = [kind for kind in KINDS for _ in range(max(10, round(documents * _LEAK_SHARE)))]
    return leaks + [STEM] * round(documents * _STEM_SHARE)


def _question(author: Author) -> str:
    stem = f"{author.rng.choice(_STEMS)} " if author.rng.random() < _HAS_STEM else ""
    return stem + author.maths(int(_CHARACTERS * author.rng.uniform(0.5, 1.5)))


def _put(author: Author, text: str, planted: str) -> str:
    at = text.find(" ", int(author.rng.integers(len(text)))) % len(text)
    return f"{text[:at]} {planted} {text[at:]}"


def _verbatim(author: Author, question: str) -> str:
    return question


def _changed(author: Author, question: str) -> str:
    """Other case, punctuation and line breaks, the same words."""
    cased = (str.upper, str.lower, str.title)[author.rng.integers(3)](question)
    words = cased.replace(",", ";").replace(".", " .").replace("$", " ").split()
    gaps = author.rng.choice([" ", "\n", "  "], len(words), p=[0.8, 0.15, 0.05])
    return "".join(word + gap for word, gap in zip(words, gaps, strict=True))


def _thirteen(author: Author, question: str) -> str:
    """The shortest slice from somewhere that holds 13 words in the narrow sense: letters and digits."""
    pieces = question.split()
    counts = np.cumsum([len(_WORD.findall(piece)) for piece in pieces])
    start = int(author.rng.integers(np.searchsorted(counts, counts[-1] - 13) - 1))
    end = int(np.searchsorted(counts, (counts[start - 1] if start else 0) + 13)) + 1
    return " ".join(pieces[start:end])


def _eight(author: Author, question: str) -> str:
    """Eight pieces between spaces that hold fewer than 13 words in the narrow sense."""
    pieces = question.split()
    while True:
        start = int(author.rng.integers(len(pieces) - 8))
        slice_ = " ".join(pieces[start : start + 8])
        if len(_WORD.findall(slice_)) < 13:
            return slice_


KINDS: dict[str, Callable[[Author, str], str]] = {"verbatim": _verbatim, "changed": _changed, "13 words": _thirteen, "8 words": _eight}
"""What is put into a document of a question, as the table names it."""
