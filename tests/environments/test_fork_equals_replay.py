"""A fork at any place, its origin, and a linear run from the start see the same, whatever the program holds when it is forked."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Observation

from .conftest import run, task

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETUP = """
import os, random, time
import numpy as np
os.makedirs("deep/er")
log = open("log", "w+")
log.write("first line\\nsecond line\\n")
raw = os.open("raw", os.O_RDWR | os.O_CREAT)
os.write(raw, bytes(range(65, 91)))
os.lseek(raw, 5, os.SEEK_SET)
made = np.random.default_rng(7)
array = np.arange(6.0)
steps = iter(range(1000))
names = {"b", "a"}
def count(start):
    while True:
        sent = yield start
        start += 1 if sent is None else sent
counter = count(3)
def box():
    total = 0
    def add(n):
        nonlocal total
        total += n
        return total
    return add
add = box()
class Stack:
    made = 0
    def __init__(self):
        type(self).made += 1
        self.items = []
    def push(self, item):
        self.items.append(item)
        if len(self.items) > 3:
            raise OverflowError(self.items)
        return len(self.items)
stack = Stack()
"""
WITNESS = """
os.lseek(raw, 0, os.SEEK_CUR), log.tell(), log.read(), random.random(), np.random.rand(), made.random(), next(steps), next(counter), \\
    array, add(0), list(names), os.path.basename(os.getcwd()) == "deep", stack.items, Stack.made, sorted(os.listdir("."))
"""
"""An action that tells of everything at once, after all others."""
number = st.integers(0, 9)
STATEMENTS = st.one_of(
    st.builds("log.write('{} ' * {})".format, number, number),
    st.builds("log.seek({}); log.read({})".format, number, number),
    st.builds("log.flush(); open('log').read()".format),
    st.builds("os.read(raw, {}), os.write(raw, b'{}'), os.lseek(raw, 0, os.SEEK_CUR)".format, number, number),
    st.builds("other = open('deep/{0}', 'a'); other.write('{1}')\nother.tell()".format, number, number),
    st.builds("open('deep/{0}', 'w').write('{1}'); sorted(os.listdir('deep'))".format, number, number),
    st.builds("log.close(); log = open('log', 'r+'); log.seek(0, 2)".format),
    st.builds("os.remove('deep/{}')".format, number),
    st.builds("random.random(), random.sample(range(100), {})".format, number),
    st.builds("random.seed({}); random.gauss(0, 1)".format, number),
    st.builds("np.random.rand({}), np.random.randint(100)".format, number),
    st.builds("made.integers(0, 100, {}), made.normal()".format, number),
    st.builds("np.random.default_rng({}).permutation(5)".format, number),
    st.builds("array[{} % 6] += {}; array".format, number, number),
    st.builds("array *= {}; array.sum()\nview = array[::2]; view[0] = -1; array".format, number),
    st.builds("next(steps), next(counter)".format),
    st.builds("counter.send({})".format, number),
    st.builds("squares = (n * n for n in range({})); next(squares)".format, number),
    st.builds("next(squares)".format),
    st.builds("add({})".format, number),
    st.builds("add = box(); add({})".format, number),
    st.builds("os.chdir('deep'); os.getcwd()[-4:]".format),
    st.builds("if os.getcwd().endswith('deep'): os.chdir('..')\nsorted(os.listdir('.'))".format),
    st.builds("time.strftime('%c %Z', time.localtime({} * 10 ** 8)), time.tzname".format, number),
    st.builds("hash('{}'), hash(('x', {}))".format, number, number),
    st.builds("names |= set('{0}xyz' * {0}); list(names), names.pop()".format, number),
    st.builds("stack.push({}), Stack.made".format, number),
    st.builds("stack = Stack(); stack.items.extend(range({})); Stack.made".format, number),
    st.builds("print('before'); add({0}); 1 / (add(0) % 2); print('after')".format, number),
    st.builds(
        "try:\n    stack.push(1)\n    raise KeyError({})\nexcept (KeyError, OverflowError) as error:\n    print(repr(error))".format, number
    ),
    st.just("os._exit(1)"),
)
SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)


@given(program=st.lists(STATEMENTS, min_size=2, max_size=12), place=st.integers(0, 12), seed=st.integers(0, 3))
@SETTINGS
async def test_a_fork_its_origin_and_a_linear_run_see_the_same(
    environment: PythonEnvironment, program: list[str], place: int, seed: int
) -> None:
    start = task(seed=seed, setup=SETUP)
    program = [*program, WITNESS]
    before, after = program[: place % len(program)], program[place % len(program) :]
    linear, origin = await environment.reset(start), await environment.reset(start)
    expected = await answers(linear, program)
    assert await answers(origin, before) == expected[: len(before)]
    fork = await origin.fork()
    for episode in (fork, origin):
        assert await answers(episode, after) == expected[len(before) :]
    for episode in (linear, origin, fork):
        await episode.close()


async def answers(episode: Episode, sources: list[str]) -> list[tuple[str, str | None, str, str | None]]:
    return [seen(await run(episode, source)) for source in sources]


def seen(observation: Observation) -> tuple[str, str | None, str, str | None]:
    return observation.status, observation.kind, observation.text, observation.value
