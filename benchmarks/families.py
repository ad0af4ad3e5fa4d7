"""Four families of documents that look alike and are different problems: what a deduplication must leave alone.

A trace of a procedure (`arithmetic`, `search`) shares its wording with its siblings and little else; a long shared system prompt
(`boiler`) or a rigid story with few numbers (`wordy`) makes siblings lexical near-duplicates.
"""

from __future__ import annotations

from collections.abc import Callable

from authors import MEAN_CHARACTERS, Author

Member = tuple[str, str]
"""Problem and text."""
_PROMPTS = 3
_BETWEEN_NUMBERS = 45
"""Words of the rigid story from one number to the next."""


def arithmetic(author: Author, count: int) -> list[Member]:
    """Running totals under one short introduction."""
    opening = " ".join(author.words(120))
    return [_arithmetic(author, opening) for _ in range(count)]


def _arithmetic(author: Author, opening: str) -> Member:
    steps = author.rng.integers(2, 1000, int(author.rng.integers(70, 130))).tolist()
    lines, total = [], 0
    for step in steps:
        lines.append(f"Add {step} to {total} and the total is {total + step}.")
        total += step
    problem = f"Add these numbers one after the other and say each total: {', '.join(map(str, steps[:8]))} and {len(steps) - 8} more."
    return problem, f"{opening}\n\n" + "\n".join(lines) + f"\n\nThe answer is \\boxed{{{total}}}."


def search(author: Author, count: int) -> list[Member]:
    """Breadth-first search of random graphs, told step by step."""
    opening = " ".join(author.words(200))
    return [_search(author, opening) for _ in range(count)]


def _search(author: Author, opening: str) -> Member:
    nodes = int(author.rng.integers(60, 110))
    parents = [int(author.rng.integers(max(0, node - 6), node)) for node in range(1, nodes)]
    names = author.rng.permutation(900)[:nodes].tolist()
    lines = []
    for place, name in enumerate(names):
        found = [names[child] for child, parent in enumerate(parents, 1) if parent == place]
        lines.append(f"Take {name} from the front of the queue. New: {', '.join(map(str, found)) or 'nothing'}.")
    edges = f"{names[0]}-{names[1]}, {names[parents[1]]}-{names[2]} and {nodes - 3} more"
    problem = f"In the graph with edges {edges}, how far is {names[-1]} from {names[0]}?"
    return problem, f"{opening}\n\n" + "\n".join(lines) + f"\n\nThe answer is \\boxed{{{author.rng.integers(3, 40)}}}."


def boiler(author: Author, count: int) -> list[Member]:
    """One of three long system prompts, then a problem and its short solution."""
    prompts = [author.prose(MEAN_CHARACTERS) for _ in range(_PROMPTS)]
    members = []
    for turn in range(count):
        problem = author.problem()
        members.append((problem, f"{prompts[turn % _PROMPTS]}\n\n{problem}\n\n{' '.join(author.words(34))} \\boxed{{{turn}}}."))
    return members


def wordy(author: Author, count: int) -> list[Member]:
    """A story that is always the same but for a number every so often."""
    story = author.words(22 * _BETWEEN_NUMBERS)
    parts = [" ".join(story[i : i + _BETWEEN_NUMBERS]) for i in range(0, len(story), _BETWEEN_NUMBERS)]
    return [_wordy(author, parts) for _ in range(count)]


def _wordy(author: Author, parts: list[str]) -> Member:
    numbers = author.rng.integers(2, 12, len(parts)).tolist()
    text = "\n".join(f"{part} {number}" for part, number in zip(parts, numbers, strict=True))
    return f"The story tells of {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} crates. How many are there?", text


FAMILIES: dict[str, Callable[[Author, int], list[Member]]] = {"arith": arithmetic, "bfs": search, "boiler": boiler, "wordy": wordy}
"""By the names that tables use."""
