"""The game Countdown as Stream of Search plays it: reach a target by joining the given numbers two at a time.

Source: Gandhi et al. 2024, arXiv 2404.03683, and `src/countdown_generate.py` of github.com/kanishkg/stream-of-search: numbers drawn
evenly from 1 to 99 and again until an exhaustive search finds a way, targets from 10 to 100. It plays with whole numbers of at
least 0: a difference is the larger less the smaller, a quotient only where it leaves no rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from random import Random

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Task, canonical, sha256

_QUESTION = (
    "Make {target} from the numbers {numbers}. One operation a step: take two of the numbers, put their sum, difference, product or "
    "quotient in their place, and go on until one number is left. Use each number exactly once. Answer with the expression alone, "
    "such as (1+2)*3."
)
_Parts = tuple[tuple[int, str], ...]
_DRAWS = 1000
"""Draws for one task; with four numbers about one draw in two can reach its target and was not asked before."""


class CountdownTasks:
    """Tasks with a solution, drawn from one seed each: the task `countdown-00017` of a seed is always the same."""

    @settings
    class Config:
        sizes: tuple[int, int] = (4, 4)
        """Fewest and most numbers of a task, 2 to 6; how many is drawn evenly."""
        highest: int = 99
        """Numbers are drawn from 1 to this."""
        targets: tuple[int, int] = (10, 100)
        """Lowest and highest target, drawn evenly."""

        def __post_init__(self) -> None:
            if not 2 <= self.sizes[0] <= self.sizes[1] <= 6:
                raise ValueError("sizes must be two counts from 2 to 6, the smaller first")
            if self.highest < 1 or not 0 <= self.targets[0] <= self.targets[1]:
                raise ValueError("highest must be at least 1, and targets two numbers of at least 0, the smaller first")

    def __init__(self, config: Config) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """`n` tasks with distinct questions. Raises: RecipeError if `n` is None, or if the settings hold no more tasks."""
        if n is None:
            raise RecipeError("countdown tasks have no natural number", why="they are drawn", mend="give a number with --n")
        asked = set[tuple[int, ...]]()
        return (self._task(index, seed=seed, asked=asked) for index in range(n))

    def _task(self, index: int, *, seed: int, asked: set[tuple[int, ...]]) -> Task:
        rng = Random(int(sha256(canonical(["countdown", seed, index]))[:16], 16))
        for _ in range(_DRAWS):
            target = rng.randint(*self._config.targets)
            numbers = [rng.randint(1, self._config.highest) for _ in range(rng.randint(*self._config.sizes))]
            puzzle = (target, *sorted(numbers))
            if puzzle not in asked and (answer := _solution(tuple((n, str(n)) for n in numbers), target, set())):
                asked.add(puzzle)
                return _asked(index, numbers, target=target, answer=answer, seed=seed)
        raise RecipeError(
            f"countdown gave no new task after {index}",
            why=f"{_DRAWS} draws cannot reach their target, or were asked before",
            mend="widen tasks.sizes, tasks.highest or tasks.targets",
        )


def _asked(index: int, numbers: list[int], *, target: int, answer: str, seed: int) -> Task:
    listed = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
    return Task(
        id=f"countdown-{index:05d}",
        question=_QUESTION.format(target=target, numbers=listed),
        verifier="countdown",
        reference={"numbers": list(numbers), "target": target},
        answer=answer,
        family="countdown",
        source="eagdata/countdown",
        license="CC0-1.0",
        difficulty=float(len(numbers)),
        seed=seed,
        metadata={"numbers": len(numbers)},
    )


def _solution(parts: _Parts, target: int, dead: set[tuple[int, ...]]) -> str | None:
    """An expression of all parts that is the target, by exhaustive search; `dead`: what is known to lead nowhere."""
    if len(parts) == 1:
        return parts[0][1].removeprefix("(").removesuffix(")") if parts[0][0] == target else None
    state = tuple(sorted(value for value, _ in parts))
    if state in dead:
        return None
    for i, j in combinations(range(len(parts)), 2):
        rest = tuple(part for k, part in enumerate(parts) if k not in (i, j))
        for joined in _joined(*sorted((parts[i], parts[j]), reverse=True)):
            if found := _solution((*rest, joined), target, dead):
                return found
    dead.add(state)
    return None


def _joined(larger: tuple[int, str], smaller: tuple[int, str]) -> Iterator[tuple[int, str]]:
    (a, left), (b, right) = larger, smaller
    yield a + b, f"({left}+{right})"
    yield a - b, f"({left}-{right})"
    yield a * b, f"({left}*{right})"
    if b and a % b == 0:
        yield a // b, f"({left}/{right})"
