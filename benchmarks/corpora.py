"""Documents with planted duplicates and hard negatives, and the truth about them, from one seed.

    FOLDER/text.parquet      id, text
    FOLDER/both.parquet      id, problem, text: the same documents, each with its problem
    FOLDER/sample.parquet    every fourth group of text.parquet, for what is too slow for all
    FOLDER/truth.parquet     TRUTH

Of each hundred documents 70 are unique (maths, code, prose and logs in turn), 3 are exact copies of one, 2 are copies with other white
space, 15 are near copies at a planted similarity, and 10 are of four template families: every member is another problem, however much
the text is alike. An original has one copy at most, so that each pair is judged alone. Similarity is the Jaccard index of the sets of
runs of five words, words being what `str.split` gives; it is computed for every pair from its texts.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from authors import Author
from families import FAMILIES

TARGETS = (0.95, 0.9, 0.8, 0.7, 0.5)
"""Similarities that near copies are planted at, a little above each, so that a pair of 0.8 is one for whoever asks for 0.8."""
SAMPLE_OF = 4
TRUTH = pa.schema(
    [
        ("id", pa.string()),
        ("group", pa.int64()),
        ("kind", pa.string()),
        ("original", pa.string()),
        ("target", pa.float64()),
        ("edit", pa.string()),
        ("jaccard", pa.float64()),
    ]
)
"""`group`: the same for an original and its copy. `kind`: unique, exact, spaced, near, or a family. `original`: the id of the document that
this one is a copy of. `edit`: words, tail or insertion. `jaccard`: to the original; of a family's member, to the most alike of the
`SIBLINGS` members made before it or after it."""
SIBLINGS = 12
_SHARES = {"exact": 0.03, "spaced": 0.02, "near": 0.15}
_FAMILY_SHARE = 0.025
_ABOVE = 0.015
_EDITED_CHARACTERS = 3000
"""Originals have at least as many: in a shorter text no edit is small enough for 0.95."""
_WORD = re.compile(r"\S+\s*")
_ROW_GROUP = 2000


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A document and what is true of it."""

    text: str
    problem: str
    kind: str
    group: int
    original: int | None = None
    """Place of its original among all that were made."""
    target: float | None = None
    edit: str | None = None
    jaccard: float | None = None


