from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eagdata.contracts import CleanRoom
from eagdata.environments.python import PythonEnvironment
from eagdata.environments.smt import SmtEnvironment
from eagdata.errors import VerifierError
from eagdata.records import Action, Json, Task, Verdict
from eagdata.testing import clean_room
from eagdata.verifiers.smt import SmtVerifier

pytest.importorskip("z3", reason="needs the extra smt")
pytestmark = pytest.mark.asyncio(loop_scope="module")

PARITY = "(declare-const n Int) (declare-const k Int) (assume (= n (+ (* 2 k) 1)))"
ODD: Json = {"goal": "(= (mod (* n n) 4) 1)"}
PRICES = "(declare-const pen Real) (declare-const pad Real) (assume (= (+ pen pad) 3)) (assume (= (- pad pen) (/ 1 2)))"
BOTH: Json = {"find": ["pen", "pad"]}
VERIFIER = SmtVerifier(SmtVerifier.Config())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smt() -> AsyncIterator[SmtEnvironment]:
    async with SmtEnvironment(SmtEnvironment.Config()) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clean() -> AsyncIterator[CleanRoom]:
    async with clean_room({"smt": SmtEnvironment(SmtEnvironment.Config())}) as opened:
        yield opened


def task(theory: str, reference: Json, **config: Json) -> Task:
    return Task(
        id="t", question="?", verifier="smt", reference=reference, environment="smt", environment_config={"theory": theory, **config}
    )


async def judge(smt: SmtEnvironment, clean: CleanRoom, asked: Task, *actions: str, answer: str | None = "done") -> Verdict:
    episode = await smt.reset(asked)
    try:
        for action in actions:
            await episode.step(Action(kind="smt", text=action))
        return await VERIFIER.verify(asked, answer, episode, clean)
    finally:
        await episode.close()


SQUARE = "(step s1 (= (* n n) (+ (* 4 (* k k)) (* 4 k) 1)))"
CLAIM = "(step s2 (= (mod (* n n) 4) 1))"


@pytest.mark.parametrize(
    "actions",
    [
        [SQUARE, CLAIM],
        [SQUARE + CLAIM + "(step s3 true)"],
        [SQUARE, "(step wrong (= n 3))", "(nonsense", CLAIM],
        [SQUARE, "(step s2 (and (= (mod (* n n) 4) 1) (= (mod n 2) 1)))"],
        [SQUARE, "(suppose h (not (= (mod (* n n) 4) 1)))(step c false)(discharge d)"],
        [SQUARE, "(step s2 (= 1 (mod (* n n) 4)))"],
        [SQUARE, "(step s2 (exists ((m Int)) (= (* n n) (+ (* 4 m) 1))))", CLAIM.replace("s2", "s3")],
    ],
)
async def test_a_goal_that_the_branch_has_proved_passes(smt: SmtEnvironment, clean: CleanRoom, actions: list[str]) -> None:
    verdict = await judge(smt, clean, task(PARITY, ODD), *actions)
    assert verdict.passed, verdict
    assert verdict.reward == 1.0


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [SQUARE],
        ["(step s2 (= (mod (* n n) 4) 3))"],
        ["(step s2 (= (mod n 2) 1))"],
        ["(suppose h (= k 3))" + CLAIM],
        ["(suppose h (= k 3))" + CLAIM + "(discharge d)"],
        ["(suppose h (not (= n (+ (* 2 k) 1))))(step s2 (= (mod (* n n) 4) 1))"],
        ["(assume (= (mod (* n n) 4) 1))"],
        ["(step s2 (=> false (= (mod (* n n) 4) 1)))"],
        ["(step s1 true)"],
    ],
)
async def test_a_goal_that_follows_and_was_not_proved_fails(smt: SmtEnvironment, clean: CleanRoom, actions: list[str]) -> None:
    verdict = await judge(smt, clean, task(PARITY, ODD), *actions, answer="(= (mod (* n n) 4) 1)")
    assert (verdict.status, verdict.reward) == ("fail", 0.0), verdict
    assert verdict.checks


async def test_a_goal_that_holds_by_itself_must_be_said(smt: SmtEnvironment, clean: CleanRoom) -> None:
    identity = "(= (* (- u v) (- u v)) (+ (* u u) (* v v) (* (- 2) u v)))"
    goal: Json = {"goal": f"(and (>= (* (+ u v) (+ u v)) (* 4 u v)) {identity})"}
    asked = task("(declare-const u Real)(declare-const v Real)", goal)
    assert (await judge(smt, clean, asked, "(step s1 true)", "(step s2 (>= (* v v) 0))", f"(step s3 {identity})")).status == "fail"
    said = ["(step s1 (>= (* (- u v) (- u v)) 0))", "(step s2 (<= (* 4 u v) (* (+ u v) (+ u v))))", f"(step s3 {identity})"]
    assert (await judge(smt, clean, asked, *said)).passed
    assert (await judge(smt, clean, asked, *said[:2], "(step s3 true)")).status == "fail"


