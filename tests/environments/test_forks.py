"""A fork is the state itself, copied: independent in memory, files, randomness and what is open; and the same as a linear replay."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault

from .conftest import Reset, run, task, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_fork_and_its_origin_go_on_independently(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "x = [1]\nimport numpy\na = numpy.zeros(3)")
    fork = await episode.fork()
    await run(episode, "x.append('origin')\na += 1")
    await run(fork, "x.append('fork')\na += 2")
    assert await text(episode, "x, a.tolist()") == "([1, 'origin'], [1.0, 1.0, 1.0])\n"
    assert await text(fork, "x, a.tolist()") == "([1, 'fork'], [2.0, 2.0, 2.0])\n"
    await fork.close()


async def test_what_cannot_be_pickled_is_forked(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\ng = count()\nnext(g)")
    await run(episode, "def box():\n    held = []\n    return lambda v: held.append(v) or held\nkeep = box()\nkeep(1)\nimport sqlite3")
    fork = await episode.fork()
    assert await text(fork, "next(g), next(g), keep(2)") == "(2, 3, [1, 2])\n"
    assert await text(episode, "next(g), keep(3)") == "(2, [1, 3])\n"
    await fork.close()


async def test_random_numbers_go_on_as_without_a_fork(reset: Reset) -> None:
    draw = "import random, numpy\nrandom.random(), float(numpy.random.rand())"
    straight, episode = await reset(seed=3), await reset(seed=3)
    expected = [await text(straight, draw) for _ in range(3)]
    first = await text(episode, draw)
    one, other = await episode.fork(), await episode.fork()
    for fork in (one, other, episode):
        assert [first, await text(fork, draw), await text(fork, draw)] == expected
    await one.close()
    await other.close()


async def test_files_are_each_forks_own(reset: Reset) -> None:
    episode = await reset(files={"d/a": "first"})
    await run(episode, "import os\nos.symlink('d/a', 'link')\nos.makedirs('e')\nos.chdir('e')")
    fork = await episode.fork()
    await run(fork, "open('../d/a', 'w').write('fork')\nopen('new', 'w').write('x')")
    assert await text(episode, "open('../link').read(), os.listdir()") == "('first', [])\n"
    assert await text(fork, "open('../link').read(), os.listdir()") == "('fork', ['new'])\n"
    await run(episode, "open('../d/a', 'w').write('origin')")
    assert await text(fork, "open('../d/a').read()") == "'fork'\n"
    await fork.close()


async def test_open_files_keep_their_place_and_write_to_their_own_copy(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "f = open('log', 'w+')\nf.write('abcdef')\nf.flush()\nf.seek(2)")
    fork = await episode.fork()
    assert await text(fork, "f.tell(), f.write('FORK'), f.flush(), open('log').read()") == "(2, 4, None, 'abFORK')\n"
    assert await text(episode, "f.read(), open('log').read()") == "('cdef', 'abcdef')\n"
    await fork.close()


@pytest.mark.parametrize(
    "hindrance",
    [
        "import threading, time\nt = threading.Thread(target=time.sleep, args=(30,), daemon=True)\nt.start()",
        "import os\nends = os.pipe()",
        "import socket\nends = socket.socketpair()",
        "import asyncio\nloop = asyncio.new_event_loop()",
        "import mmap\nm = mmap.mmap(-1, 4096)",
        "import tempfile\nf = tempfile.TemporaryFile()",
        "import os\nos.mkfifo('pipe')",
    ],
)
async def test_a_state_that_cannot_be_copied_live_is_made_by_replay(reset: Reset, hindrance: str) -> None:
    episode = await reset()
    await run(episode, f"x = 1\n{hindrance}")
    fork = await episode.fork()
    await run(fork, "x += 1")
    assert (await text(fork, "x"), await text(episode, "x")) == ("2\n", "1\n")
    await fork.close()


async def test_a_program_with_a_child_process_is_forked_by_replay() -> None:
    """Only `process` lets a program have one."""
    async with PythonEnvironment(PythonEnvironment.Config(isolation="process", min_isolation="process")) as environment:
        episode = await environment.reset(task())
        await run(episode, "import subprocess, os\nx = 1\nchild = subprocess.Popen(['/bin/sleep', '60'])")
        fork = await episode.fork()
        assert await text(fork, "x, child.poll()") == "(1, None)\n"  # of a child that is not its own it would say 0
        assert await text(fork, "child.kill(), child.wait()") == "(None, -9)\n"
        assert await text(episode, "child.poll()") == ""
        await fork.close()
        await episode.close()


async def test_hundreds_of_paused_forks_are_put_away_beyond_the_cap_and_come_back() -> None:
    async with PythonEnvironment(PythonEnvironment.Config(max_episodes=40)) as environment:
        episode = await environment.reset(task())
        await run(episode, "x = [0]")
        forks = []
        for n in range(300):
            forks.append(await episode.fork())
            await run(forks[-1], f"x.append({n})")
        assert [await text(fork, "x") for fork in forks] == [f"[0, {n}]\n" for n in range(300)]
        await asyncio.gather(*(fork.close() for fork in forks))


async def test_a_replay_that_differs_is_called_nondeterministic(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "import os, time\nends = os.pipe()\ntime.time_ns()")
    with pytest.raises(EnvironmentFault) as caught:
        await episode.fork()
    assert caught.value.kind == "nondeterministic"
    assert await text(episode, "1") == "1\n"


async def test_forks_outlive_their_origin(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "x = 1")
    fork = await episode.fork()
    await episode.close()
    again = await fork.fork()
    await fork.close()
    assert await text(again, "x") == "1\n"
    await again.close()


async def test_a_fork_that_failed_goes_back_to_where_its_origin_is_paused(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "import time\nx = time.time_ns()")
    before = await text(episode, "x")
    fork = await episode.fork()
    assert (await run(fork, "import os; os._exit(1)")).kind == "exit"
    assert await text(fork, "x") == before
    await fork.close()


async def test_forks_of_one_state_at_the_same_time(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "x = 7")
    forks = await asyncio.gather(*(episode.fork() for _ in range(12)))
    seen = await asyncio.gather(*(text(fork, f"x += {n}; x") for n, fork in enumerate(forks)))
    assert seen == [f"{7 + n}\n" for n in range(12)]
    await asyncio.gather(*(fork.close() for fork in forks))


async def test_a_long_line_of_forks_of_forks(reset: Reset) -> None:
    """Longer than the kernel nests user namespaces."""
    episode = await reset()
    line = [episode]
    for n in range(35):
        await run(line[-1], f"x = {n}\nopen('f', 'a').write('.')")
        line.append(await line[-1].fork())
    assert await text(line[-1], "x, len(open('f').read())") == "(34, 35)\n"
    for one in line:
        await one.close()


ALPHABET = (
    "x = x + [len(x)]",
    "x.pop()",
    "1 / 0",
    "import random; random.randrange(10 ** 6)",
    "open('f', 'a').write('line')",
    "print(open('f').read())",
    "next(g)",
    "h = open('f'); h.read(2)",
    "def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nf(8)",
    "import numpy; numpy.random.rand(2).round(6).tolist()",
    "sorted({'a', 'b', 'c'} | set(map(str, x)))",
    "import os; os._exit(2)",
)


@given(st.lists(st.tuples(st.sampled_from(ALPHABET), st.booleans()), min_size=1, max_size=7))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
async def test_forking_on_the_way_and_a_linear_run_see_the_same(environment: PythonEnvironment, program: list[tuple[str, bool]]) -> None:
    start = task(seed=9, setup="x = []\ng = iter(range(100))")
    linear, forked = await environment.reset(start), await environment.reset(start)
    for source, fork in program:
        expected = await run(linear, source)
        if fork:
            origin, forked = forked, await forked.fork()
            await run(origin, "x = 'spoilt'; next(g); open('f', 'w').write('spoilt')")
            await origin.close()
        seen = await run(forked, source)
        assert (seen.status, seen.kind, seen.text, seen.value) == (expected.status, expected.kind, expected.text, expected.value)
    await linear.close()
    await forked.close()
