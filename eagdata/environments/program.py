"""The `program` environment: each action is a whole program, and what is shown of it is how it does on the task's public examples.

The state of an episode is the program submitted last, whatever came of it; no process lives between two actions. Every run happens in
a process of its own that has run nothing before, so neither earlier programs nor other inputs show. Functions are called as those of
an imported module.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import Self

from eagdata.contracts import Episode, settings
from eagdata.environments.box import LIMIT_KEYS, BoxSettings, check_keys, read_limits, read_text, wrong
from eagdata.environments.episode import Limits
from eagdata.environments.program_examples import Called, Outcome, Written, read_examples, report, told_call, told_run
from eagdata.environments.program_runs import LANGUAGES, Build, CompiledBuild, PythonBuild, inner_task, missing_tools
from eagdata.environments.python import PythonEnvironment
from eagdata.environments.sandbox.interpreter import shorten
from eagdata.environments.sandbox.locations import search_path
from eagdata.environments.shell import ShellEnvironment
from eagdata.errors import EnvironmentFault, PrerequisiteError, RecipeError
from eagdata.records import Action, Json, Observation, Task

_IMPORTED = "__import__('sys').modules['program'] = __import__('sys').modules['__main__']\n__name__ = 'program'\n"


class ProgramEnvironment:
    """Where whole programs are submitted and tried on examples. Besides programs, an episode takes two kinds of action from a judge:
    `submission` gives the last program as JSON, with `language`, `source` and the limits `timeout_s` and `memory_mb` (null if there is no
    program); `run` runs it on a text."""

    name = "program"

    @settings
    class Config(BoxSettings):
        """Limits and isolation of each run, and the language."""

        language: str = "python"
        """Language that the programs are written in: python, or c, cpp, go, java, javascript, rust where the machine has a compiler in
        the PATH of a box."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.language = config.language
        shared = {field.name: getattr(config, field.name) for field in fields(BoxSettings)}
        self._box: PythonEnvironment | ShellEnvironment
        if self.language == "python":
            self._box = PythonEnvironment(PythonEnvironment.Config(**shared))
        else:
            self._box = ShellEnvironment(ShellEnvironment.Config(**(shared | {"min_isolation": "namespaces"})))
        self.version = f"{self.language} programs, {self._box.version}"
        self.isolation: str | None = None

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        return (
            f"Each code block is a whole {self.language} program: it replaces the one before, and nothing of an earlier one is left. "
            "It is tried on the examples of the task, each time in a fresh process, and what differs from the expected result is shown. "
            f"A run may take {self.config.timeout_s:g} seconds and {self.config.memory_mb} MB of memory; there is no network. "
            "The program submitted last is judged, on other tests than the examples too."
        )

    async def reset(self, task: Task) -> ProgramEpisode:
        """An episode without a program. Raises: RecipeError for wrong settings."""
        check_keys(task, ("examples", "setup", *LIMIT_KEYS))
        examples = read_examples(task)
        if self.language != "python" and any(isinstance(example, Called) for example in examples):
            raise wrong(task, f"its examples call functions, and programs are in {self.language!r}", "give examples with stdin and stdout")
        return ProgramEpisode(self, Assignment(task.id, read_limits(task, self.config), examples, read_text(task, "setup")))

    async def build(self, source: str, assignment: Assignment) -> Build | Observation:
        """A program that can be run, or why not. Raises: EnvironmentFault."""
        if self.language == "python":
            return PythonBuild(self._box, assignment.task_id, assignment.limits, source)
        return await CompiledBuild.of(LANGUAGES[self.language], self._box, assignment.task_id, assignment.limits, source)

    async def session(self, assignment: Assignment) -> Episode:
        """A fresh Python process in which functions can be called. Raises: EnvironmentFault."""
        limits = assignment.limits
        return await self._box.reset(inner_task(assignment.task_id, limits, output_chars=limits.output_chars, setup=_IMPORTED))

    async def __aenter__(self) -> Self:
        """Raises: RecipeError for a language that is not known; PrerequisiteError where its compiler, or a wall, is missing."""
        if self.language != "python":
            if self.language not in LANGUAGES:
                raise RecipeError(f"there is no language {self.language!r}", mend=f"use one of: python, {', '.join(LANGUAGES)}")
            if missing := missing_tools(LANGUAGES[self.language]):
                raise PrerequisiteError(
                    f"programs in {self.language!r} cannot be run: {', '.join(missing)} is not there",
                    why=f"looked for in {search_path()}, which is what a box can start",
                    mend="install it there, or choose another one: --set environment.language=python",
                )
        await self._box.__aenter__()
        self.isolation = self._box.isolation
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await self._box.__aexit__(kind, error, tb)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the episodes of one task know of it."""

    task_id: str
    limits: Limits
    examples: tuple[Written | Called, ...]
    setup: str
    """Code that the examples need, run after the program."""


class ProgramEpisode:
    """The program submitted last. Made by `ProgramEnvironment.reset` and `fork`."""

    def __init__(self, environment: ProgramEnvironment, assignment: Assignment, source: str | None = None) -> None:
        self._environment, self._assignment, self._source = environment, assignment, source
        self._built: Build | Observation | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def step(self, action: Action) -> Observation:
        """Submit a program and see how it does on the examples; or answer a judge. Raises: EnvironmentFault."""
        async with self._turn:
            if self._closed:
                raise EnvironmentFault("the episode is closed", retryable=False)
            began = time.perf_counter()
            seen = await self._answer(action)
            return replace(seen, duration_ms=(time.perf_counter() - began) * 1000)

    async def fork(self) -> ProgramEpisode:
        """An episode with the same program. Raises: EnvironmentFault if this one is closed."""
        if self._closed:
            raise EnvironmentFault("the episode is closed", retryable=False)
        return ProgramEpisode(self._environment, self._assignment, self._source)

    async def close(self) -> None:
        """Remove what was built. Twice is fine."""
        self._closed = True
        await self._forget()

    async def _answer(self, action: Action) -> Observation:
        if action.kind == "submission":
            limits = self._assignment.limits
            found: dict[str, Json] = {"language": self._environment.language, "source": self._source}
            found |= {"timeout_s": limits.timeout_s, "memory_mb": limits.memory_mb}
            return Observation(status="ok", text="", value=json.dumps(found if self._source is not None else None))
        if action.kind == "run" and self._source is not None:
            return await self._run(self._source, action.text)
        if action.kind != self._environment.language:
            raise EnvironmentFault(f"no program takes an action of kind {action.kind!r}", retryable=False)
        await self._forget()
        self._source = action.text
        try:
            return await self._try(action.text)
        finally:
            await self._forget()

    async def _run(self, source: str, stdin: str) -> Observation:
        if self._built is None:
            self._built = await self._environment.build(source, self._assignment)
        return self._built if isinstance(self._built, Observation) else await self._built.run(stdin)

    async def _forget(self) -> None:
        built, self._built = self._built, None
        if built is not None and not isinstance(built, Observation):
            await built.close()

    async def _try(self, source: str) -> Observation:
        """What the program does on the examples; without any, what it writes when it runs on no input."""
        limits, examples = self._assignment.limits, self._assignment.examples
        if not examples:
            return _shown(await self._run(source, ""), limits)
        called = [example for example in examples if isinstance(example, Called)]
        told = dict(zip(called, await self._call(source, called), strict=True)) if called else {}
        outcomes = []
        for example in examples:
            if isinstance(example, Called):
                outcomes.append(told[example])
            else:
                seen = await self._run(source, example.stdin)
                outcomes.append(told_run(example, seen, json.loads(seen.value or "") if seen.status == "ok" else None))
        kind = next((outcome.kind for outcome in outcomes if outcome.kind), None)
        text = shorten(report(outcomes), limits.output_chars) or ""
        return Observation(status="error" if kind else "ok", kind=kind, text=text)

    async def _call(self, source: str, examples: list[Called]) -> list[Outcome]:
        """The program is loaded once, and called for one example after the other."""
        box = await self._environment.session(self._assignment)
        try:
            for part in filter(None, (source, self._assignment.setup)):
                loaded = await box.step(Action(kind="python", text=part))
                if loaded.status != "ok":
                    return [Outcome(loaded.kind, loaded.text), *(Outcome(loaded.kind) for _ in examples[1:])]
            outcomes = list[Outcome]()
            for example in examples:
                seen = await box.step(Action(kind="python", text=example.action))
                outcomes.append(told_call(example, seen))
                if seen.status not in ("ok", "error"):  # the state would have to be made again, and may take as long again
                    break
            return outcomes + [Outcome("not run")] * (len(examples) - len(outcomes))
        finally:
            await box.close()


def _shown(seen: Observation, limits: Limits) -> Observation:
    """What a run wrote."""
    if seen.status != "ok":
        return replace(seen, status="error")
    ran = json.loads(seen.value or "")
    text = shorten(ran["stdout"] + ran["stderr"], limits.output_chars) or ""
    failed = ran["exit"] != 0
    return Observation(status="error" if failed else "ok", kind=f"exit status {ran['exit']}" if failed else None, text=text)