@pytest.mark.parametrize(
    ("theory", "reference"),
    [
        (PARITY, {"goal": "(= k 3)"}),
        (PARITY, {"goal": "(= m 3)"}),
        (PARITY, {"goal": "(= n 3) (= k 1)"}),
        (PARITY, {"goal": ""}),
        (PARITY, {"goal": 3}),
        (PARITY, {"find": []}),
        (PARITY, None),
        ("(declare-const x Int)(declare-const y Int)(declare-const z Int)", {"goal": "(not (= (+ (* x x x) (* y y y) (* z z z)) 42))"}),
        ("(declare-fun f (Int) Int)(assume (forall ((x Int)) (> (f (+ x 1)) (f x))))(assume (> (f 0) 3))", {"goal": "(> (f 0) 3)"}),
    ],
)
async def test_what_cannot_be_settled_is_unscored(smt: SmtEnvironment, clean: CleanRoom, theory: str, reference: Json) -> None:
    verdict = await judge(smt, clean, task(theory, reference, rlimit=100_000), "(step s1 (> (f 0) 3))")
    assert (verdict.status, verdict.reward) == ("unscored", None), verdict
    assert verdict.checks


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("pen = 1.25, pad = 7/4", "pass"),
        ("pad = 1.75 and pen = 5/4", "pass"),
        ("$pen = 1.25; pad = 1.75$", "pass"),
        ("pen = 1.75, pad = 1.25", "fail"),
        ("pen = -1.25, pad = 1.75", "fail"),
        ("pen = 1.25", "fail"),
        ("pen = 1.25, pad = 1.75, pad = 1.75", "fail"),
        ("pen = 1.25, pad = 1.75, x = 3", "fail"),
        ("pen = 1.25, pad = pad", "fail"),
        ("pen = 1.25, pad = (+ 1 1)", "fail"),
        ("pen = 1.25, pad = 1.75) (assert false", "fail"),
        ("pen = 1.25, pad = 1/0", "fail"),
        ("pen = 1.25, pad = true", "fail"),
        ("1.25, 1.75", "fail"),
        ("", "fail"),
        (None, "fail"),
    ],
)
async def test_values_pass_if_they_are_proved_to_be_the_only_ones(
    smt: SmtEnvironment, clean: CleanRoom, answer: str | None, status: str
) -> None:
    proof = "(step s1 (= (* 2 pad) 3.5)) (step s2 (and (= pad 1.75) (= pen 1.25)))"
    verdict = await judge(smt, clean, task(PRICES, BOTH), proof, answer=answer)
    assert verdict.status == status, verdict


async def test_right_values_that_the_branch_did_not_prove_fail(smt: SmtEnvironment, clean: CleanRoom) -> None:
    verdict = await judge(smt, clean, task(PRICES, BOTH), "(step s1 (= pad 1.75))", answer="pen = 1.25, pad = 1.75")
    assert verdict.status == "fail"


async def test_without_an_episode_values_are_judged_by_what_follows(clean: CleanRoom) -> None:
    asked = task(PRICES, BOTH)
    assert (await VERIFIER.verify(asked, "pen = 1.25, pad = 1.75", None, clean)).passed
    assert (await VERIFIER.verify(asked, "pen = 1.5, pad = 1.5", None, clean)).status == "fail"
    assert (await VERIFIER.verify(task(PRICES, {"goal": "(= pad 1.75)"}), "done", None, clean)).status == "fail"


async def test_values_that_others_could_have_too_fail(smt: SmtEnvironment, clean: CleanRoom) -> None:
    theory = "(declare-const x Int) (assume (= (* x x) 9))"
    assert (await judge(smt, clean, task(theory, {"find": ["x"]}), answer="3")).status == "fail"
    positive = task(theory + "(assume (> x 0))", {"find": ["x"]})
    assert (await judge(smt, clean, positive, "(step s (= x 3))", answer="3")).passed


async def test_a_long_derivation_is_judged_whole_whatever_is_shown_of_it(smt: SmtEnvironment, clean: CleanRoom) -> None:
    steps = [f"(step q{number} (< {number} (+ n n {2 * number} (* n n))) :from ())" for number in range(60)]
    long = [f"(step t{number} (or {' '.join(['(> n 0)', '(<= n 0)'] * 30)}))" for number in range(20)]
    verdict = await judge(smt, clean, task(PARITY, ODD, output_chars=500), *steps, *long, SQUARE, CLAIM)
    assert verdict.passed, verdict


async def test_an_environment_without_derivations_is_no_failure_of_the_branch(clean: CleanRoom) -> None:
    async with PythonEnvironment(PythonEnvironment.Config()) as python:
        episode = await python.reset(Task(id="t", question="?", verifier="smt"))
        with pytest.raises(VerifierError, match="no derivation"):
            await VERIFIER.verify(task(PARITY, ODD), "done", episode, clean)
        await episode.close()
