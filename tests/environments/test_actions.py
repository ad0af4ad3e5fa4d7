"""What one action does to the state, and what is seen of it."""

from __future__ import annotations

import pytest

from eagdata.environments.python import PythonEnvironment
from eagdata.errors import RecipeError

from .conftest import Reset, run, task, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_state_persists_and_the_last_expression_is_echoed(reset: Reset) -> None:
    episode = await reset()
    assert await text(episode, "import math\ndef f(n):\n    return math.factorial(n)\nx = 4") == ""
    seen = await run(episode, "print('now')\nf(x)")
    assert (seen.status, seen.text, seen.value, seen.kind) == ("ok", "now\n24\n", "24", None)
    assert seen.duration_ms is not None
    assert seen.duration_ms > 0


async def test_none_is_not_echoed(reset: Reset) -> None:
    seen = await run(await reset(), "None")
    assert (seen.text, seen.value) == ("", None)


async def test_an_exception_keeps_what_ran_before_the_failing_line(reset: Reset) -> None:
    episode = await reset()
    seen = await run(episode, "x = 1\nprint('before')\nx = 2\n1 / 0\nx = 3")
    assert (seen.status, seen.kind) == ("error", "ZeroDivisionError")
    assert seen.text.startswith("before\nTraceback (most recent call last):\n")
    assert await text(episode, "x") == "2\n"


async def test_a_traceback_shows_the_lines_of_the_program_and_no_other_frame(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "import re\ndef broken(pattern):\n    return re.compile(pattern)  # here")
    seen = await text(episode, "broken('(')")
    assert seen.count("File ") == seen.count('File "<action>"') == 2
    assert "return re.compile(pattern)  # here" in seen
    assert seen.endswith("missing ), unterminated subpattern at position 0\n")


async def test_chained_exceptions_show_the_program_alone(reset: Reset) -> None:
    seen = await text(await reset(), "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e")
    assert "direct cause" in seen
    assert seen.count("File ") == 2


@pytest.mark.parametrize("source", ["1 +", "def f(:\n  pass", "x = '\0'", "  y = 1"])
async def test_what_does_not_parse_is_an_error_of_the_program(reset: Reset, source: str) -> None:
    seen = await run(await reset(), source)
    assert seen.status == "error"
    assert "sandbox" not in seen.text


@pytest.mark.parametrize(
    ("source", "kind"), [("raise SystemExit(3)", "SystemExit"), ("exit()", "SystemExit"), ("raise KeyboardInterrupt", "KeyboardInterrupt")]
)
async def test_exits_and_interrupts_are_ordinary_errors(reset: Reset, source: str, kind: str) -> None:
    episode = await reset()
    assert (await run(episode, f"x = 1\n{source}")).kind == kind
    assert await text(episode, "x") == "1\n"


async def test_a_failing_repr_is_an_error(reset: Reset) -> None:
    seen = await run(await reset(), "class A:\n    def __repr__(self):\n        raise OSError('no')\nA()")
    assert (seen.status, seen.kind) == ("error", "OSError")


@pytest.mark.parametrize(
    ("source", "status", "kind"),
    [
        ("while True: pass", "timeout", "timeout"),
        ("import time; time.sleep(60)", "timeout", "timeout"),
        ("class A:\n    def __repr__(self):\n        while True: pass\nA()", "timeout", "timeout"),
        ("import os; os._exit(0)", "limit", "exit"),
        ("import os; os.kill(os.getpid(), 9)", "limit", "killed"),
        ("import ctypes; ctypes.string_at(0)", "limit", "killed"),
        ("big = bytearray(2 << 30)", "limit", "memory"),
        ("import numpy; numpy.ones(10 ** 9)", "limit", "memory"),
        ("import os; os.write(253, b'forged'); import time; time.sleep(1)", "limit", "killed"),
    ],
)
async def test_an_action_that_does_not_end_well_leaves_the_state_as_before(reset: Reset, source: str, status: str, kind: str) -> None:
    episode = await reset(timeout_s=0.3)
    await run(episode, "x = [1]\nopen('f', 'w').write('a')")
    seen = await run(episode, f"x.append(2)\nopen('f', 'a').write('b')\n{source}")
    assert (seen.status, seen.kind) == (status, kind)
    assert "as it was before" in seen.text
    assert await text(episode, "x, open('f').read()") == "([1], 'a')\n"


