from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, islice
from pathlib import Path

import pytest

from tests.verifiers.game24 import of_file, solution, wrong_verdicts

REAL = Path(__file__).parents[3] / "shared" / "data" / "game24.jsonl"
THINNED = 12
"""Every twelfth puzzle; all of them take minutes on a slow machine: python -m tests.verifiers.game24"""


async def check(puzzles: Iterator[tuple[int, ...]], *, least: int) -> None:
    n, refused, wrong = await wrong_verdicts(puzzles)
    assert wrong == []
    assert n >= least
    assert len(refused) == 7
    assert set(refused.values()) == {n}


async def test_solutions_pass_and_spoilt_ones_are_refused() -> None:
    thinned = islice(combinations_with_replacement(range(1, 14), 4), 0, None, THINNED)
    await check((numbers for numbers in thinned if solution(numbers)), least=100)


@pytest.mark.skipif(not REAL.exists(), reason="the published puzzles are not here")
async def test_published_puzzles_are_judged_alike() -> None:
    await check(islice(of_file(REAL), 0, None, THINNED), least=100)
