"""The countdown judge: right expressions pass in any spelling, and every way of cheating is refused."""

from __future__ import annotations

import pytest

from eagdata.errors import VerifierError
from eagdata.records import Json, Task, Verdict
from eagdata.verifiers.countdown import CountdownVerifier

VERIFIER = CountdownVerifier(CountdownVerifier.Config())


def task(reference: Json) -> Task:
    return Task(id="countdown-0", question="make it", verifier="countdown", reference=reference)


async def judged(answer: str | None, *, numbers: list[int], target: int) -> Verdict:
    return await VERIFIER.verify(task({"numbers": list(numbers), "target": target}), answer, None)


@pytest.mark.parametrize(
    "answer",
    [
        "8/(3-8/3)",
        " 8 / ( 3 - 8 / 3 ) ",
        "8/(3-(8/3))",
        "8/(3-8/3) = 24",
        "$8/(3-8/3)$",
        "8 ÷ (3 − 8÷3)",
        "8 \\div \\left(3 - 8 \\div 3\\right)",
    ],
)
async def test_a_right_expression_passes_in_any_spelling(answer: str) -> None:
    verdict = await judged(answer, numbers=[3, 3, 8, 8], target=24)
    assert verdict.passed
    assert verdict.reward == 1.0


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        ("", "expression"),
        ("24", "numbers"),
        ("8*3", "numbers"),
        ("8*3+8-8", "numbers"),
        ("8*3+3-3+8-8", "numbers"),
        ("8+8+3+3", "target"),
        ("8/(3-3)+8", "target"),
        ("8*3*(8-3)/5", "numbers"),
        ("88-33", "numbers"),
        ("8**3-8-3", "expression"),
        ("8//3+8+3", "expression"),
        ("8%3+8+3", "expression"),
        ("-8+8+3*3", "expression"),
        ("8- -8+3+3", "expression"),
        ("+8+8+3+3", "expression"),
        ("3.0*8+8-3", "expression"),
        ("int('24')", "expression"),
        ("8*3 if 8 else 3", "expression"),
        ("8*3+(8,3)", "expression"),
        ("__import__('os')", "expression"),
        ("8/(3-8/3) = 25", "expression"),
        ("24 = 8/(3-8/3)", "expression"),
        ("(" * 150 + "8" + ")" * 150, "numbers"),
        ("(" * 199 + "8" + ")" * 199, "numbers"),
        ("8+" * 199 + "8", "numbers"),
        ("9" * 5000, "expression"),
        ("8(3)+8-3", "expression"),
        ("08*3+8-3", "expression"),
        ("８/(3-8/3)", "expression"),
    ],
)
async def test_what_breaks_a_rule_is_refused(answer: str, check: str) -> None:
    verdict = await judged(answer, numbers=[3, 3, 8, 8], target=24)
    assert verdict.status == "fail"
    assert verdict.reward == 0.0
    assert verdict.checks[-1].id == check


@pytest.mark.parametrize("answer", ["(5+8)+(5+8)", "5+8+13", "(5+8)*2", "5+8+5+8"])
async def test_paths_that_the_published_validator_accepts_are_refused(answer: str) -> None:
    assert (await judged(answer, numbers=[5, 8, 10], target=26)).status == "fail"


async def test_no_answer_fails_and_a_missing_reference_is_an_error_of_the_judge() -> None:
    assert (await judged(None, numbers=[1, 2], target=3)).status == "fail"
    for reference in (None, [1, 2], {"numbers": [], "target": 3}, {"numbers": [1, True], "target": 3}, {"numbers": [1, 2], "target": None}):
        with pytest.raises(VerifierError):
            await VERIFIER.verify(task(reference), "1+2", None)


def test_an_answer_is_supported_only_by_an_output_that_shows_the_same_expression() -> None:
    assert VERIFIER.supported("8/(3-8/3)", ["found: 8 / (3 - (8/3))\n"])
    assert VERIFIER.supported("8/(3-8/3) = 24", ["8/(3-8/3) = 24"])
    assert not VERIFIER.supported("8/(3-8/3)", ["24", "8*3"])
    assert not VERIFIER.supported("8/(3-8/3)", [])
    assert not VERIFIER.supported("nonsense", ["nonsense"])
