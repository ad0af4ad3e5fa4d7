"""Every search strategy at the same number of teacher calls a task, on three procedural families of rising difficulty.

    python benchmarks/search.py [--quick] [--tasks N] [--calls N] [--seeds N] [--only NAME...]
    python benchmarks/search.py --replies FILE [--base-url URL --model NAME]    a real model in place of the program

Real rollouts: the teacher's code runs in the sandbox, answers are judged, verified paths are re-executed. Each strategy has its default
settings; where it is content before the calls of a task are spent, it starts a new tree with another seed, and the round that
would go beyond them is cut. So each spends the same calls on the same tasks. The procedural teacher slips at the rate of the
level; what it says costs nothing, its tokens are counted with o200k_base. Mean over seeds, with the 95 % interval of Student's t.

What a real model says is kept in FILE and asked for once: the n-th reply to the same messages, with the same seed, is the same for all
strategies. With a FILE that knows all of them no model is needed: `search_replies.jsonl.gz` beside this file is what
Qwen2.5-Coder-0.5B-Instruct (Q4) said with `--level word_arithmetic --tasks 8 --calls 8`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rollout_parts import Capped, Remembered, Taped

from eagdata.contracts import (
    CleanRoom,
    Environment,
    Growth,
    Reply,
    Request,
    Search,
    Teacher,
    Tokenizer,
    Verifier,
)
from eagdata.plan import Limits
from eagdata.records import Message, Task, Trace, sha256
from eagdata.registry import names, plugin_class
from eagdata.rollout import Crew, rollout
from eagdata.search.eag import EagSearch, Graph
from eagdata.teachers.prompts import STOP, demonstration, system_prompt
from eagdata.testing import clean_room

STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""97.5 % quantile of Student's t for so many seeds."""
CONCURRENCY = 16
LIVE = {"temperature": 0.7, "max_tokens": 120, "timeout_s": 1800.0, "attempts": 20}
DEPTH = 14


Propose = Callable[[str, Request], Awaitable[tuple[str, Reply]]]


@dataclass(frozen=True, kw_only=True)
class Level:
    """Tasks of one family, and how often the teacher goes wrong on them."""

    family: str
    difficulty: float
    slip_rate: float
    blind_rate: float