async def test_a_caught_memory_error_is_the_programs_own_affair(reset: Reset) -> None:
    assert await text(await reset(), "try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    print('caught')") == "caught\n"


async def test_output_is_taken_in_order_from_both_streams_and_from_the_descriptor(reset: Reset) -> None:
    episode = await reset()
    assert await text(episode, "import sys, os\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')") == "a\nb\nc\n"
    assert await text(episode, "os.write(1, b'raw\\n'); None") == "raw\n"


async def test_a_program_that_closes_its_output_speaks_again_in_the_next_action(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "import os, sys\nsys.stdout.close()\nos.close(1)\nos.close(2)\nos.close(0)")
    assert await text(episode, "print('here')") == "here\n"


async def test_long_output_keeps_head_and_tail_and_says_what_is_missing(reset: Reset) -> None:
    episode = await reset(output_chars=100)
    seen = await run(episode, "print('a' * 80 + 'é' * 1000 + 'z' * 80)\n'v' * 500")
    assert seen.text.startswith("a" * 50 + "\n… 1564 characters left out …\n")
    assert seen.text.endswith("v'\n")
    assert seen.value is not None
    assert len(seen.value) < 200


async def test_endless_output_is_an_error_and_not_the_end_of_us(reset: Reset) -> None:
    episode = await reset(timeout_s=20)
    seen = await run(episode, "x = 1\nwhile True: print('y' * 100_000)")
    assert seen.status == "error"
    assert len(seen.text) < 5000
    assert await text(episode, "x") == "1\n"


async def test_what_is_not_text_becomes_text(reset: Reset) -> None:
    assert await text(await reset(), r"print('\ud800')") == "\\ud800\n"
    assert await text(await reset(), r"import os; os.write(1, b'\xff\n'); None") == "\ufffd\n"


async def test_input_finds_nothing(reset: Reset) -> None:
    assert (await run(await reset(), "input()")).kind == "EOFError"


async def test_replaced_builtins_and_timers_do_not_outlive_their_action(reset: Reset) -> None:
    episode = await reset()
    await run(
        episode,
        "import builtins, signal, sys\nbuiltins.len = None\nsys.setrecursionlimit(60)\nsignal.setitimer(0, 0.01)",
    )
    assert await text(episode, "len([1, 2])") == "2\n"


async def test_the_task_fills_the_folder_and_runs_its_set_up(reset: Reset) -> None:
    episode = await reset(
        files={"data/a.csv": "1,2\n", "m.py": "k = 7\n"}, setup="import m\nprint('silent')\nlines = open('data/a.csv').read()"
    )
    assert await text(episode, "m.k, lines") == "(7, '1,2\\n')\n"


async def test_an_action_may_be_longer_than_a_sockets_buffer(reset: Reset) -> None:
    assert await text(await reset(), f"x = '{'a' * 3_000_000}'\nlen(x)") == "3000000\n"


async def test_seeds_are_the_tasks_own(reset: Reset) -> None:
    source = "import random, numpy; random.random(), float(numpy.random.rand()), hash('a')"
    same = [await text(await reset(seed=seed), source) for seed in (5, 5, 6)]
    assert same[0] == same[1] != same[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"file": {}},
        {"files": {"../a": ""}},
        {"files": {"/a": ""}},
        {"files": {"a": 1}},
        {"files": {"a": "", "a/b": ""}},
        {"setup": 1},
        {"setup": "1 / 0"},
        {"timeout_s": 0},
        {"memory_mb": "x"},
    ],
)
async def test_wrong_settings_of_a_task_are_the_users_error(reset: Reset, wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        await reset(**wrong)


async def test_the_environment_describes_itself(environment: PythonEnvironment) -> None:
    assert environment.version.startswith("python 3.")
    assert "numpy" in environment.version
    assert "sympy" in environment.instructions()
    assert environment.isolation in ("namespaces", "landlock", "process")
    assert (await environment.reset(task())) is not None
