"""Near duplicates the slow way: Python sets of word 5-grams, every pair compared, groups grown by hand. And texts to try it on."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

from eagdata.contracts import Decisions

Document = Mapping[str, object]

SURE = 0.95


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()


def jaccard(left: str, right: str) -> float:
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)


def compared(document: Document) -> str:
    return f"{document.get('problem') or ''}\n{document.get('text') or ''}"


def groups(documents: Sequence[Document], *, threshold: float) -> set[frozenset[object]]:
    """Ids of each group; documents without a text are alone. Of documents whose problems are known."""
    texts = [shingles(compared(document)) for document in documents]
    group = list(range(len(documents)))
    for j in range(len(documents)):
        for i in range(j):
            bound = threshold
            for field in ("problem", "answer"):
                if documents[i].get(field) and documents[j].get(field) and documents[i][field] != documents[j][field]:
                    bound = SURE
            if texts[i] and texts[j] and len(texts[i] & texts[j]) / len(texts[i] | texts[j]) >= bound:
                group = [group[i] if of == group[j] else of for of in group]
    return {frozenset(documents[i]["id"] for i in range(len(documents)) if group[i] == of) for of in set(group)}


def found_groups(documents: Sequence[Document], decisions: Decisions) -> set[frozenset[object]]:
    """The groups that a stage found, by the survivors that its evidence names."""
    survivor = {document["id"]: document["id"] for document in documents}
    for row, evidence in zip(decisions.drops["row"].to_pylist(), decisions.drops["evidence"].to_pylist(), strict=True):
        survivor[documents[row]["id"]] = json.loads(evidence)["survivor"]
    return {frozenset(name for name, by in survivor.items() if by == of) for of in set(survivor.values())}


def prose(draw: random.Random, words: int) -> list[str]:
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 7))) for _ in range(words)]


def edited(draw: random.Random, words: list[str], edits: int) -> list[str]:
    """Some words replaced, left out or followed by a new one."""
    made = list(words)
    for place in draw.sample(range(len(words)), edits):
        (new,) = prose(draw, 1)
        made[place] = draw.choice([new, new, "", f"{made[place]} {new}"])
    return made


def near_copy(draw: random.Random, words: list[str], share: float) -> list[str]:
    """A copy of which about so much is the same: words edited, tail cut off or paragraph put in."""
    kind = draw.choice(["words", "words", "tail", "paragraph"])
    if kind == "words":
        return edited(draw, words, max(1, round((1 - share) / (1 + share) * len(words) / 5)))
    if kind == "tail":
        return words[: round(len(words) * share)]
    at = draw.randrange(len(words))
    return [*words[:at], *prose(draw, round(len(words) * (1 - share) / share)), *words[at:]]


def boiler_family(draw: random.Random, size: int, *, words: int = 600) -> list[str]:
    """One long instruction, and a passage of its own in each text; two alike at about 0.88."""
    instruction = prose(draw, round(words * 0.94))
    return [" ".join([*instruction, *prose(draw, round(words * 0.06))]) for _ in range(size)]


def number_family(draw: random.Random, size: int, *, words: int = 600) -> list[str]:
    """One story with another number every 52 words; two alike at about 0.84."""
    story = prose(draw, words)
    return [" ".join(str(draw.randint(2, 9999)) if i % 52 == 20 else word for i, word in enumerate(story)) for _ in range(size)]


def name_family(draw: random.Random, size: int, *, words: int = 600) -> list[str]:
    """One story with another noun every 60 words, of fifty nouns, without any number."""
    story, nouns = prose(draw, words), prose(draw, 50)
    return [" ".join(draw.choice(nouns) if i % 60 == 20 else word for i, word in enumerate(story)) for _ in range(size)]


def total_family(draw: random.Random, size: int, *, words: int = 600) -> list[str]:
    """Running totals: hardly a shingle in common."""
    made = []
    for _ in range(size):
        total, lines = 0, []
        for step in range(words // 8):
            added = draw.randint(1, 99)
            total += added
            lines.append(f"Step {step} add {added} total is {total}.")
        made.append("\n".join(lines))
    return made


def graph_family(draw: random.Random, size: int, *, words: int = 600) -> list[str]:
    """Traces of a search in a graph."""
    return [
        "\n".join(f"visit node {draw.randint(0, 60)} from {draw.randint(0, 60)} queue {draw.randint(0, 60)}" for _ in range(words // 7))
        for _ in range(size)
    ]