LEVELS = (
    Level(family="word_arithmetic", difficulty=0.2, slip_rate=0.4, blind_rate=0.4),
    Level(family="linear_systems", difficulty=0.5, slip_rate=0.6, blind_rate=0.6),
    Level(family="seating", difficulty=0.8, slip_rate=0.8, blind_rate=0.8),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a table: a strategy with settings."""

    label: str
    search: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: the values of a Config

    def build(self) -> Search:
        cls: Any = plugin_class("search", self.search)  # Any: a plugin's class
        return cls(cls.Config(**self.settings))  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Unforked(Entry):
    """`eag` that starts from the beginning wherever it would fork: its rounds are as large, and no state is used twice."""

    def build(self) -> Search:
        return _Unforked(EagSearch(EagSearch.Config(**self.settings)).config)


class _Unforked(EagSearch):
    def start(self, *, seed: int) -> Growth:
        return _Lines(self.config, seed=seed)


class _Lines(Graph):
    def plan(self) -> dict[int | None, int]:
        once: dict[int | None, int] = {}
        for node, samples in super().plan().items():
            on = 1 if node is not None and not self.children[node] else 0
            once |= {node: 1} if on else {}
            if samples > on:
                once[None] = once.get(None, 0) + samples - on
        return once


STRATEGIES = (
    Entry(label="best_of_n, one line", search="best_of_n", settings={"n": 1}),
    *(Entry(label=n, search=n) for n in names("search")),
)
ABLATIONS = (
    Entry(label="eag: no branching", search="eag", settings={"width": 1, "attempts": 1}),
    Entry(label="eag: no error term", search="eag", settings={"weight_error": 0.0}),
    Entry(label="eag: no information term", search="eag", settings={"weight_information": 0.0}),
    Unforked(label="eag: restarts for forks", search="eag"),
    Entry(label="eag: tau 0.1", search="eag", settings={"tau": 0.1}),
    Entry(label="eag: forks at once", search="eag", settings={"tau": 0.5, "width": 2}),
)
ENTRIES = (*STRATEGIES, *ABLATIONS)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one entry made of the tasks of one level with one seed."""

    tasks: int
    calls: int
    solved: int
    verified: int
    """Verified paths that differ in an action or in the answer, of one task."""
    branches: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The opened parts."""

    teacher: Teacher | Taped
    environment: Environment
    clean: CleanRoom
    verifiers: Mapping[str, Verifier]
    tokenizer: Tokenizer

    async def measure(self, entry: Entry, tasks: Sequence[Task], *, calls: int, seed: int) -> Found:
        gate = asyncio.Semaphore(CONCURRENCY)

        async def one(task: Task) -> list[Trace]:
            async with gate:
                return await self.spend(entry.build(), task, calls=calls, seed=seed)

        found = await asyncio.gather(*(one(task) for task in tasks))
        traces = [trace for of_task in found for trace in of_task]
        verified = [{_path(trace, leaf.node) for trace in of_task for leaf in trace.verified_leaves()} for of_task in found]
        return Found(
            tasks=len(tasks),
            calls=sum(len(trace.nodes) for trace in traces),
            solved=sum(map(bool, verified)),
            verified=sum(map(len, verified)),
            branches=sum(_ends(trace) for trace in traces),
            tokens=sum(self.tokenizer.count(node.content) for trace in traces for node in trace.nodes),
        )

    async def spend(self, search: Search, task: Task, *, calls: int, seed: int) -> list[Trace]:
        """Trees of one task until its calls are spent."""
        traces, asked = list[Trace](), Counter[tuple[Message, ...]]()

        async def propose(path: str, request: Request) -> tuple[str, Reply]:
            if isinstance(self.teacher, Taped):
                request = replace(request, sample=seed * 1000 + asked[request.messages])
                asked[request.messages] += 1
            return path, await self.teacher.propose(request)

        while calls > 0:
            tree_seed = int(sha256(f"{seed}/{task.id}/{len(traces)}")[:12], 16)
            trace = await rollout(task, self._crew(task, Capped(search, calls), propose), seed=tree_seed)
            if trace.failure or not trace.nodes:
                raise SystemExit(f"task {task.id}: {trace.failure or 'the search asks for nothing'}")
            traces.append(trace)
            calls -= len(trace.nodes)
        return traces

    def _crew(self, task: Task, search: Search, propose: Propose) -> Crew:
        verifier = self.verifiers[task.verifier]
        system = system_prompt(
            environment_instructions=self.environment.instructions(), answer_instructions=verifier.instructions(),
            language=self.environment.language, protocol="fence",
        )  # fmt: skip
        shown = () if not isinstance(self.teacher, Taped) else demonstration(language=self.environment.language, protocol="fence")
        return Crew(
            propose=propose, search=search, environment=self.environment, clean=self.clean, verifier=verifier,
            prompt=(Message(role="system", content=system), *shown, Message(role="user", content=task.question)), tools=(), stop=STOP,
            limits=Limits(depth=DEPTH, nodes=10**6), view="direct", replay_runs=1,
        )  # fmt: skip


def _path(trace: Trace, leaf: int) -> tuple[str | None, ...]:
    branch = [trace.nodes[i] for i in trace.path(leaf)]
    return (*(node.action.text for node in branch if node.action), branch[-1].answer)


def _ends(trace: Trace) -> int:
    return len(trace.nodes) - len({node.parent for node in trace.nodes} - {None})


def _tasks(level: Level, n: int, *, seed: int) -> list[Task]:
    source: Any = plugin_class("tasks", "procedural")  # Any: a plugin's class
    config = source.Config(families=(level.family,), difficulty=(level.difficulty, level.difficulty))
    return list(source(config).tasks(n, seed=seed))


def _teacher(level: Level, given: argparse.Namespace) -> Teacher | Taped:
    if not given.replies:
        return _built("procedural", slip_rate=level.slip_rate, blind_rate=level.blind_rate)
    live = _built("openai_chat", model=given.model, base_url=given.base_url, **LIVE) if given.model else None
    return Taped(live, given.replies)


def _built(kind: str, **settings: object) -> Teacher:
    cls: Any = plugin_class("teachers", kind)  # Any: a plugin's class
    return cls(cls.Config(**settings))  # type: ignore[no-any-return]


def spread(figures: Sequence[float], *, digits: int) -> str:
    """Mean and half of its 95 % interval."""
    if len(figures) < 2:
        return f"{mean(figures):.{digits}f}"
    half = STUDENT[len(figures)] * stdev(figures) / sqrt(len(figures))
    return f"{mean(figures):.{digits}f} ± {half:.{digits}f}"


@dataclass(frozen=True)
class Line:
    """What one entry made of a level: one `Found` a seed."""

    label: str
    seeds: Sequence[Found]

    def figures(self) -> str:
        calls = mean(f.calls / f.tasks for f in self.seeds)
        solved, verified = spread(self.solved, digits=1), spread(self.verified, digits=1)
        branches = spread([f.branches / f.tasks for f in self.seeds], digits=2)
        tokens = spread([f.tokens / f.tasks for f in self.seeds], digits=0)
        return f"  {self.label:26} {calls:6.2f} {solved:>14} {verified:>15} {branches:>15} {tokens:>14}"

    def ahead_of(self, other: Line) -> str:
        """The difference on the same tasks, seed by seed, which varies less than the figures themselves."""
        solved = spread([a - b for a, b in zip(self.solved, other.solved, strict=True)], digits=1)
        verified = spread([a - b for a, b in zip(self.verified, other.verified, strict=True)], digits=1)
        return f"  {other.label:33} {solved:>14} {verified:>15}"

    @property
    def solved(self) -> list[float]:
        return [100 * f.solved / f.tasks for f in self.seeds]

    @property
    def verified(self) -> list[float]:
        return [1000 * f.verified / f.calls for f in self.seeds]


async def compare(entries: Sequence[Entry], given: argparse.Namespace) -> None:
    """Print a table for each level."""
    plugin: Any = plugin_class  # Any: plugins' classes
    verifiers = {name: plugin("verifiers", name)(plugin("verifiers", name).Config()) for name in ("number", "exact", "set")}
    tokenizer = plugin("tokenizers", "o200k_base")(plugin("tokenizers", "o200k_base").Config())
    python = plugin("environments", "python")
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(Remembered(python(python.Config())))
        clean = await stack.enter_async_context(clean_room({"python": Remembered(python(python.Config()))}))
        for level in (level for level in LEVELS if given.level in (None, level.family)):
            teacher = _teacher(level, given)
            await stack.enter_async_context(teacher)
            bench = Bench(teacher=teacher, environment=live, clean=clean, verifiers=verifiers, tokenizer=tokenizer)
            slips = teacher.name if given.replies else f"slip rate {level.slip_rate}, blind rate {level.blind_rate}"
            print(f"\n{level.family}, difficulty {level.difficulty}, {slips}; {given.tasks} tasks x {given.seeds} seeds")
            print(
                f"  {'':26} {'calls':>6} {'solved, %':>14} {'verified / 1000':>15} {'branches / task':>15} {'tokens / task':>14}",
                flush=True,
            )
            lines = [await _line(bench, entry, level, given) for entry in entries]
            if eag := next((line for line in lines if line.label == "eag"), None):
                print("  eag is ahead of", *(eag.ahead_of(line) for line in lines if line is not eag), sep="\n", flush=True)


async def _line(bench: Bench, entry: Entry, level: Level, given: argparse.Namespace) -> Line:
    runs = (bench.measure(entry, _tasks(level, given.tasks, seed=seed), calls=given.calls, seed=seed) for seed in range(given.seeds))
    found = await asyncio.gather(*runs) if given.replies else [await run for run in runs]  # a model answers many as fast as one
    line = Line(entry.label, found)
    print(line.figures(), flush=True)
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 tasks a level, two seeds")
    parser.add_argument("--tasks", type=int, default=40, help="of each level, for each seed")
    parser.add_argument("--calls", type=int, default=16, help="of the teacher, for each task")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="labels of lines; all if none is named")
    parser.add_argument("--level", choices=[level.family for level in LEVELS], help="this one alone")
    parser.add_argument("--replies", type=Path, help="what a real model said: JSON lines, which grow")
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--model", help="a live model at --base-url, asked for what --replies does not know")
    given = parser.parse_args()
    if given.quick:
        given.tasks, given.seeds = 10, 2
    began = time.monotonic()
    asyncio.run(compare([entry for entry in ENTRIES if not given.only or entry.label in given.only], given))
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
