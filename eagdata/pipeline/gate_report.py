"""The gate over many tasks: counts by check, what fails with its evidence, and what a constant answer gets in each family."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from eagdata.contracts import CleanRoom, Verifier
from eagdata.errors import BoundaryError, RecipeError
from eagdata.pipeline.cheats import GARBAGE
from eagdata.pipeline.gate import check_task
from eagdata.pipeline.remaking import fingerprint
from eagdata.records import Check, Json, Task

WORDS = {"pass": "pass", "fail": "fail", "unscored": "unchecked", "error": "error"}
"""Status of a check -> how it is counted."""
MOST_FLOOR = 0.5
"""Share of a family's tasks that one constant answer may pass before it is warned of: above it, a guess beats reasoning on yes and no."""
LEAST_FAMILY = 20
"""Tasks of a family below which its floor is no more than chance."""
_COMMON = 5
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What the best constant answer gets in a family. Source: zero baselines of reasoning-gym's families; OpenEnv `canary_floor`."""

    family: str
    tasks: int
    answer: str
    share: float

    @property
    def too_high(self) -> bool:
        return self.tasks >= LEAST_FAMILY and self.share > MOST_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """What the gate found: each task's checks, by its id, and the floors of the families whose answers are judged."""

    checks: Mapping[str, tuple[Check, ...]]
    floors: tuple[Floor, ...]

    @property
    def failing(self) -> dict[str, Check]:
        """The first check that each failing task fails, by its id."""
        found = ((task, next((check for check in checks if check.status == "fail"), None)) for task, checks in self.checks.items())
        return {task: check for task, check in found if check}

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Tasks by check and by how it came out, as `WORDS` calls it; what could not be checked is no pass."""
        names = dict.fromkeys(check.id for checks in self.checks.values() for check in checks)
        found = Counter((check.id, WORDS[check.status]) for checks in self.checks.values() for check in checks)
        return {name: {word: found[name, word] for word in WORDS.values()} for name in names}

    @property
    def evidence(self) -> list[tuple[str, Check]]:
        """Every check that failed or met a fault of ours, with the id of its task."""
        return [(task, check) for task, checks in self.checks.items() for check in checks if check.status in ("fail", "error")]

    def to_json(self, *, most: int) -> dict[str, Json]:
        """All counts, and the first `most` pieces of evidence."""
        shown: list[Json] = [
            {"task": task, "check": check.id, "status": check.status, "evidence": check.evidence} for task, check in self.evidence[:most]
        ]
        floors: list[Json] = [
            {"family": one.family, "tasks": one.tasks, "answer": one.answer, "share": round(one.share, 4), "too_high": one.too_high}
            for one in self.floors
        ]
        counts: dict[str, Json] = {name: dict[str, Json](found) for name, found in self.counts.items()}
        return {"tasks": len(self.checks), "failing": len(self.failing), "checks": counts, "floors": floors, "shown": shown}


async def gate(
    tasks: Sequence[Task],
    *,
    verifier_of: Callable[[Task], Verifier],
    clean: CleanRoom,
    language: str,
    remade: Sequence[str] | None = None,
) -> GateReport:
    """Check every task. `remade`: fingerprints of the same tasks, made under another hash seed; None: `seed` is not checked.

    Raises: PrerequisiteError; RecipeError if a task's verifier does not exist or cannot be set up.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def checked(position: int, task: Task) -> tuple[Check, ...]:
        async with turns:
            found = await check_task(task, verifier=verifier_of(task), clean=clean, language=language)
        return found if remade is None else (*found, _seed(task, remade[position] if position < len(remade) else None))

    works = [asyncio.ensure_future(checked(position, task)) for position, task in enumerate(tasks)]
    try:
        checks = await asyncio.gather(*works)
    finally:  # nobody works on in rooms that are about to be closed
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    floors = await _floors(tasks, verifier_of, clean)
    return GateReport(checks={task.id: found for task, found in zip(tasks, checks, strict=True)}, floors=floors)


def _seed(task: Task, other: str | None) -> Check:
    if other == fingerprint(task):
        return Check(id="seed", status="pass")
    return Check(id="seed", status="fail", evidence="under another hash seed, question or answer is another")


async def _floors(tasks: Sequence[Task], verifier_of: Callable[[Task], Verifier], clean: CleanRoom) -> tuple[Floor, ...]:
    """Of the families whose answers are judged: where the state is, no answer counts."""
    families: dict[str, list[_Judged]] = defaultdict(list)
    for task in tasks:
        if (verifier := verifier_of(task)).judges == "answer":
            families[task.family or task.source].append(_Judged(task, verifier, clean))
    return tuple([await _floor(family, members) for family, members in sorted(families.items())])


async def _floor(family: str, members: Sequence[_Judged]) -> Floor:
    """The best of the answers without content and of those that are right most often."""
    right = Counter(one.task.answer for one in members if one.task.answer is not None).most_common(_COMMON)
    best = Floor(family=family, tasks=len(members), answer="", share=0.0)
    for answer in (*GARBAGE, *(answer for answer, _ in right)):
        share = sum([await one.passes(answer) for one in members]) / len(members)
        if share > best.share:
            best = replace(best, answer=answer, share=share)
    return best


@dataclass(frozen=True, slots=True)
class _Judged:
    """A task with its judge."""

    task: Task
    verifier: Verifier
    clean: CleanRoom

    async def passes(self, answer: str) -> bool:
        try:
            return (await self.verifier.verify(self.task, answer, None, self.clean)).passed
        except (BoundaryError, RecipeError):  # the checks of the task have said so
            return False
