"""The `python` environment: a notebook-like Python whose live state can be forked.

async with PythonEnvironment(PythonEnvironment.Config()) as environment:
    episode = await environment.reset(task)
    observation = await episode.step(Action(kind="python", text="1 + 1"))
    other = await episode.fork()
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import resource
from collections import OrderedDict
from pathlib import PurePosixPath
from types import TracebackType
from typing import Literal, Self

from eagdata.contracts import settings
from eagdata.environments.episode import Limits, PythonEpisode, Start
from eagdata.environments.sandbox.locations import PRELOADED
from eagdata.environments.sandbox.probe import TIERS, missing_walls
from eagdata.environments.sandbox.supervisor import BoxFailure, Program, Zygote
from eagdata.errors import EnvironmentFault, PrerequisiteError, RecipeError
from eagdata.records import Json, Task

Tier = Literal["namespaces", "landlock", "process"]

_FILES_PER_PROGRAM = 5
_FILES_OF_THE_HOST = 256
_TASK_KEYS = ("files", "setup", "timeout_s", "memory_mb", "output_chars")


class PythonEnvironment:
    """Where Python actions run: isolated, with a lasting state, forked copy-on-write in milliseconds."""

    name = "python"
    language = "python"

    @settings
    class Config:
        """Limits and isolation."""

        min_isolation: Tier = "landlock"
        """Weakest isolation to accept: `namespaces`, `landlock`, or `process` (limits only; for programs that you trust)."""
        isolation: Literal["auto", "namespaces", "landlock", "process"] = "auto"
        """Isolation to use; `auto` takes the strongest that passes its self-test on this machine."""
        timeout_s: float = 10.0
        """Seconds that one action may take."""
        memory_mb: int = 1024
        """Memory that a program may take beyond what the interpreter itself needs."""
        output_chars: int = 4000
        """Characters of an observation; what is longer loses its middle."""
        disk_mb: int = 64
        """Size of the working folder."""
        processes: int = 512
        """Threads and paused forks that one task may have at once."""
        max_episodes: int = 1024
        """Live states kept at once; beyond it the one unused for longest is put away and replayed when it is needed."""

    def __init__(self, config: Config) -> None:
        self.config = config
        versions = (f"{name} {importlib.metadata.version(name)}" for name in PRELOADED)
        self.version = ", ".join((f"python {platform.python_version()}", *versions))
        self.isolation: str | None = None
        self._zygotes: dict[bool, Zygote] = {}
        self._starting = asyncio.Lock()
        self._live: OrderedDict[Program, PythonEpisode] = OrderedDict()
        self._room = config.max_episodes

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        return (
            "The code runs in one Python session, as in a notebook: variables, functions and imports persist from one action to the "
            "next. What is printed is shown, and so is the value of the last line if it is an expression. numpy and sympy are installed; "
            "there is no network, and no other program can be started. "
            f"An action may take {self.config.timeout_s:g} seconds and {self.config.memory_mb} MB of memory. "
            "When a line raises an exception, what ran before it stays in effect. An action that is stopped for time or memory, or that "
            "ends the interpreter, has no effect: the state is as it was before that action."
        )

    async def reset(self, task: Task) -> PythonEpisode:
        """A fresh episode for `task`. Raises: EnvironmentFault; RecipeError for wrong settings or set-up code that fails."""
        episode = PythonEpisode(self, _start(task, self.config))
        try:
            await episode.open()
        except BaseException:
            await episode.close()
            raise
        return episode

    async def spawn(self, episode: PythonEpisode) -> Program:
        """A fresh process for `episode`, in a new box if the old one is gone. Raises: EnvironmentFault."""
        for attempt in (1, 2):
            try:
                zygote = await self._box(numeric=episode.numeric)
                return self._admit(await zygote.spawn(episode.start.limits.memory_mb), episode)
            except BoxFailure as error:
                if attempt == 2:
                    raise EnvironmentFault("the sandbox failed twice", why=str(error)) from error
        raise AssertionError("unreachable")

    async def fork(self, program: Program, episode: PythonEpisode) -> Program:
        """A live copy of `program` for `episode`. Raises: sandbox.supervisor.Refused."""
        return self._admit(await program.zygote.fork(program), episode)

    def touch(self, program: Program) -> None:
        """`program` was used just now."""
        if program in self._live:
            self._live.move_to_end(program)

    def release(self, program: Program) -> None:
        self._live.pop(program, None)
        program.zygote.release(program)

    async def __aenter__(self) -> Self:
        try:
            self.isolation, self._zygotes[False] = await self._choose()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._room = _make_room(self.config.max_episodes)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for zygote in self._zygotes.values():
            await zygote.close()
        self._live.clear()

    async def _choose(self) -> tuple[str, Zygote]:
        """The strongest tier whose self-test passes. Raises: PrerequisiteError."""
        wanted, least = self.config.isolation, self.config.min_isolation
        allowed = TIERS[: TIERS.index(least) + 1]
        tried = []
        for tier in allowed if wanted == "auto" else [name for name in allowed if name == wanted]:
            zygote = self._make(tier, numeric=False)
            try:
                await zygote.start()
                missing = await missing_walls(zygote)
            except BoxFailure as error:
                missing = [str(error)]
            except BaseException:
                await zygote.close()
                raise
            if not missing:
                return tier, zygote
            await zygote.close()
            tried.append(f"{tier}: {'; '.join(missing)}")
        why = " | ".join(tried) or f"isolation {wanted!r} is weaker than min_isolation {least!r}"
        raise PrerequisiteError(
            f"no sandbox of isolation {least!r} or stronger works on this machine",
            why=why,
            mend="run on Linux 5.13 or later, or trust the programs: --set environment.min_isolation=process",
        )

    def _make(self, tier: str, *, numeric: bool) -> Zygote:
        tasks = self.config.processes + self.config.max_episodes
        return Zygote(tier, disk_mb=self.config.disk_mb, tasks=tasks, numeric=numeric)

    async def _box(self, *, numeric: bool) -> Zygote:
        """The box with or without the numeric libraries, made when it is first needed, and anew if it died. Raises: BoxFailure."""
        if self.isolation is None:
            raise BoxFailure("the environment is not open")
        async with self._starting:
            zygote = self._zygotes.get(numeric)
            if zygote is None or not zygote.alive:
                if zygote is not None:
                    await zygote.close()
                    self._live = OrderedDict((program, owner) for program, owner in self._live.items() if program.zygote is not zygote)
                zygote = self._zygotes[numeric] = self._make(self.isolation, numeric=numeric)
                await zygote.start()
        return zygote

    def _admit(self, program: Program, episode: PythonEpisode) -> Program:
        self._live[program] = episode
        while len(self._live) > self._room:
            idle = next((old for old, owner in self._live.items() if not owner.busy and old is not program), None)
            if idle is None:
                break
            self.release(idle)
        return program


def _make_room(max_episodes: int) -> int:
    """How many live states this process can hold: each costs it a few open files, of which it asks the system for enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_episodes * _FILES_PER_PROGRAM + _FILES_OF_THE_HOST
    if soft not in (resource.RLIM_INFINITY, -1) and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(8, min(max_episodes, (soft - _FILES_OF_THE_HOST) // _FILES_PER_PROGRAM)) if soft > 0 else max_episodes


def _start(task: Task, config: PythonEnvironment.Config) -> Start:
    """The task's own settings over ours. Raises: RecipeError."""
    given = task.environment_config
    for key in given:
        if key not in _TASK_KEYS:
            raise _wrong(task, f"environment_config has no key {key!r}", f"use one of: {', '.join(_TASK_KEYS)}")
    setup = given.get("setup", "")
    if not isinstance(setup, str):
        raise _wrong(task, f"environment_config.setup is {setup!r}", "give Python code as a string")
    limits = Limits(
        timeout_s=_positive(task, "timeout_s", config.timeout_s),
        memory_mb=int(_positive(task, "memory_mb", config.memory_mb)),
        output_chars=int(_positive(task, "output_chars", config.output_chars)),
    )
    return Start(task_id=task.id, seed=task.seed, files=_files(task), setup=setup, limits=limits)


def _positive(task: Task, key: str, default: float) -> float:
    value: Json = task.environment_config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise _wrong(task, f"environment_config.{key} is {value!r}", "give a number above 0")
    return value


def _files(task: Task) -> dict[str, str]:
    files = task.environment_config.get("files", {})
    if not isinstance(files, dict):
        raise _wrong(task, f"environment_config.files is {files!r}", "give an object: relative path -> text")
    found = {}
    for name, text in files.items():
        path = PurePosixPath(name)
        if not isinstance(text, str) or not name or "\0" in name or path.is_absolute() or ".." in path.parts:
            raise _wrong(task, f"environment_config.files[{name!r}] cannot be written", "give a relative path without '..', and text")
        found[name] = text
    return found


def _wrong(task: Task, what: str, mend: str) -> RecipeError:
    return RecipeError(f"task {task.id!r}: {what}", mend=mend)
