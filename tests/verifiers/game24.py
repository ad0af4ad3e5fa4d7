"""The game of 24, solved, and its solutions spoilt: what `countdown` must pass and what it must refuse.

    python -m tests.verifiers.game24 [game24.jsonl]

Without a file: all 1,820 multisets of four numbers from 1 to 13, of which 1,362 can be solved.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, combinations_with_replacement
from pathlib import Path

from eagdata.records import Task
from eagdata.verifiers.countdown import CountdownVerifier

TARGET = 24
VERIFIER = CountdownVerifier(CountdownVerifier.Config())


def solution(numbers: Sequence[int], target: int = TARGET) -> str | None:
    """An expression that uses each number once and equals `target`; None if there is none. Joins any two until one is left."""
    return _joined([(Fraction(n), str(n)) for n in numbers], target)


def puzzles() -> Iterator[tuple[int, ...]]:
    """All that can be solved."""
    return (numbers for numbers in combinations_with_replacement(range(1, 14), 4) if solution(numbers))


def spoilt(solved: str, numbers: Sequence[int]) -> dict[str, str]:
    """Wrong answers near a right one. The number used twice and the one left out keep the value 24."""
    other = next(text for target in (23, 25, 22, 26, 12, 48, 6, 1, 2, 3, 10, 20, 30) if (text := solution(numbers, target)))
    one = re.search(r"\d+", solved)
    assert one is not None
    return {
        "a number used twice": f"{solved}+{numbers[0]}-{numbers[0]}",
        "a number used twice, in place of another": f"{solved[: one.start()]}({one[0]}*{one[0]}/{one[0]}){solved[one.end() :]}",
        "one left out": solution(numbers[1:]) or f"{numbers[1]}+{numbers[2]}+{numbers[3]}",
        "another number in its place": f"{solved[: one.start()]}{int(one[0]) + 1}{solved[one.end() :]}",
        "a wrong value": other,
        "the target alone": str(TARGET),
        "a wrong value that says it is right": f"{other}={TARGET}",
    }


async def passes(numbers: Sequence[int], answer: str) -> bool:
    """Whether `countdown` passes `answer`."""
    task = Task(id="t", question="q", verifier="countdown", reference={"numbers": list(numbers), "target": TARGET})
    return (await VERIFIER.verify(task, answer, None)).passed


async def wrong_verdicts(of: Iterator[tuple[int, ...]]) -> tuple[int, Counter[str], list[str]]:
    """How many puzzles there were, how often each kind of wrong answer was refused, and each verdict that was wrong."""
    n, refused, wrong = 0, Counter[str](), list[str]()
    for n, numbers in enumerate(of, 1):  # noqa: B007  # the count is a result
        solved = solution(numbers)
        if solved is None or not await passes(numbers, solved):
            wrong.append(f"{numbers}: {solved} is refused")
            continue
        for kind, answer in spoilt(solved, numbers).items():
            if await passes(numbers, answer):
                wrong.append(f"{numbers}: {answer} ({kind}) passes")
            else:
                refused[kind] += 1
    return n, refused, wrong


def of_file(path: Path) -> Iterator[tuple[int, ...]]:
    """The puzzles of a file of JSON lines with `numbers`, as a list or a text."""
    for line in path.read_text().splitlines():
        numbers = json.loads(line)["numbers"]
        yield tuple(int(n) for n in (re.findall(r"\d+", numbers) if isinstance(numbers, str) else numbers))


def _joined(left: list[tuple[Fraction, str]], target: int) -> str | None:
    if len(left) == 1:
        return left[0][1] if left[0][0] == target else None
    for i, j in combinations(range(len(left)), 2):
        (a, p), (b, q) = left[i], left[j]
        rest = [left[k] for k in range(len(left)) if k not in (i, j)]
        results = [(a + b, f"({p}+{q})"), (a * b, f"({p}*{q})"), (a - b, f"({p}-{q})"), (b - a, f"({q}-{p})")]
        results += [(a / b, f"({p}/{q})")] if b else []
        results += [(b / a, f"({q}/{p})")] if a else []
        for result in results:
            if found := _joined([*rest, result], target):
                return found
    return None


if __name__ == "__main__":
    source = of_file(Path(sys.argv[1])) if sys.argv[1:] else puzzles()
    total, counts, mistakes = asyncio.run(wrong_verdicts(source))
    rows = [f"{total} puzzles, {total - sum('is refused' in one for one in mistakes)} solutions pass; refused:"]
    rows += [f"  {kind}: {count}" for kind, count in counts.items()]
    sys.stdout.write("\n".join([*rows, *mistakes, ""]))
    sys.exit(1 if mistakes else 0)
