"""The countdown judge: right expressions pass in any spelling, and every way of cheating is refused."""

from __future__ import annotations

import asyncio
import contextlib
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.errors import VerifierError
from eagdata.records import Json, Task, Verdict
from eagdata.verifiers.countdown import CountdownVerifier
from tests.verifiers.countdown_paths import fault_of_expression, fault_of_path

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


WRONG_PATHS = {
    ("5+8=13", "13+13=26"): 26,  # 13 used twice, 10 left
    ("5+8=13", "5+13=18"): 18,  # 5 used twice, 10 left
}
"""Paths from [5, 8, 10] that the published validator calls valid, with the target that they claim."""


@pytest.mark.parametrize("path", WRONG_PATHS)
async def test_a_path_that_the_published_validator_accepts_is_refused(path: tuple[str, str]) -> None:
    numbers, target = [5, 8, 10], WRONG_PATHS[path]
    last = path[-1].partition("=")[0]
    spelt = [", ".join(path), last, last.replace("13", "(5+8)"), last.replace("13", "(5+8)", 1), f"{last}+10-10"]
    for answer in spelt:
        for claimed in (target, 26):
            assert (await judged(answer, numbers=numbers, target=claimed)).status == "fail", answer
    assert "takes what is not there" in str(fault_of_path(path, numbers=numbers, target=target))


async def test_an_end_reached_with_numbers_left_is_refused() -> None:
    """The published validator never asks for all numbers; its optimal paths lose equal ones: [24, 8, 96, 24] to [8, 4]."""
    for answer, numbers, target in (("5+8", [5, 8, 10], 13), ("96/24", [24, 8, 96, 24], 4), ("10", [5, 8, 10], 10)):
        assert (await judged(answer, numbers=numbers, target=target)).checks[-1].id == "numbers"
    assert fault_of_path(["5+8=13"], numbers=[5, 8, 10], target=13) == "[10, 13] is left, not 13"


def test_the_independent_judge_of_paths_finds_each_fault() -> None:
    assert fault_of_path(["66-42=24", "61-24=37"], numbers=[42, 61, 66], target=37) is None
    assert fault_of_path(["6*4=24", "24/24=1"], numbers=[24, 6, 4], target=1) is None
    for path, fault in (
        (["66-42=25", "61-25=36"], "miscalculated"),
        (["66-42=24", "61-24=37"], "not 36"),
        (["66-43=23", "61-23=38"], "not there"),
        (["66-42", "61-24=37"], "no operation"),
        (["66/42=1", "61-1=60"], "miscalculated"),
        ([], "left"),
    ):
        assert fault in str(fault_of_path(path, numbers=[42, 61, 66], target=36))


EXPRESSIONS = st.recursive(
    st.integers(0, 9).map(str),
    lambda part: st.builds(
        lambda a, sign, b, form: form.format(f"{a}{sign}{b}"),
        part,
        st.sampled_from("+-*/"),
        part,
        st.sampled_from(["{}", "({})", "( {} )"]),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.integers(0, 9), st.booleans())
def test_the_verifier_and_the_independent_judge_agree(answer: str, target: int, drops_one: bool) -> None:
    numbers = [int(n) for n in re.findall(r"[0-9]+", answer)][drops_one:] or [1]
    with contextlib.suppress(ZeroDivisionError):  # half of the targets are the value, so that right answers are among them
        value = eval(re.sub(r"([0-9]+)", r"Fraction(\1)", answer), {"Fraction": Fraction})
        target = int(value) if value.denominator == 1 and target % 2 else target
    verdict = asyncio.run(judged(answer, numbers=numbers, target=target))
    fault = fault_of_expression(answer, numbers=numbers, target=target)
    assert verdict.passed == (fault is None), (verdict, fault)


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