def shingles(text: str, *, size: int = 5) -> set[tuple[str, ...]]:
    """Its runs of `size` words; of a shorter text, all its words as one."""
    words = text.split()
    return {tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """Shared shingles over all shingles (Jaccard 1901), as Broder 1997 uses it for documents."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def write(folder: Path, *, documents: int, seed: int) -> None:
    """Write the four files, the same bytes for the same arguments and versions of numpy and pyarrow."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    made = plant(Author(rng), documents)
    order = rng.permutation(len(made)).tolist()
    ids = {place: f"d{at:06d}" for at, place in enumerate(order)}
    rows = [made[place] for place in order]
    table = pa.table(
        {
            "id": pa.array([ids[place] for place in order]),
            "problem": pa.array([row.problem for row in rows], pa.large_string()),
            "text": pa.array([row.text for row in rows], pa.large_string()),
        }
    )
    sampled = pa.array([row.group % SAMPLE_OF == 0 for row in rows])
    write_parquet(folder / "both.parquet", table)
    write_parquet(folder / "text.parquet", table.select(["id", "text"]))
    write_parquet(folder / "sample.parquet", table.select(["id", "text"]).filter(sampled))
    facts = [vars(row) | {"id": ids[place], "original": ids.get(row.original)} for place, row in zip(order, rows, strict=True)]
    write_parquet(folder / "truth.parquet", pa.Table.from_pylist(facts, TRUTH))


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write it with zstd in groups of some megabytes."""
    pq.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP)


def plant(author: Author, documents: int) -> list[Planted]:
    """All of them: the unique ones first, then the copies, then the families."""
    counts = {kind: round(documents * share) for kind, share in _SHARES.items()}
    family_size = round(documents * _FAMILY_SHARE)
    unique = documents - sum(counts.values()) - len(FAMILIES) * family_size
    made = [Planted(text=text, problem=author.problem(), kind="unique", group=i) for i, text in enumerate(author.documents(unique))]
    long = [i for i, row in enumerate(made) if len(row.text) >= _EDITED_CHARACTERS]
    originals = iter(author.rng.permutation(long).tolist())
    for kind, count in counts.items():
        made += [_copy(author, made[original], kind=kind, turn=turn) for turn, original in zip(range(count), originals, strict=False)]
    for name, family in FAMILIES.items():
        made += _family(name, family(author, family_size), first=len(made))
    return made


def _copy(author: Author, original: Planted, *, kind: str, turn: int) -> Planted:
    same = replace(original, kind=kind, original=original.group)
    if kind == "exact":
        return replace(same, jaccard=1.0)
    if kind == "spaced":
        return replace(same, text=respaced(author, original.text), jaccard=1.0)
    target, edit = TARGETS[turn % len(TARGETS)], list(EDITS)[turn // len(TARGETS) % len(EDITS)]
    text = EDITS[edit](author, original.text, target + _ABOVE)
    return replace(same, text=text, target=target, edit=edit, jaccard=jaccard(shingles(original.text), shingles(text)))


def respaced(author: Author, text: str) -> str:
    """The same words in lines of other lengths, without indents and empty lines."""
    words = text.split()
    gaps = author.rng.choice([" ", "\n"], size=len(words), p=[0.9, 0.1])
    return "".join(word + gap for word, gap in zip(words, gaps, strict=True)).rstrip()


def _other_words(author: Author, text: str, similarity: float) -> str:
    """Words here and there replaced: each changes five shingles of either side."""
    words = _WORD.findall(text)
    count = max(1, round(len(words) * (1 - similarity) / (5 * (1 + similarity))))
    # Spread over equal stretches, as two edits in one run of five words would change fewer shingles than planned.
    edges = np.linspace(0, len(words), count + 1)
    places = (edges[:-1] + author.rng.random(count) * np.maximum(edges[1] - 5, 1)).astype(int)
    for place, word in zip(places.tolist(), author.words(count), strict=True):
        words[place] = f"{word}{place} "
    return "".join(words)


def _shorter(author: Author, text: str, similarity: float) -> str:
    """The tail cut off."""
    words = _WORD.findall(text)
    return "".join(words[: round(len(words) * similarity)]).rstrip()


def _longer(author: Author, text: str, similarity: float) -> str:
    """A paragraph put in somewhere."""
    words = _WORD.findall(text)
    place = int(author.rng.integers(len(words)))
    count = round((len(words) - 4) / similarity) - len(words) - 4  # four shingles are cut, and eight more have words of both
    added = author.words(max(1, count))
    return "".join(words[:place]) + "\n\n" + " ".join(added) + "\n\n" + "".join(words[place:])


EDITS: dict[str, Callable[[Author, str, float], str]] = {"words": _other_words, "tail": _shorter, "insertion": _longer}
"""How a near copy comes about."""


def _family(name: str, members: list[tuple[str, str]], *, first: int) -> Iterator[Planted]:
    """Its members, each in a group of its own and with its similarity to the closest of its neighbours."""
    closest = [0.0] * len(members)
    recent: deque[tuple[int, set[tuple[str, ...]]]] = deque(maxlen=SIBLINGS)
    for place, (_, text) in enumerate(members):
        own = shingles(text)
        for earlier, other in recent:
            alike = jaccard(own, other)
            closest[place], closest[earlier] = max(closest[place], alike), max(closest[earlier], alike)
        recent.append((place, own))
    for place, (problem, text) in enumerate(members):
        yield Planted(text=text, problem=problem, kind=name, group=first + place, jaccard=closest[place])
