"""What all environments share whose actions run in a box: isolation chosen and tested, live states kept, forked and put away.

An environment in a box says how its actions are run (`sandbox.hosts`, or Python itself) and what its tasks may set; nothing else.
"""

from __future__ import annotations

import asyncio
import resource
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import PurePosixPath
from types import TracebackType
from typing import Literal, Self

from eagdata.contracts import settings
from eagdata.environments.episode import BoxEpisode, Limits, Start
from eagdata.environments.sandbox.probe import TIERS, missing_walls
from eagdata.environments.sandbox.supervisor import BoxFailure, Program, Zygote
from eagdata.errors import EnvironmentFault, PrerequisiteError, RecipeError
from eagdata.records import Json, Task

Tier = Literal["namespaces", "landlock", "process"]

LIMIT_KEYS = ("timeout_s", "memory_mb", "output_chars")
_FILES_PER_PROGRAM = 5
_FILES_OF_THE_HOST = 256


@settings
class BoxSettings:
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


class BoxEnvironment(ABC):
    """An environment in a box. A concrete one gives `name`, `language`, `version`, `instructions` and `start`."""

    name: str
    language: str
    version: str

    def __init__(self, config: BoxSettings) -> None:
        self.config = config
        self.isolation: str | None = None
        self._zygotes: dict[tuple[str, tuple[str, ...]], Zygote] = {}
        self._starting = asyncio.Lock()
        self._live: OrderedDict[Program, BoxEpisode] = OrderedDict()
        self._room = config.max_episodes

    @abstractmethod
    def instructions(self) -> str:
        """What the teacher is told about acting here."""

    @abstractmethod
    def start(self, task: Task) -> Start:
        """All that the first state of an episode for `task` depends on. Raises: RecipeError for wrong settings."""

    def libraries_for(self, source: str) -> tuple[str, ...]:
        """Modules that an action with this text needs loaded."""
        return ()

    async def reset(self, task: Task) -> BoxEpisode:
        """A fresh episode for `task`. Raises: EnvironmentFault; RecipeError for wrong settings or set-up code that fails."""
        episode = BoxEpisode(self, self.start(task))
        try:
            await episode.open()
        except BaseException:
            await episode.close()
            raise
        return episode

    async def spawn(self, episode: BoxEpisode) -> Program:
        """A fresh process for `episode`, in a new box if the old one is gone. Raises: EnvironmentFault."""
        for attempt in (1, 2):
            try:
                zygote = await self._box(episode.start.host, episode.libraries)
                return self._admit(await zygote.spawn(episode.start.limits.memory_mb), episode)
            except BoxFailure as error:
                if attempt == 2:
                    raise EnvironmentFault("the sandbox failed twice", why=str(error)) from error
        raise AssertionError("unreachable")

    async def fork(self, program: Program, episode: BoxEpisode) -> Program:
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
            self.isolation, self._zygotes["", ()] = await self._choose()
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
            zygote = self._make(tier)
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
            mend="run on Linux 6.2 or later (elsewhere in a Linux container or virtual machine), "
            "or trust the programs: --set environment.min_isolation=process",
        )

    def _make(self, tier: str, host: str = "", libraries: tuple[str, ...] = ()) -> Zygote:
        tasks = self.config.processes + self.config.max_episodes
        return Zygote(tier, disk_mb=self.config.disk_mb, tasks=tasks, libraries=libraries, host=host)

    async def _box(self, host: str, libraries: tuple[str, ...]) -> Zygote:
        """The box with this host and these libraries, made when it is first needed, and anew if it died. Raises: BoxFailure."""
        if self.isolation is None:
            raise BoxFailure("the environment is not open")
        async with self._starting:
            zygote = self._zygotes.get((host, libraries))
            if zygote is None or not zygote.alive:
                if zygote is not None:
                    await zygote.close()
                    self._live = OrderedDict((program, owner) for program, owner in self._live.items() if program.zygote is not zygote)
                zygote = self._zygotes[host, libraries] = self._make(self.isolation, host, libraries)
                await zygote.start()
        return zygote

    def _admit(self, program: Program, episode: BoxEpisode) -> Program:
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


def read_limits(task: Task, config: BoxSettings) -> Limits:
    """The task's own limits over the environment's. Raises: RecipeError."""
    return Limits(
        timeout_s=_positive(task, "timeout_s", config.timeout_s),
        memory_mb=int(_positive(task, "memory_mb", config.memory_mb)),
        output_chars=int(_positive(task, "output_chars", config.output_chars)),
    )


def read_text(task: Task, key: str) -> str:
    """A setting of the task that is a text; empty if it is not given. Raises: RecipeError."""
    value = task.environment_config.get(key, "")
    if not isinstance(value, str):
        raise wrong(task, f"environment_config.{key} is {value!r}", "give a string")
    return value


def check_keys(task: Task, known: tuple[str, ...]) -> None:
    """Raises: RecipeError for a setting of the task that is not known."""
    for key in task.environment_config:
        if key not in known:
            raise wrong(task, f"environment_config has no key {key!r}", f"use one of: {', '.join(known)}")


def _positive(task: Task, key: str, default: float) -> float:
    value: Json = task.environment_config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise wrong(task, f"environment_config.{key} is {value!r}", "give a number above 0")
    return value


def read_files(task: Task) -> dict[str, str]:
    """The task's own `files`: relative path -> text. Raises: RecipeError."""
    files = task.environment_config.get("files", {})
    if not isinstance(files, dict):
        raise wrong(task, f"environment_config.files is {files!r}", "give an object: relative path -> text")
    found = {}
    for name, text in files.items():
        path = PurePosixPath(name)
        if not isinstance(text, str) or not name or "\0" in name or path.is_absolute() or ".." in path.parts:
            raise wrong(task, f"environment_config.files[{name!r}] cannot be written", "give a relative path without '..', and text")
        found[name] = text
    return found


def wrong(task: Task, what: str, mend: str) -> RecipeError:
    """The error for settings of a task that cannot be used."""
    return RecipeError(f"task {task.id!r}: {what}", mend=mend)
