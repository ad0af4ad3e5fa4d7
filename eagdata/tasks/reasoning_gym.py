"""Tasks of reasoning-gym, from the families whose scorers judge sharply.

Source: github.com/open-thought/reasoning-gym 0.1.25, Apache-2.0. An entry is `{"question", "answer", "metadata"}`; entry i of a dataset
with seed s is drawn from the seed s + i.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from importlib.metadata import version
from itertools import count, cycle, islice
from typing import Any  # reasoning-gym's datasets

from eagdata.contracts import settings
from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.records import Json, Task, canonical, sha256

_ALLOWED = """
    base_conversion bitwise_arithmetic caesar_cipher calendar_arithmetic count_primes cryptarithm decimal_chain_sum game_of_life gcd
    group_anagrams jugs kakurasu largest_island lcm manipulate_matrix maze mini_sudoku number_sorting
    palindrome_partitioning path_star pool_matrix rotate_matrix rotten_oranges shortest_path simple_equations
    string_manipulation sudoku survo tower_of_hanoi
"""
FAMILIES = tuple(_ALLOWED.split())
"""Measured on 60 entries each: the reference scores 1.0, also stripped and through JSON; the empty answer, garbage, and the reference of
another entry do not; nor do two answers in one; the entries are the same under other hash seeds. The commonest answer is right for
40 % of rotten_oranges, 35 % of maze and shortest_path, 28 % of gcd, and for at most 13 % of the others."""

EXCLUDED = {
    **dict.fromkeys(("binary_matrix", "n_queens", "spiral_matrix", "string_insertion"), "its scorer runs eval on the answer"),
    **dict.fromkeys(
        ("countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"),
        "its scorer evaluates the answer with sympy, which can run code; countdown tasks are made by the source `procedural`",
    ),
    "codeio": "it executes programs that a model wrote, and differs from run to run",
    **dict.fromkeys(
        ("isomorphic_strings", "knight_swap", "list_functions", "ransom_note", "word_ladder"), "its entries depend on PYTHONHASHSEED"
    ),
    **dict.fromkeys(("boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"), "it has no reference answer"),
    **dict.fromkeys(("circuit_logic", "coin_flip", "course_schedule"), "its answers are two: half of all guesses are right"),
    "ab": "its scorer passes the empty answer",
    "bf": "it prints while it makes entries",
    **dict.fromkeys(("knights_knaves", "quantum_lock"), "its scorer overlooks whatever else stands in the answer"),
    "game_of_life_halting": "its scorer passes any answer",
    "polynomial_equations": "0 is right for a quarter of its entries, and of several numbers it takes the nearest",
    "prime_factorization": "its scorer fails on an answer that is no product",
    "time_intervals": "its scorer reads the first number of the answer, whatever follows",
}
"""Families that are left out, and why; any other has not been looked into."""

_MISSES = 200


class ReasoningGymTasks:
    """Families in turn. The task `sudoku-00003` of a seed is always the same for one version of reasoning-gym."""

    @settings
    class Config:
        families: tuple[str, ...] = FAMILIES
        """Which families, in which order."""
        difficulty: dict[str, dict[str, Json]] = field(default_factory=dict)
        """Family -> settings of its generator, as reasoning-gym names them, e.g. {sudoku: {min_empty: 20, max_empty: 30}}."""

    def __init__(self, config: Config) -> None:
        """Raises: RecipeError for a family that is not among the allowed ones."""
        for family in (*config.families, *config.difficulty):
            if family not in FAMILIES:
                why = EXCLUDED.get(family, "nobody has looked into its scorer")
                raise RecipeError(f"family {family!r} of reasoning-gym is not allowed", why=why, mend=f"there are: {', '.join(FAMILIES)}")
        if not config.families:
            raise RecipeError("tasks.families is empty", mend="name at least one family, or leave the key out for all")
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """`n` tasks with distinct questions.

        Raises: RecipeError if `n` is None, for settings that a family refuses, or if one runs out of new questions;
        PrerequisiteError without reasoning-gym.
        """
        if n is None:
            raise RecipeError(
                "reasoning-gym's tasks have no natural number",
                why="a family makes as many as it is asked for",
                mend="give a number with --n",
            )
        given = self._config.difficulty
        drawn = {family: _draw(family, given.get(family, {}), seed=seed) for family in self._config.families}
        return islice((next(drawn[family]) for family in cycle(self._config.families)), n)


def _draw(family: str, given: Mapping[str, Json], *, seed: int) -> Iterator[Task]:
    """Tasks of one family without end. Raises: RecipeError, PrerequisiteError."""
    dataset = _dataset(family, given, seed=int(sha256(canonical([seed, family]))[:8], 16))
    source, asked, missed = f"reasoning-gym {version('reasoning-gym')}", set[str](), 0
    for place in count():
        entry = json.loads(json.dumps(dataset[place]))
        question = str(entry["question"])
        if question in asked:
            missed += 1
            if missed == _MISSES:
                raise RecipeError(
                    f"family {family!r} gave no new question after {len(asked)} tasks",
                    why=f"{_MISSES} draws in a row were all asked before",
                    mend=f"make it harder with tasks.difficulty.{family}, or add families",
                )
            continue
        yield Task(
            id=f"{family}-{len(asked):05d}",
            question=question,
            verifier="reasoning_gym",
            reference={"family": family, "config": dict(given), "answer": entry["answer"], "metadata": entry["metadata"]},
            answer=entry["answer"].strip(),
            family=family,
            source=source,
            license="Apache-2.0",
            seed=seed,
        )
        asked.add(question)
        missed = 0


def _dataset(family: str, given: Mapping[str, Json], *, seed: int) -> Any:
    """Raises: RecipeError for settings that the family refuses; PrerequisiteError."""
    try:
        import reasoning_gym
    except ImportError as error:
        raise PrerequisiteError(
            "these tasks need reasoning-gym", why=f"it is not installed: {error}", mend="pip install eagdata[reasoning-gym]"
        ) from error
    try:
        return reasoning_gym.create_dataset(family, size=1, seed=seed, **given)
    except (TypeError, AssertionError, ValueError) as error:
        raise RecipeError(
            f"tasks.difficulty.{family} is {dict(given)!r}, which the family refuses",
            why=f"{type(error).__name__}: {error}",
            mend=f'see its settings: python -c "import reasoning_gym; help(type(reasoning_gym.create_dataset({family!r}).config))"',
        ) from error
