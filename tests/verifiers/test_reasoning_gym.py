from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from eagdata.contracts import CleanRoom
from eagdata.environments.gym import GymEnvironment
from eagdata.errors import VerifierError
from eagdata.records import Json, Task
from eagdata.tasks.reasoning_gym import FAMILIES, ReasoningGymTasks
from eagdata.testing import clean_room
from eagdata.verifiers.reasoning_gym import ReasoningGymVerifier

pytest.importorskip("reasoning_gym", reason="needs the extra reasoning-gym")
pytestmark = pytest.mark.asyncio(loop_scope="module")

VERIFIER = ReasoningGymVerifier(ReasoningGymVerifier.Config())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clean() -> AsyncIterator[CleanRoom]:
    async with clean_room({"gym": GymEnvironment(GymEnvironment.Config())}) as opened:
        yield opened


def tasks(family: str, n: int = 3) -> list[Task]:
    return list(ReasoningGymTasks(ReasoningGymTasks.Config(families=(family,))).tasks(n, seed=0))


def reference(**changed: Json) -> Json:
    found = tasks("gcd", 1)[0].reference
    assert isinstance(found, dict)
    return found | changed


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_reference_passes_and_nothing_else_does(clean: CleanRoom, family: str, tmp_path: Path) -> None:
    written = tmp_path / "written"
    code = f'__import__("pathlib").Path({str(written)!r}).write_text("x")'
    asked = tasks(family, 4)
    for task, other, wrong in zip(asked, asked[1:], ("garbage", "0", code), strict=False):
        verdict = await VERIFIER.verify(task, f"\n {task.answer} ", None, clean)
        assert (verdict.status, verdict.reward) == ("pass", 1.0), verdict
        for answer in (wrong, other.answer, "", " ", None):
            verdict = await VERIFIER.verify(task, answer, None, clean)
            assert answer == task.answer or (verdict.status, verdict.reward) == ("fail", 0.0), (answer, verdict)
            assert verdict.checks
    assert not written.exists()


@pytest.mark.parametrize("family", ["binary_matrix", "countdown", "n_queens", "spiral_matrix", "string_insertion"])
async def test_scorers_that_evaluate_the_answer_are_not_asked(clean: CleanRoom, family: str) -> None:
    task = replace(tasks("gcd", 1)[0], reference=reference(family=family))
    verdict = await VERIFIER.verify(task, "[1, 2]", None, clean)
    assert (verdict.status, verdict.reward) == ("unscored", None)


async def test_a_near_miss_of_a_long_reference_is_no_pass(clean: CleanRoom) -> None:
    """The scorer itself gives it 0.9996."""
    long = "".join(str(number) for number in range(1000))
    task = replace(tasks("caesar_cipher", 1)[0], reference={"family": "caesar_cipher", "config": {}, "answer": long, "metadata": {}})
    assert (await VERIFIER.verify(task, long, None, clean)).passed
    verdict = await VERIFIER.verify(task, long + "!", None, clean)
    assert verdict.status == "fail"
    assert (verdict.checks[0].measured or "").startswith("0.99")


async def test_partial_credit_is_no_pass(clean: CleanRoom) -> None:
    task = tasks("sudoku", 1)[0]
    assert task.answer
    verdict = await VERIFIER.verify(task, task.answer[:-1] + ("1" if task.answer[-1] != "1" else "2"), None, clean)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)
    assert 0 < float(verdict.checks[0].measured or 0) < 1


async def test_two_answers_in_one_are_no_pass(clean: CleanRoom) -> None:
    for task, other in (tasks(family, 2) for family in FAMILIES):
        assert task.answer != other.answer
        assert (await VERIFIER.verify(task, f"{task.answer} or {other.answer}", None, clean)).status == "fail", task.family


async def test_an_answer_that_breaks_the_scorer_fails(clean: CleanRoom) -> None:
    verdict = await VERIFIER.verify(tasks("game_of_life", 1)[0], "{}", None, clean)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)
    assert "KeyError" in (verdict.checks[0].evidence or "")


async def test_a_reference_that_breaks_the_scorer_too_is_no_wrong_answer(clean: CleanRoom) -> None:
    broken = replace(tasks("sudoku", 1)[0], reference={"family": "survo", "config": {}, "answer": "1 2", "metadata": {}})
    with pytest.raises(VerifierError, match="its own reference"):
        await VERIFIER.verify(broken, "1 2", None, clean)


@pytest.mark.parametrize("given", [None, "3", {"family": "gcd"}, {"answer": "3"}])
async def test_what_is_no_reference_of_reasoning_gym_is_unscored(clean: CleanRoom, given: Json) -> None:
    verdict = await VERIFIER.verify(replace(tasks("gcd", 1)[0], reference=given), "3", None, clean)
    assert (verdict.status, verdict.reward) == ("unscored", None)


async def test_an_answer_of_any_length_is_judged_or_refused(clean: CleanRoom) -> None:
    task = tasks("gcd", 1)[0]
    for answer in ("1" * 19_999, "1" * 10_000_000, "\ud800", "\0", "é" * 3000):
        assert (await VERIFIER.verify(task, answer, None, clean)).status == "fail"
