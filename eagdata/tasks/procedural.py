"""Tasks made by programs: nine families, each with a difficulty dial and an exact judge. No download, no key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from difflib import get_close_matches
from random import Random

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Json, Task, canonical, sha256
from eagdata.tasks.families import FAMILIES
from eagdata.tasks.families.draft import Draft

_DRAWS = 200  # the smallest family kind, gcd at difficulty 0, still has over 1000 questions: 200 misses mean that it is used up


class ProceduralTasks:
    """Families in turn, each task drawn from its own random stream: the task `countdown-00017` of a seed is always the same
    unless an earlier one of the run has the same question."""

    @settings
    class Config:
        families: tuple[str, ...] = tuple(FAMILIES)
        """Which families, in which order."""
        difficulty: tuple[float, float] = (0.1, 0.9)
        """Range from 0 to 1 that each task's difficulty is drawn from, evenly."""
        weights: dict[str, float] = field(default_factory=dict)
        """Share of a family relative to the others; 1 where none is given."""

    def __init__(self, config: Config) -> None:
        """Raises: RecipeError for an unknown family, a range that is not within 0 to 1, or a weight that is not positive."""
        _check(config)
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """`n` tasks with distinct questions.

        Raises: RecipeError if `n` is None, since the families have no end, or if a family runs out of new questions.
        """
        if n is None:
            raise RecipeError(
                "procedural tasks have no natural number", why="a family makes as many as it is asked for", mend="give a number with --n"
            )
        return self._generate(n, seed=seed)

    def _generate(self, n: int, *, seed: int) -> Iterator[Task]:
        asked, worn = set[bytes](), set[str]()
        made = dict.fromkeys(self._config.families, 0)
        for family in _turns(self._config, n):
            task = self._fresh(family, made[family], seed=seed, asked=asked, patience=1 if family in worn else _DRAWS)
            if _digest(task.question) in asked:
                worn.add(family)
            asked |= {_digest(task.question), _digest([task.question, task.environment_config])}
            made[family] += 1
            yield task

    def _fresh(self, family: str, index: int, *, seed: int, asked: set[bytes], patience: int) -> Task:
        """A question that was not asked before; after `patience` draws, one that was not asked of the same data."""
        low, high = self._config.difficulty
        of_other_data: Task | None = None
        for draw in range(_DRAWS):
            rng = Random(int(sha256(canonical([seed, family, index, draw]))[:16], 16))
            difficulty = rng.uniform(low, high)
            draft = FAMILIES[family](rng, difficulty)
            if _digest(draft.question) not in asked:
                return _task(draft, family=family, index=index, difficulty=difficulty, seed=seed)
            if of_other_data is None and _digest([draft.question, draft.environment_config]) not in asked:
                of_other_data = _task(draft, family=family, index=index, difficulty=difficulty, seed=seed)
            if of_other_data and draw + 1 >= patience:
                return of_other_data
        raise RecipeError(
            f"family {family!r} gave no new question after {index} tasks",
            why=f"{_DRAWS} draws at difficulty {low} to {high} were all asked before",
            mend="widen tasks.difficulty or add families",
        )


def _digest(asked: Json) -> bytes:
    return bytes.fromhex(sha256(canonical(asked))[:32])


def _task(draft: Draft, *, family: str, index: int, difficulty: float, seed: int) -> Task:
    return Task(
        id=f"{family}-{index:05d}",
        question=draft.question,
        verifier=draft.verifier,
        reference=draft.reference,
        answer=draft.answer,
        environment="python",
        environment_config=draft.environment_config,
        family=family,
        source="eagdata/procedural",
        license="CC0-1.0",
        difficulty=round(difficulty, 3),
        seed=seed,
        metadata={"kind": draft.kind},
    )


def _turns(config: ProceduralTasks.Config, n: int) -> Iterator[str]:
    """Families by weight, evenly spread: smooth weighted round-robin, which with equal weights is plain round-robin.

    Source: github.com/nginx/nginx commit 52327e0627f4 (upstream smooth weighted balancing).
    """
    weights = {family: config.weights.get(family, 1.0) for family in config.families}
    credit = dict.fromkeys(weights, 0.0)
    for _ in range(n):
        for family, weight in weights.items():
            credit[family] += weight
        chosen = max(credit, key=lambda family: credit[family])
        credit[chosen] -= sum(weights.values())
        yield chosen


def _check(config: ProceduralTasks.Config) -> None:
    if not config.families:
        raise RecipeError("tasks.families is empty", mend=f"name at least one of {', '.join(FAMILIES)}, or leave the key out for all")
    for family in (*config.families, *config.weights):
        if family not in FAMILIES:
            near = get_close_matches(family, FAMILIES, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecipeError(f"unknown procedural family {family!r}", mend=f"{hint}there are: {', '.join(FAMILIES)}")
    low, high = config.difficulty
    if not 0 <= low <= high <= 1:
        raise RecipeError(f"tasks.difficulty is {list(config.difficulty)}", why="it must be a range within 0 and 1", mend="for all: [0, 1]")
    for family, weight in config.weights.items():
        if not weight > 0:
            mend = "to leave the family out, leave it out of tasks.families"
            raise RecipeError(f"tasks.weights.{family} is {weight!r}", why="a weight must be above 0", mend=mend)
