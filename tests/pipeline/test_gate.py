"""The task gate, over tasks with planted faults and over good ones; real verifiers, real sandboxes, a real second interpreter."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar, Literal

import pytest

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault, VerifierError
from eagdata.pipeline.building import verifier_of
from eagdata.pipeline.gate import check_task, failing
from eagdata.pipeline.gate_report import LEAST_FAMILY, GateReport, gate
from eagdata.pipeline.leaks import leak
from eagdata.pipeline.remaking import fingerprint, remade
from eagdata.records import Action, Check, Json, Task, Verdict
from eagdata.tasks.families import FAMILIES
from eagdata.tasks.procedural import ProceduralTasks
from eagdata.testing import clean_room
from eagdata.verifiers.answers import NumberVerifier
from eagdata.verifiers.tests import TestsVerifier

NUMBER = NumberVerifier(NumberVerifier.Config())
TESTS = TestsVerifier(TestsVerifier.Config())
SUM = Task(id="sum", question="What is 40 + 32?", verifier="number", reference="72", answer="72")
DOUBLE = Task(
    id="double",
    question="Define double(x), which gives twice x.",
    verifier="tests",
    reference={"function": "double", "cases": [{"args": [2], "expected": 4}]},
    solution="def double(x):\n    return 2 * x",
)


@pytest.fixture
async def clean() -> AsyncIterator[CleanRoom]:
    async with clean_room({"python": PythonEnvironment(PythonEnvironment.Config())}) as rooms:
        yield rooms


class Judge:
    """A verifier of answers by a function, whatever that is worth."""

    judges: ClassVar[Literal["answer", "state"]] = "answer"

    @settings
    class Config:
        """None."""

    def __init__(self, passes: Callable[[str | None], bool]) -> None:
        self._passes = passes

    def instructions(self) -> str:
        return "Answer."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        return Verdict(status="pass", reward=1.0) if self._passes(answer) else Verdict(status="fail", reward=0.0)

    def supported(self, answer: str, outputs: object) -> bool:
        return True


class Trusting(Judge):
    """A verifier of the state that believes what the state says of itself: it looks for `true` in what `probe` shows."""

    judges: ClassVar[Literal["answer", "state"]] = "state"

    def __init__(self, probe: str, *, true: str = "True") -> None:
        self._probe, self._true = probe, true

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        assert episode is not None
        seen = await episode.step(Action(kind="python", text=self._probe))
        passed = seen.value == self._true
        return Verdict(status="pass" if passed else "fail", reward=float(passed))


def statuses(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.id: check.status for check in checks}


async def only_failure(task: Task, verifier: Judge | NumberVerifier | TestsVerifier, clean: CleanRoom = NOWHERE) -> Check:
    """The one check that fails; `failing` must say the same."""
    failed = [check for check in await check_task(task, verifier=verifier, clean=clean) if check.status == "fail"]
    assert len(failed) == 1, failed
    assert await failing(task, verifier=verifier, clean=clean) == f"{failed[0].id}: {failed[0].evidence}"
    return failed[0]


async def test_a_good_task_passes_every_check(clean: CleanRoom) -> None:
    answer_checks = dict.fromkeys(("reference", "no_op", "constant", "cheat", "leak"), "pass")
    assert statuses(await check_task(SUM, verifier=NUMBER)) == answer_checks
    state_checks = dict.fromkeys(("reference", "no_op", "cheat", "leak"), "pass")
    assert statuses(await check_task(DOUBLE, verifier=TESTS, clean=clean)) == state_checks
    assert await failing(SUM, verifier=NUMBER) is None


async def test_a_right_answer_that_its_verifier_refuses_is_found() -> None:
    wrong = await only_failure(replace(SUM, answer="seventy-two"), NUMBER)
    assert wrong.id == "reference"
    assert wrong.evidence == "'seventy-two' should pass and is 'fail': read: 'not one number'"
    unreadable = await only_failure(replace(SUM, reference="about 72"), NUMBER)
    assert (unreadable.id, unreadable.measured) == ("reference", "unscored")


async def test_what_cannot_be_checked_is_no_pass(clean: CleanRoom) -> None:
    assert statuses(await check_task(replace(SUM, answer=None), verifier=NUMBER))["reference"] == "unscored"
    assert statuses(await check_task(replace(DOUBLE, solution=None), verifier=TESTS, clean=clean))["reference"] == "unscored"
    assert statuses(await check_task(DOUBLE, verifier=TESTS, clean=clean, language="cobol"))["cheat"] == "unscored"
    report = await gate([replace(SUM, answer=None)], verifier_of=lambda task: NUMBER, clean=NOWHERE, language="python")
    assert report.counts["reference"] == {"pass": 0, "fail": 0, "unchecked": 1, "error": 0}


@pytest.mark.parametrize(
    ("passes", "check", "evidence"),
    [
        (lambda answer: answer in (None, "72"), "no_op", "no answer passes"),
        (lambda answer: answer in ("", "72"), "constant", "'' passes"),
        (lambda answer: answer in ("I do not know", "72"), "constant", "'I do not know' passes"),
        (lambda answer: "72" in (answer or "") and "+" not in (answer or ""), "cheat", "'72 or 7919' passes"),
        (lambda answer: (answer or "").endswith("72"), "cheat", "'7919 or 72' passes"),
        (lambda answer: answer == "72" or "40" in (answer or ""), "cheat", "'What is 40 + 32?' passes"),
    ],
)
async def test_a_verifier_that_passes_what_it_must_not_is_found(passes: Callable[[str | None], bool], check: str, evidence: str) -> None:
    found = await only_failure(SUM, Judge(passes))
    assert (found.id, found.evidence) == (check, evidence)


async def test_a_verifier_that_passes_everything_fails_every_check_that_it_can(clean: CleanRoom) -> None:
    found = statuses(await check_task(SUM, verifier=Judge(lambda answer: True)))
    assert found == {"reference": "pass", "no_op": "fail", "constant": "fail", "cheat": "fail", "leak": "pass"}
    found = statuses(await check_task(DOUBLE, verifier=Trusting("1 == 1"), clean=clean))
    assert found == {"reference": "pass", "no_op": "fail", "cheat": "fail", "leak": "pass"}


async def test_all_letters_at_once_are_a_cheat() -> None:
    task = replace(SUM, answer="B", reference="B")
    assert (
        await only_failure(task, Judge(lambda answer: answer == "B" or " or B or " in (answer or "")))
    ).evidence == "'A or B or C or D or E' passes"


async def test_an_answer_that_looks_like_garbage_may_be_right() -> None:
    task = replace(SUM, question="Which letter marks the spot?", answer="X", reference="x")
    assert await failing(task, verifier=Judge(lambda answer: (answer or "").lower() == "x")) is None


async def test_a_task_whose_tests_pass_before_anything_is_done_is_found(clean: CleanRoom) -> None:
    done = replace(DOUBLE, solution=None, environment_config={"setup": "def double(x):\n    return 2 * x"})
    found = statuses(await check_task(done, verifier=TESTS, clean=clean))
    assert (found["reference"], found["no_op"]) == ("unscored", "fail")


async def test_a_solution_that_does_not_solve_is_shown_with_what_it_did(clean: CleanRoom) -> None:
    found = await only_failure(replace(DOUBLE, solution="def double(x):\n    return two * x"), TESTS, clean)
    assert found.id == "reference"
    assert "case 1" in str(found.evidence)
    found = await only_failure(replace(DOUBLE, solution="def double(x)"), TESTS, clean)
    assert "SyntaxError" in str(found.evidence)


async def test_a_verifier_that_trusts_the_state_is_cheated_by_an_object_that_equals_everything(clean: CleanRoom) -> None:
    found = await only_failure(DOUBLE, Trusting("bool(double(2) == 4)"), clean)
    assert found.id == "cheat"
    assert "class _Yes" in str(found.evidence)


async def test_settings_that_the_environment_refuses_fail_the_task(clean: CleanRoom) -> None:
    reason = await failing(replace(DOUBLE, environment_config={"fils": {}}), verifier=TESTS, clean=clean)
    assert reason is not None
    assert "fils" in reason


class Faulty:
    """A clean room that fails `times` times, and counts what is open."""

    def __init__(self, inner: CleanRoom, times: int) -> None:
        self._inner, self._left, self.open = inner, times, 0

    @asynccontextmanager
    async def episode(self, task: Task) -> AsyncIterator[Episode]:
        if self._left:
            self._left -= 1
            raise EnvironmentFault("the box died")
        async with self._inner.episode(task) as episode:
            self.open += 1
            try:
                yield episode
            finally:
                self.open -= 1


async def test_a_fault_of_ours_is_tried_again_and_never_held_against_the_task(clean: CleanRoom) -> None:
    once = Faulty(clean, 1)
    assert set(statuses(await check_task(DOUBLE, verifier=TESTS, clean=once)).values()) == {"pass"}
    always = Faulty(clean, 99)
    found = await check_task(DOUBLE, verifier=TESTS, clean=always)
    assert statuses(found) == {"reference": "error", "no_op": "error", "cheat": "error", "leak": "pass"}
    assert await failing(DOUBLE, verifier=TESTS, clean=Faulty(clean, 99)) is None
    report = await gate([DOUBLE], verifier_of=lambda task: TESTS, clean=Faulty(clean, 99), language="python")
    assert report.failing == {}
    assert report.counts["no_op"] == {"pass": 0, "fail": 0, "unchecked": 0, "error": 1}
    assert "the box died" in str(report.evidence)


async def test_a_verifier_that_cannot_judge_is_no_failure_of_the_task() -> None:
    def broken(answer: str | None) -> bool:
        raise VerifierError("the judge is ill")

    assert await failing(SUM, verifier=Judge(broken)) is None
    assert statuses(await check_task(SUM, verifier=Judge(broken)))["reference"] == "error"


async def test_a_check_that_ends_early_closes_its_episode(clean: CleanRoom) -> None:
    counted = Faulty(clean, 0)
    assert await failing(DOUBLE, verifier=Trusting("1 == 1"), clean=counted)
    assert counted.open == 0


LONG = "SELECT name FROM city WHERE population > 150000"


@pytest.mark.parametrize(
    ("question", "answer", "solution", "config", "said"),
    [
        ("2+2? The answer is 4.", "4", None, {}, "states the answer"),
        ("2+2? Answer: 4\nThink.", "4", None, {}, "states the answer"),
        ("No, the answer is not here; the answer is 4 of course; answer = 4", "4", None, {}, "states the answer"),
        ("2+2?\n#### 4", "4", None, {}, "states the answer"),
        (r"1/2? So $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}", None, {}, "states the answer"),
        ("Which day? (correct answer: Monday.)", "monday", None, {}, "states the answer"),
        (f"Big cities?\n```sql\n{LONG.upper()}\n```", None, LONG, {}, "holds the solution"),
        ("q", None, LONG, {"files": {"notes.txt": LONG.replace(" ", "\n  ")}}, "file notes.txt holds the solution"),
        ("q", None, LONG, {"setup": f"query = '{LONG}'"}, "set-up holds the solution"),
        ("q", "72", None, {"files": {"data/Answer_Key.txt": "1: 5\n2: 72\n"}}, "Answer_Key.txt holds the answer"),
    ],
)
def test_a_task_that_gives_itself_away_is_found(question: str, answer: str, solution: str, config: dict[str, Json], said: str) -> None:
    found = leak(replace(SUM, question=question, answer=answer, solution=solution, environment_config=config), judges="answer")
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    ("question", "answer", "solution", "config"),
    [
        ("Is 4 even? Answer yes or no.", "yes", None, {}),
        ("Pick one. Answer: A, B, C or D", "A", None, {}),
        ("Example: 1+1? The answer is 2. And 2+2?", "4", None, {}),
        ("What is the answer if 4 is added to 0?", "4", None, {}),
        ("What does f('4') return?\ndef f(x):\n    return x", "'4'", None, {}),
        (r"Write the answer in \boxed{}.", "4", None, {}),
        ("The answer is a number. Which?", "4", None, {}),
        ("It costs $4.50. The answer is 4.50 dollars?", "4", None, {}),
        ("Add them with x + y", None, "x + y", {}),
        ("q", "72", None, {"files": {"sales.csv": "day,n\n1,72\n", "expected_sales.csv": "72", "gold.csv": "72"}}),
        ("q", "72", None, {"files": {"answers.csv": "172,720,7.2"}}),
        ("No answer is known.", None, None, {"files": {"big.bin": {"base64": "NzI="}}}),
    ],
)
def test_a_question_may_mention_its_answer(question: str, answer: str, solution: str, config: dict[str, Json]) -> None:
    assert leak(replace(SUM, question=question, answer=answer, solution=solution, environment_config=config), judges="answer") is None


def test_where_the_state_is_judged_the_answer_is_no_secret() -> None:
    task = replace(DOUBLE, question="Define double; then answer: done", answer="done")
    assert leak(task, judges="answer") is not None
    assert leak(task, judges="state") is None


def family(size: int, *, answers: str = "yes") -> list[Task]:
    given = [answers.split()[i % len(answers.split())] for i in range(size)]
    return [replace(SUM, id=f"t{i}", answer=right, reference=right, verifier="exact", family="f") for i, right in enumerate(given)]


async def judged(tasks: list[Task]) -> GateReport:
    made: dict[str, object] = {}
    return await gate(tasks, verifier_of=lambda task: verifier_of(task, made), clean=NOWHERE, language="python")  # type: ignore[arg-type]


async def test_the_best_constant_answer_of_a_family_is_its_floor() -> None:
    (floor,) = (await judged(family(LEAST_FAMILY))).floors
    assert (floor.family, floor.tasks, floor.answer, floor.share, floor.too_high) == ("f", LEAST_FAMILY, "yes", 1.0, True)
    (small,) = (await judged(family(LEAST_FAMILY - 1))).floors
    assert not small.too_high
    (even,) = (await judged(family(LEAST_FAMILY, answers="yes no"))).floors
    assert (even.share, even.too_high) == (0.5, False)
    (good,) = (await judged(family(LEAST_FAMILY, answers="a b c d e f g h i j"))).floors
    assert (good.share, good.too_high) == (0.1, False)


async def test_a_tolerance_that_lets_any_number_pass_shows_in_the_floor() -> None:
    given = [(f"t{i}", str(1000 + i)) for i in range(LEAST_FAMILY)]
    tasks = [replace(SUM, id=name, answer=right, reference=right, verifier_config={"absolute_tolerance": 500}) for name, right in given]
    report = await judged(tasks)
    assert report.failing == {}
    assert [floor.too_high for floor in report.floors] == [True]


async def test_the_report_names_each_failing_task_once_with_its_evidence() -> None:
    tasks = [SUM, replace(SUM, id="bad", answer="72 or 73"), replace(SUM, id="leaky", question="The answer is 72. What is it?")]
    report = await judged(tasks)
    assert {task: check.id for task, check in report.failing.items()} == {"bad": "reference", "leaky": "leak"}
    told = report.to_json(most=1)
    assert (told["tasks"], told["failing"], len(told["shown"])) == (3, 2, 1)  # type: ignore[arg-type]
    assert told["checks"]["leak"] == {"pass": 2, "fail": 1, "unchecked": 0, "error": 0}  # type: ignore[call-overload, index]


class Unordered:
    """Tasks whose question shows the order of a set: another one under another hash seed. Of each, `steady` share does not."""

    @settings
    class Config:
        steady: bool = False
        """Sort the words."""

    def __init__(self, config: Config) -> None:
        self._steady = config.steady

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        for number in range(n or 0):
            words: list[str] = list({f"word{i}" for i in range(8)})
            shown = " ".join(sorted(words) if self._steady or number == 0 else words)
            yield replace(SUM, id=f"t{number}", question=f"{number}: {shown}?")


async def test_a_source_that_depends_on_the_hash_seed_is_found() -> None:
    tasks = list(Unordered(Unordered.Config()).tasks(3, seed=0))
    again = await remade(Unordered, Unordered.Config(), 3, seed=0)
    report = await gate(tasks, verifier_of=lambda task: NUMBER, clean=NOWHERE, language="python", remade=again)
    assert {task: check.id for task, check in report.failing.items()} == {"t1": "seed", "t2": "seed"}
    steady = Unordered.Config(steady=True)
    assert await remade(Unordered, steady, 3, seed=0) == [fingerprint(task) for task in Unordered(steady).tasks(3, seed=0)]


async def test_a_source_that_gives_fewer_tasks_the_second_time_is_found() -> None:
    report = await gate([SUM], verifier_of=lambda task: NUMBER, clean=NOWHERE, language="python", remade=[])
    assert report.counts["seed"]["fail"] == 1


async def test_the_second_interpreter_has_another_hash_seed_whatever_ours_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    for ours in ("1", "2"):
        monkeypatch.setitem(os.environ, "PYTHONHASHSEED", ours)
        seeds.append(await remade(Unordered, Unordered.Config(), 3, seed=0))
    assert seeds[0] != seeds[1]


async def test_a_second_interpreter_that_fails_is_a_fault_and_says_why() -> None:
    class Unreachable(Unordered):
        """Of a function: no other interpreter can import it."""

    with pytest.raises(VerifierError, match="under another hash seed") as caught:
        await remade(Unreachable, Unordered.Config(), 1, seed=0)
    assert "AttributeError" in caught.value.why


async def test_every_family_of_ours_passes_the_gate(clean: CleanRoom) -> None:
    config = ProceduralTasks.Config()
    tasks = list(ProceduralTasks(config).tasks(2 * len(FAMILIES), seed=3))
    made: dict[str, object] = {}
    again = await remade(ProceduralTasks, config, len(tasks), seed=3)
    report = await gate(tasks, verifier_of=lambda task: verifier_of(task, made), clean=clean, language="python", remade=again)  # type: ignore[arg-type]
    assert report.evidence == []
    assert {task.family for task in tasks} == set(FAMILIES)
