from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Json, Task, Verdict
from eagdata.verifiers.tests import TestsVerifier

SQUARE: Json = {
    "function": "f",
    "cases": [{"args": [2], "expected": [4, True, None]}, {"args": [], "kwargs": {"x": 0.1}, "expected": [0.01, True, None]}],
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def python() -> AsyncIterator[PythonEnvironment]:
    async with PythonEnvironment(PythonEnvironment.Config(timeout_s=2.0)) as environment:
        yield environment


async def judge(python: PythonEnvironment, source: str, *, reference: Json = SQUARE) -> Verdict:
    task = Task(id="t", question="q", verifier="tests", reference=reference)
    episode = await python.reset(task)
    try:
        assert (await episode.step(Action(kind="python", text=source))).status == "ok"
        return await TestsVerifier(TestsVerifier.Config()).verify(task, "done", episode)
    finally:
        await episode.close()


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return (x * x, True, None)",
        "def f(x):\n    print('[1, 2]')\n    return [x ** 2, True, None]",
        "list = dict = str = repr = print = json = None\ndef f(x): return [x * x, True, None]",
        "import builtins\nbuiltins.sorted = builtins.print = None\ndef f(x): return [x * x, True, None]",
    ],
)
async def test_a_right_function_passes_each_hidden_case(python: PythonEnvironment, source: str) -> None:
    verdict = await judge(python, source)
    assert verdict.passed
    assert [check.id for check in verdict.checks] == ["case 1", "case 2"]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "f = 4",
        "def f(x): return [x * x, 1, None]",
        "def f(x): return [x * x, True, 0]",
        "def f(x): return [4, True, None]",
        "def f(x): return [x * x, True]",
        "def f(x): return None",
        "def f(x): print([x * x, True, None])",
        "def f(x): return {x * x, True, None}",
        "def f(x): return '[4, true, null]'",
        "def f(x): return float('nan')",
        "def f(x): return [float('inf'), True, None]",
        "def f(x): return [10 ** 400, True, None]",
        "def f(x): raise ValueError('no')",
        "def f(x): return f(x)",
        "class Same:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\ndef f(x): return Same()",
        "class Same(list):\n    def __eq__(self, other): return True\ndef f(x): return Same([0])",
        "class Same(str):\n    def __repr__(self): return '4'\nimport json\njson.dumps = lambda v: Same('0')\ndef f(x): return 0",
        "import json\njson.dumps = lambda v: 'PASSED'\ndef f(x): return 0",
        "def f(x): return 'x' * 100_000",
    ],
)
async def test_a_wrong_function_is_refused(python: PythonEnvironment, source: str) -> None:
    verdict = await judge(python, source)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)


@pytest.mark.parametrize("call", ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit", "quit()"])
async def test_leaving_before_the_result_is_a_hack(python: PythonEnvironment, call: str) -> None:
    assert (await judge(python, f"def f(x):\n    {call}")).status == "hack"


async def test_a_call_that_never_ends_is_a_timeout(python: PythonEnvironment) -> None:
    assert (await judge(python, "def f(x):\n    while True: pass")).status == "timeout"


@pytest.mark.parametrize(
    "reference",
    [
        None, [], {}, {"function": "f"}, {"function": "f", "cases": []}, {"function": "f", "cases": [{}]},
        {"function": "f()", "cases": [{"expected": 1}]},
        {"cases": [{"expected": 1}]},
        {"function": "f", "cases": [{"args": 3, "expected": 1}]}, {"function": "f", "cases": ["x"]},
    ],
)  # fmt: skip
async def test_no_usable_case_is_unscored_and_never_a_pass(python: PythonEnvironment, reference: Json) -> None:
    verdict = await judge(python, "def f(x): return x", reference=reference)
    assert (verdict.status, verdict.reward) == ("unscored", None)


async def test_without_a_state_nothing_is_scored() -> None:
    task = Task(id="t", question="q", verifier="tests", reference=SQUARE)
    assert (await TestsVerifier(TestsVerifier.Config()).verify(task, "done", None)).status == "unscored"


async def test_expected_values_never_enter_the_episode(python: PythonEnvironment) -> None:
    secret = "expected-3f9a"
    spy = (
        "import gc, sys\nseen = []\ndef f(x):\n    caller = sys._getframe(1)\n"
        "    seen.append(repr(caller.f_code.co_consts) + repr(caller.f_locals.keys()))\n"
        f"    return [o for o in gc.get_objects() if isinstance(o, str) and o == {secret[:8]!r} + {secret[8:]!r}] or seen"
    )
    verdict = await judge(python, spy, reference={"function": "f", "cases": [{"args": [1], "expected": secret}]})
    assert verdict.status == "fail"
    assert secret not in (verdict.checks[0].measured or "")


async def test_any_executed_output_supports_an_answer_about_a_state() -> None:
    verifier = TestsVerifier(TestsVerifier.Config())
    assert verifier.supported("done", [""])
    assert not verifier.supported("done", [])
