"""What a synthesis is asked for: its settings, its plan, and the seed tasks that each new task is written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from eagdata.contracts import CleanRoom, Verifier
from eagdata.errors import BoundaryError, RecipeError
from eagdata.pipeline.building import verifier_of
from eagdata.pipeline.synthesis.prompts import OPERATIONS, PROMPT
from eagdata.plan import Plan
from eagdata.records import Json, Task, canonical, sha256

_SHAPING = ("name", "n", "seed", "concurrency", "tasks", "teacher", "environment", "verification", "budget")
"""The sections of a recipe that a synthesis reads."""


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """How new tasks are made and which of them stay."""

    shots: int = 3
    """Seed tasks shown for each new one. 1: that one is changed, as in Evol-Instruct; several: examples, as in Self-Instruct."""
    agreement: int = 4
    """How often the teacher may solve a new question without seeing the program until one answer agrees with the program's; if none
    does, the task is dropped. 0: the program alone is believed. Default ours: one agreement is asked for, since program and prose are two
    ways to the answer, and several tries, since a question that is solved once in four is worth having."""
    seeds: int | None = None
    """Tasks of the source that serve as seeds; None: as many as new ones are asked for."""
    similarity: float = 0.7
    """ROUGE-L from which on a question is a copy of a seed, or of an earlier new one. Source: Self-Instruct (Wang et al. 2022,
    arXiv:2212.10560), section 2.2."""
    against: tuple[str, ...] = ()
    """Benchmarks that no new question may leak, as `eagdata curate --against` takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One new task that is asked for."""

    position: int
    seeds: tuple[Task, ...]
    """What the teacher is shown. The new task has the verifier, the licence and the family of the first."""
    operation: str | None
    """How the one seed is to be changed; None where there are several."""
    sample: int
    """How many orders before it show the same."""


def synthesis_plan(plan: Plan, asked: Synthesis) -> Plan:
    """The plan with what a synthesis reads of it and no more, so that the digest covers that. Benchmarks are not part of it: they shape no
    reply, and may be added later. Raises: RecipeError for a teacher or an environment that cannot do it."""
    if plan.plugins["teacher"] == "procedural":
        raise RecipeError(
            "the procedural teacher writes no new tasks",
            why="it is a program that solves what its own families make",
            mend="give --teacher openai_chat; or draw more tasks from the families themselves: eagdata generate quickstart --n N",
        )
    if plan.plugins["environment"] != "python":
        raise RecipeError(
            f"new tasks are proven by Python programs, and the recipe's environment is {plan.plugins['environment']!r}",
            mend="--set environment.kind=python",
        )
    shaping: dict[str, Json] = {
        "prompt": PROMPT, "shots": asked.shots, "agreement": asked.agreement, "seeds": asked.seeds, "similarity": asked.similarity,
    }  # fmt: skip
    resolved = {key: plan.resolved[key] for key in _SHAPING} | {"synthesis": shaping}
    return replace(plan, resolved=resolved)


async def usable(tasks: Sequence[Task], *, clean: CleanRoom) -> tuple[list[Task], dict[str, int]]:
    """The seed tasks that new ones can be written from, and why others cannot, with how many.

    A seed's answer alone must judge an answer to it: it stands where the reference stands, and passes. Of several verifiers the one of
    most seeds counts, since one recipe reads what comes out. Raises: RecipeError if no seed is left.
    """
    made: dict[str, Verifier] = {}
    left_out = Counter[str]()
    by_judge: dict[str, list[Task]] = {}
    for task in tasks:
        if why := await _unfit(task, verifier_of(task, made), clean):
            left_out[why] += 1
        else:
            by_judge.setdefault(canonical([task.verifier, task.verifier_config]), []).append(task)
    if not by_judge:
        raise RecipeError(
            "no task of the recipe can be a seed",
            why="; ".join(f"{count} {why}" for why, count in left_out.items()),
            mend="give tasks whose answer is a text that the verifier compares, such as numbers, without files or set-up code",
        )
    largest = max(by_judge.values(), key=len)
    for others in by_judge.values():
        if others is not largest:
            left_out[f"judged by {others[0].verifier!r}, and most by {largest[0].verifier!r}"] += len(others)
    return largest, dict(left_out)


async def _unfit(task: Task, verifier: Verifier, clean: CleanRoom) -> str | None:
    if task.environment != "python" or {"files", "setup"} & task.environment_config.keys():
        return "with files, set-up code or another environment"
    if verifier.judges != "answer" or task.answer is None:
        return "without an answer that judges"
    try:
        verdict = await verifier.verify(replace(task, reference=task.answer), task.answer, None, clean)
    except (BoundaryError, RecipeError):
        return f"whose verifier {task.verifier!r} compares no text"
    return None if verdict.passed else f"whose verifier {task.verifier!r} compares no text"


def orders(seeds: Sequence[Task], *, shots: int, n: int, seed: int) -> list[Order]:
    """What each of `n` new tasks is written from. Every seed leads as often as any other; those shown with it share its source and its
    licence, so that a new task has but one. The same for the same seed."""
    rng, shown = Random(int(sha256(canonical(["synthesis", seed]))[:15], 16)), Counter[str]()
    kin: dict[tuple[str, str | None], list[Task]] = {}
    for task in seeds:
        kin.setdefault((task.source, task.license), []).append(task)
    found = []
    for position, lead in zip(range(n), _leads(seeds, rng), strict=False):
        others = [task for task in kin[lead.source, lead.license] if task is not lead]
        given = (lead, *rng.sample(others, min(shots - 1, len(others))))
        operation = rng.choice(list(OPERATIONS)) if len(given) == 1 else None
        key = canonical([*(task.id for task in given), operation])
        found.append(Order(position=position, seeds=given, operation=operation, sample=shown[key]))
        shown[key] += 1
    return found


def _leads(seeds: Sequence[Task], rng: Random) -> Iterator[Task]:
    """All seeds, and again, each time in another order."""
    while True:
        yield from rng.sample(seeds, len(seeds))
