from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eagdata.contracts import Episode
from eagdata.environments.smt import SmtEnvironment
from eagdata.errors import RecipeError
from eagdata.records import Action, Json, Observation, Task
from eagdata.testing import check_environment

pytest.importorskip("z3", reason="needs the extra smt")
pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = "(declare-const x Int) (declare-const r Real) (assume (> x 3)) (assume square (= (* r r) 2))"
KNIGHTS = "(declare-const a Bool) (declare-const b Bool) (assume (= a (not b))) (assume (= b (and a b)))  ; a: b lies; b: both are knights"
SYLLOGISM = """
(declare-sort Being) (declare-const socrates Being)
(declare-fun man (Being) Bool) (declare-fun mortal (Being) Bool) (declare-fun greek (Being) Bool)
(assume (forall ((b Being)) (=> (man b) (mortal b)))) (assume (forall ((b Being)) (=> (greek b) (man b)))) (assume (greek socrates))
"""
COLOURS = """
(declare-datatype Colour ((red) (green) (blue))) (declare-fun place (Colour) Int) (define-fun first ((c Colour)) Bool (= (place c) 1))
(assume (distinct (place red) (place green) (place blue))) (assume (forall ((c Colour)) (<= 1 (place c) 3))) (assume (first green))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=("namespaces", "landlock", "process"))
async def environment(request: pytest.FixtureRequest) -> AsyncIterator[SmtEnvironment]:
    async with SmtEnvironment(SmtEnvironment.Config(isolation=request.param, min_isolation="process")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smt() -> AsyncIterator[SmtEnvironment]:
    async with SmtEnvironment(SmtEnvironment.Config()) as opened:
        yield opened


def task(theory: str, **environment_config: Json) -> Task:
    return Task(id="t", question="?", verifier="smt", environment="smt", environment_config={"theory": theory, **environment_config})


async def run(episode: Episode, text: str) -> Observation:
    return await episode.step(Action(kind="smt", text=text))


async def derive(smt: SmtEnvironment, theory: str, *actions: str, **environment_config: Json) -> list[Observation]:
    episode = await smt.reset(task(theory, **environment_config))
    try:
        return [await run(episode, action) for action in actions]
    finally:
        await episode.close()


async def test_keeps_the_contract_of_an_environment() -> None:
    actions = ["(step s1 (> x 2))", "(suppose h (< r 0)) (step s2 (< (* 2 r) r)) (discharge d)", "(show)"]
    await check_environment(SmtEnvironment(SmtEnvironment.Config()), task(NUMBERS), actions, failing="(step s9 (> x 9))")


async def test_a_step_that_follows_is_proved_and_becomes_a_premise(environment: SmtEnvironment) -> None:
    seen = await derive(environment, NUMBERS, "(step s1 (> (+ x 1) 4) :from (a1))", "(step s2 (>= (* 2 x) 8) :from (s1))")
    assert [(each.status, each.text) for each in seen] == [("ok", "s1: proved\n"), ("ok", "s2: proved\n")]


async def test_a_step_that_does_not_follow_is_answered_with_a_counter_example(environment: SmtEnvironment) -> None:
    refuted, again = await derive(
        environment, "(declare-const x Int) (assume (< 3 x 5))", "(step s1 (> x 4))", "(step s2 (> x 4) :from ())"
    )
    assert (refuted.status, refuted.kind) == ("error", "Refuted")
    assert "x = 4" in refuted.text
    assert again.kind == "Refuted"


async def test_a_refuted_step_is_no_premise(smt: SmtEnvironment) -> None:
    seen = await derive(smt, NUMBERS, "(step s1 (> x 9))", "(step s2 (> x 8))", "(step s3 (> x 8) :from (s1))", "(show)")
    assert [each.kind for each in seen] == ["Refuted", "Refuted", "Malformed", None]
    assert "s1" not in seen[3].text


async def test_only_the_named_premises_count(smt: SmtEnvironment) -> None:
    seen = await derive(smt, NUMBERS, "(step s1 (> x 2) :from (square))", "(step s2 (> x 2) :from (square a1))")
    assert [each.kind for each in seen] == ["Refuted", None]


async def test_commands_before_a_failing_one_stay_in_effect(smt: SmtEnvironment) -> None:
    failed, shown = await derive(smt, NUMBERS, "(step s1 (> x 2)) (step s2 (> x 9)) (step s3 (> x 1))", "(show)")
    assert "s1: proved" in failed.text
    assert failed.kind == "Refuted"
    assert "s1: (> x 2)" in shown.text
    assert "s3" not in shown.text


async def test_a_supposition_is_refuted_by_proving_false_under_it(smt: SmtEnvironment) -> None:
    seen = await derive(
        smt,
        KNIGHTS,
        "(suppose h b) (step both (and a b) :from (a2 h)) (step c false :from (both a1)) (discharge lies)",
        "(step answer (and a (not b)) :from (lies a1))",
        "(step gone b :from (h))",
        "(discharge again)",
    )
    assert [each.kind for each in seen] == [None, None, "Malformed", "Malformed"]
    assert "lies: (=> b false)" in seen[0].text


async def test_cases_are_proved_one_by_one(smt: SmtEnvironment) -> None:
    theory = "(declare-const x Int) (assume (or (= x 2) (= x (- 3))))"
    cases = [
        f"(suppose h{n} (= x {value})) (step s{n} (<= 4 (* x x) 9) :from (h{n})) (discharge d{n})" for n, value in enumerate(("2", "(- 3)"))
    ]
    seen = await derive(smt, theory, *cases, "(step goal (<= 4 (* x x) 9) :from (a1 d0 d1))")
    assert [each.status for each in seen] == ["ok"] * 3


async def test_from_contradictory_premises_nothing_but_false_is_accepted(smt: SmtEnvironment) -> None:
    seen = await derive(smt, NUMBERS, "(suppose h (< x 2))", "(step s1 (= x 100))", "(step s2 false)", "(discharge d)", "(step s3 false)")
    assert [each.kind for each in seen] == [None, "Vacuous", None, None, "Refuted"]


async def test_a_theory_that_contradicts_itself_is_an_error_of_the_task(smt: SmtEnvironment) -> None:
    with pytest.raises(RecipeError, match="t"):
        await smt.reset(task("(declare-const x Int) (assume (> x 3)) (assume (< x 3))"))


@pytest.mark.parametrize(
    ("theory", "proved", "refuted"),
    [
        (SYLLOGISM, "(mortal socrates)", "(forall ((b Being)) (=> (mortal b) (greek b)))"),
        (KNIGHTS, "(and a (not b))", "b"),
        (COLOURS, "(not (first red))", "(= (place red) 2)"),
        (NUMBERS, "(let ((y (* 2 x))) (exists ((k Int)) (and (= y (* 2 k)) (> k 3))))", "(= (mod x 2) 0)"),
        (NUMBERS, "(< (ite (> r 0) r (- r)) 1.5)", "(> r 0)"),
        ("(declare-const n Int) (assume (= (mod n 6) 0))", "(= (mod n 3) 0)", "(= (mod n 4) 0)"),
        ("(declare-const u Real) (declare-const v Real)", "(>= (* (+ u v) (+ u v)) (* 4 u v))", "(>= (* (+ u v) (+ u v)) (* 5 u v))"),
    ],
)
async def test_theories_of_several_kinds(smt: SmtEnvironment, theory: str, proved: str, refuted: str) -> None:
    first, second = await derive(smt, theory, f"(step s1 {proved})", f"(step s2 {refuted})")
    assert first.text == "s1: proved\n"
    assert second.kind == "Refuted"


async def test_what_takes_too_much_work_is_undecided_everywhere_alike(smt: SmtEnvironment) -> None:
    hard = "(declare-const x Int) (declare-const y Int) (declare-const z Int)"
    claim = "(step s1 (not (= (+ (* x x x) (* y y y) (* z z z)) 42)))"
    first, again = await derive(smt, hard, claim, claim, rlimit=100_000)
    assert first.kind == "Undecided"
    assert first.digest == again.digest


@pytest.mark.parametrize(
    "text",
    [
        "(set-option :timeout 1)",
        "(assert false)",
        "(assume false)",
        "(declare-const z Int)",
        "(define-fun f () Bool true)",
        "(include x)",
        "(check-sat)",
        "(step s1 true) (assume false)",
        "(step s1 true)) (assert false)",
        "(step s1 (> x 3)) (step s2 (! (> x 2) :named n))",
        "(step s1 |x y|)",
        '(step s1 (= "a" "a"))',
        "(step s1 ((_ divisible 3) x))",
        "(step s1 (> x -3))",
        "(step s1 (= x true))",
        "(step s1 (> x))",
        "(step s1 x)",
        "(step s1 y)",
        "(step s1 (forall ((k Nat)) true))",
        "(step s1 (forall ((k Int)) k))",
        "(step s1 (str.len x))",
        "(step not true)",
        "(step a1 true)",
        "(step s1 true :from (s9))",
        "(step s1 true :from a1)",
        "(step s1 (> x 3)",
        "(discharge d)",
        "(suppose h (> x 5)) (discharge d)",
        "step",
        "()",
        "(step s1 " + "(not " * 100 + "true" + ")" * 101,
        "(step s1 (> x " + "9" * 101 + "))",
        "(step s1 true) " * 2000,
    ],
)
async def test_what_is_not_of_the_language_is_refused(smt: SmtEnvironment, text: str) -> None:
    seen, shown = await derive(smt, NUMBERS, text, "(step last false)")
    assert (seen.status, seen.kind) == ("error", "Malformed")
    assert shown.kind == "Refuted", "something false was let in"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"theory": "(declare-const x Nat)"}, "no sort Nat"),
        ({"theory": "(declare-const x Int) (declare-const x Int)"}, "declared twice"),
        ({"theory": "(step s1 true)"}, "no declaration"),
        ({"theory": "(declare-datatype C ())"}, "no declaration"),
        ({"theory": "(declare-fun f Int Int)"}, "no declaration"),
        ({"theory": "(define-fun f ((x Int)) Bool x)"}, "Bool is needed"),
        ({"theory": "(assume (> x 3))"}, "no constant or variable x"),
        ({"theory": 3}, "theory"),
        ({"theory": "", "rlimit": 0}, "rlimit"),
        ({"theory": "", "max_premises": "two"}, "max_premises"),
        ({"declarations": ""}, "declarations"),
    ],
)
async def test_a_wrong_theory_is_an_error_of_the_task(smt: SmtEnvironment, config: dict[str, Json], why: str) -> None:
    with pytest.raises(RecipeError) as raised:
        await smt.reset(Task(id="t", question="?", verifier="smt", environment="smt", environment_config=config))
    assert why in str(raised.value)


async def test_a_step_may_be_held_to_few_premises(smt: SmtEnvironment) -> None:
    seen = await derive(
        smt, KNIGHTS, "(step s1 (not b))", "(step s2 (not b) :from (a1 a2))", "(step s3 (=> b a) :from (a2))", max_premises=1
    )
    assert [each.kind for each in seen] == ["Malformed", "Malformed", None]


async def test_live_forks_agree_with_a_replay_from_the_start(environment: SmtEnvironment) -> None:
    actions = [
        "(step s1 (> x 2))",
        "(step s2 (> r 2))",
        "(suppose h (< r 0)) (step s3 (< (* 2 r) r))",
        "(discharge d)",
        "(step s4 (> r 1))",
    ]
    linear = await derive(environment, NUMBERS, *actions)
    episode = await environment.reset(task(NUMBERS))
    forked = []
    for action in actions:
        copy = await episode.fork()
        await run(episode, "(step other (> x 0))")
        await episode.close()
        episode = copy
        forked.append(await run(episode, action))
    await episode.close()
    assert [each.digest for each in forked] == [each.digest for each in linear]


async def test_nothing_outside_the_language_reaches_the_machine(smt: SmtEnvironment, tmp_path: Path) -> None:
    place = tmp_path / "written"
    text = f'(step s1 (open "{place}" "w"))'
    (seen,) = await derive(smt, NUMBERS, text)
    assert seen.kind == "Malformed"
    assert not place.exists()
