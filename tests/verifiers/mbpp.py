"""The proof of the `program` verifier on real data: `python -m tests.verifiers.mbpp DATA_FILE`, the 974 tasks of MBPP (Austin et al. 2021).

Each reference program must pass; one mutant of each (an operator or a constant changed, and a call of the tests shown to give something
else by running both programs) must not, nor programs that do nothing, exit, or print what a test report would.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # rows of JSON

from eagdata.contracts import CleanRoom
from eagdata.environments.program import ProgramEnvironment
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Json, Task, Verdict
from eagdata.testing import clean_room
from eagdata.verifiers.program import ProgramVerifier

CHEATS = {
    "empty": "",
    "exit(0)": "exit(0)",
    "os._exit(0)": "import os; os._exit(0)",
    "SystemExit": "raise SystemExit",
    "report": "print('assert 1: pass\\nassert 2: pass\\nassert 3: pass\\n3 passed in 0.01s\\nOK')\nprint('end ' + 'e30=')\n'end e30='",
}
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.USub: ast.UAdd,
}  # fmt: skip
_MOST_ATTEMPTS = 40


@dataclass
class Counts:
    """What came of one kind of program."""

    statuses: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)

    def add(self, row: Mapping[str, object], verdict: Verdict, *, passes: bool, source: str) -> None:
        self.statuses[verdict.status] += 1
        if verdict.passed is not passes:
            last = next((check for check in verdict.checks if check.status != "pass"), verdict.checks[-1])
            self.surprises.append(f"task {row['task_id']}: {verdict.status}; {last.measured!r}: {last.evidence!r}\n{source}")


def mutants(source: str, *, seed: int) -> Iterator[str]:
    """The program with one operator or constant changed, in a random order of places."""
    places = list(range(sum(1 for _ in _sites(ast.parse(source)))))
    random.Random(seed).shuffle(places)
    for place in places:
        tree = ast.parse(source)
        node, name, position = list(_sites(tree))[place]
        old = getattr(node, name) if position is None else getattr(node, name)[position]
        new = _changed(old)
        if position is None:
            setattr(node, name, new)
        else:
            getattr(node, name)[position] = new
        yield ast.unparse(ast.fix_missing_locations(tree))


def _sites(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where an operator or a constant stands: its parent, and the field that holds it."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            for position, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
                docstring = isinstance(node, ast.Expr)
                if type(item) in _SWAPS or (isinstance(item, ast.Constant) and item.value not in (None, ...) and not docstring):
                    yield node, name, position


def _changed(old: ast.AST) -> ast.AST:
    if not isinstance(old, ast.Constant):
        return _SWAPS[type(old)]()
    match old.value:
        case bool(value):
            return ast.Constant(not value)
        case str(value):
            return ast.Constant(value + "x")
        case bytes(value):
            return ast.Constant(value + b"x")
        case int() | float() | complex() as value:
            return ast.Constant(value + 1)
    raise TypeError(ast.dump(old))


def negated(source: str) -> str:
    """For a program without operators and constants: `not` before what it returns."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value:
            node.value = ast.UnaryOp(ast.Not(), node.value)
    return ast.unparse(ast.fix_missing_locations(tree))


async def results(python: PythonEnvironment, source: str, row: Mapping[str, Any]) -> list[str]:
    """repr of what the program and each test call give, or how they failed."""
    episode = await python.reset(Task(id="t", question="", verifier="", environment_config={"timeout_s": 2}))
    try:
        found = []
        parts = [source, *filter(None, [str(row["test_setup_code"])]), *map(_call, row["test_list"])]
        for part in parts:
            seen = await episode.step(Action(kind="python", text=part))
            found.append(seen.value or "" if seen.status == "ok" else f"!{seen.kind}")
            if seen.status not in ("ok", "error"):
                break
        return found
    finally:
        await episode.close()


def _call(test: str) -> str:
    """The expression under test: all references of MBPP are compared by `==`, the call on the left."""
    node = ast.parse(test.strip()).body[0]
    assert isinstance(node, ast.Assert)
    assert isinstance(node.test, ast.Compare)
    return f"{ast.unparse(node.test.left)},"


async def differing(python: PythonEnvironment, row: Mapping[str, Any]) -> str | None:
    """A mutant one of whose test calls gives another value, or, if there is none, another failure; None if there is no such mutant."""
    wanted, failing = await results(python, str(row["code"]), row), None
    for attempt, mutant in enumerate(mutants(str(row["code"]), seed=int(str(row["task_id"])))):
        if attempt == _MOST_ATTEMPTS:
            break
        found = await results(python, mutant, row)
        if found != wanted and not any(value.startswith("!") for value in found):
            return mutant
        if found != wanted:
            failing = failing or mutant
    return failing


async def judged(source: str, row: Mapping[str, Any], environment: ProgramEnvironment, clean: CleanRoom) -> Verdict:
    """As in a run: the program is submitted, sees the first assert as an example, and is judged by all."""
    tests, setup = row["test_list"], row["test_setup_code"]
    shown: dict[str, Json] = {"examples": tests[:1], "setup": setup}
    hidden: dict[str, Json] = {"asserts": tests, "setup": setup}
    task = Task(id=str(row["task_id"]), question="", verifier="program", environment="program", reference=hidden, environment_config=shown)
    episode = await environment.reset(task)
    await episode.step(Action(kind="python", text=source))
    return await ProgramVerifier(ProgramVerifier.Config()).verify(task, "done", episode, clean)


async def main(rows: Sequence[Mapping[str, Any]], at_once: int) -> None:
    counts = {name: Counts() for name in ("reference", "mutant", "negated", *CHEATS)}
    queue = iter(rows)
    python, environment = PythonEnvironment(PythonEnvironment.Config()), ProgramEnvironment(ProgramEnvironment.Config(timeout_s=60))
    began = time.perf_counter()
    async with environment, clean_room({"python": python}) as clean:

        async def work() -> None:
            for row in queue:
                counts["reference"].add(row, await judged(row["code"], row, environment, clean), passes=True, source=row["code"])
                found = await differing(python, row)
                mutant = found or negated(row["code"])
                kind = "mutant" if found else "negated"
                counts[kind].add(row, await judged(mutant, row, environment, clean), passes=False, source=mutant)
                for name, source in CHEATS.items():
                    counts[name].add(row, await judged(source, row, environment, clean), passes=False, source="")

        await asyncio.gather(*(work() for _ in range(at_once)))
    for name, found in counts.items():
        sys.stdout.write(f"{name}: {dict(found.statuses)}\n")
        sys.stdout.write("".join(f"  {surprise}\n" for surprise in found.surprises))
    sys.stdout.write(f"{len(rows)} tasks in {time.perf_counter() - began:.0f} s, {at_once} at once, isolation {environment.isolation}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--n", type=int)
    parser.add_argument("--at-once", type=int, default=8)
    given = parser.parse_args()
    lines = Path(given.path).read_text().splitlines()[: given.n]
    asyncio.run(main([json.loads(line) for line in lines], given.at_once))
