"""One episode of an environment in a box: steps, forks, and the way back to the state before an action that did not end well.

An episode is its start and its history; the live process is only the fast way to have that state. Whenever the process is gone
(killed, timed out, put away to save memory, its box dead), the state is made again: from the paused episode it was forked from, or by
running the history once more in a fresh process and comparing every observation.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eagdata.environments.sandbox.frames import Frame
from eagdata.environments.sandbox.interpreter import shorten
from eagdata.environments.sandbox.locations import module_path
from eagdata.environments.sandbox.process import Ended, Process
from eagdata.environments.sandbox.supervisor import BoxFailure, Program, Refused
from eagdata.errors import EnvironmentFault, RecipeError
from eagdata.records import Action, Json, Observation

if TYPE_CHECKING:
    from eagdata.environments.box import BoxEnvironment

_START_TIMEOUT_S = 20.0
_PATIENCE = 3
"""An action that is run again may take so many times its limit: it ended in time once, and the machine may be busier now."""
_KIND_CHARS = 100
_UNCHANGED = "The state is as it was before this action."
_VARYING = re.compile(r"(?P<action><action) \d+(?=>)|" + "|".join(re.escape(path) for path in sorted(module_path(), key=len, reverse=True)))
"""What differs between machines, or between ways to the same state: where the libraries lie, how many actions went before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one action may take."""

    timeout_s: float
    memory_mb: int
    output_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """All that the first state of an episode depends on."""

    task_id: str
    seed: int
    files: dict[str, str]
    limits: Limits
    setup: str = ""
    """An action that goes before all others."""
    mounts: dict[str, str] = field(default_factory=dict)
    """Place in the box's folder -> path of a file of this machine, which is copied there."""
    host: str = ""
    """What runs the actions, a module of `sandbox.hosts`; empty: they are Python."""
    settings: dict[str, Json] = field(default_factory=dict)
    """What the host is started with."""
    libraries: tuple[str, ...] = ()
    """Modules that are loaded from the start."""


@dataclass(frozen=True, slots=True)
class Past:
    """One completed action, and the digest of what it answered."""

    action: Action
    digest: str


class NondeterministicFault(EnvironmentFault):
    """Running an episode's past again gave other observations: its state cannot be had twice."""

    @property
    def kind(self) -> str:
        return "nondeterministic"


class BoxEpisode:
    """One live state, paused between actions. Made by `BoxEnvironment.reset` and `fork`."""

    def __init__(self, environment: BoxEnvironment, start: Start) -> None:
        self.start = start
        self._environment = environment
        self._history: tuple[Past, ...] = ()
        self._program: Program | None = None
        self._origin: BoxEpisode | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self.libraries = start.libraries + environment.libraries_for(start.setup)
        """What its processes have loaded. An episode of Python begins without numpy and sympy and moves, by a replay of its past, to
        a process that has them when an action first names one: small processes cost half as much to fork and to end."""

    @property
    def busy(self) -> bool:
        """An action, a fork or a restoration is under way."""
        return self._turn.locked()

    async def open(self) -> None:
        """Make the first state. Raises: EnvironmentFault; RecipeError if the set-up code fails."""
        async with self._turn:
            await self._alive()

    async def step(self, action: Action) -> Observation:
        """Run one action. Raises: EnvironmentFault if the box failed."""
        async with self._turn:
            if missing := tuple(name for name in self._environment.libraries_for(action.text) if name not in self.libraries):
                self.libraries, self._origin = self.libraries + missing, None
                self._discard()
            for attempt in (1, 2):
                program = await self._alive()
                began = time.perf_counter()
                observation = await self._observe(program, action)
                if isinstance(observation, BoxFailure):
                    if attempt == 1:
                        continue
                    raise EnvironmentFault("the sandbox failed twice under one action", why=str(observation)) from observation
                if observation.status in ("ok", "error"):
                    self._history = (*self._history, Past(action, observation.digest))
                    self._origin = None
                return replace(observation, duration_ms=(time.perf_counter() - began) * 1000)
        raise AssertionError("unreachable")

    async def fork(self) -> BoxEpisode:
        """An independent copy. Raises: EnvironmentFault; its kind is `nondeterministic` if only a replay is possible and differs."""
        copy = BoxEpisode(self._environment, self.start)
        async with self._turn:
            program = await self._alive()
            copy._history, copy._origin, copy.libraries = self._history, self, self.libraries
            try:
                copy._program = await self._environment.fork(program, copy)
                self._environment.touch(program)
                return copy
            except (Refused, BoxFailure):
                pass
        copy._origin = None
        try:
            await copy.open()
        except BaseException:
            await copy.close()
            raise
        return copy

    async def close(self) -> None:
        """End this state's process; forks of it live on. Twice is fine."""
        self._closed = True
        self._origin = None
        self._discard()

    def _discard(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            self._environment.release(program)

    async def _alive(self) -> Program:
        """The process that holds this state, made again if it is gone. Raises: EnvironmentFault."""
        if self._closed:
            raise EnvironmentFault("the episode is closed", retryable=False)
        if self._program is not None and self._program.process.ending is None:
            self._environment.touch(self._program)
            return self._program
        self._discard()
        self._program = await self._fork_origin() or await self._replay()
        return self._program

    async def _fork_origin(self) -> Program | None:
        """This state from the episode that it was forked from, if that is still paused there."""
        origin = self._origin
        source = origin._program if origin is not None and len(origin._history) == len(self._history) else None
        if origin is None or source is None or source.process.ending or origin.busy or origin.libraries != self.libraries:
            return None
        async with origin._turn:
            try:
                return await self._environment.fork(source, self)
            except (Refused, BoxFailure):
                return None

    async def _replay(self) -> Program:
        """This state by running its whole past in a fresh process. Raises: EnvironmentFault."""
        program = await self._environment.spawn(self)
        try:
            await self._set_up(program)
            for number, past in enumerate(self._history, 1):
                again = await self._run(program, past.action, number=number, patience=_PATIENCE)
                if again.digest != past.digest:
                    raise NondeterministicFault(
                        f"task {self.start.task_id!r}: action {number} answered differently when it was run again",
                        why=f"now {again.status}: {shorten(again.text, 200)!r}",
                        retryable=False,
                    )
        except (Ended, BoxFailure) as error:
            self._environment.release(program)
            raise EnvironmentFault("the sandbox failed while a state was made again", why=f"its process ended: {error}") from error
        except BaseException:
            self._environment.release(program)
            raise
        return program

    async def _set_up(self, program: Program) -> None:
        """Files, seeds, host, set-up code. Raises: RecipeError; Ended."""
        start, process = self.start, program.process
        answer = await self._copy_in(process) if start.mounts else {}
        if answer.get("failed") is None:
            frame: Frame = {"op": "start", "seed": start.seed, "files": start.files, "host": start.host, "settings": start.settings}
            answer = await process.request(frame, timeout_s=_START_TIMEOUT_S)
        if answer.get("failed") is not None:
            raise RecipeError(f"task {start.task_id!r}: its environment_config cannot be set up", why=str(answer["failed"]))
        if not start.setup:
            return
        try:
            seen = await self._run(program, Action(kind=self._environment.language, text=start.setup), number=0)
            why = None if seen.status == "ok" else seen.text
        except Ended as error:
            why = error.how
        if why is not None:
            raise RecipeError(f"task {start.task_id!r}: environment_config.setup fails", why=why, mend="mend the set-up code of the task")

    async def _copy_in(self, process: Process) -> Frame:
        """Raises: RecipeError for a file that cannot be read; Ended."""
        with ExitStack() as opened:
            try:
                fds = [opened.enter_context(_opened(path)) for path in self.start.mounts.values()]
                frame: Frame = {"op": "copy_in", "names": list(self.start.mounts)}
                return await process.hand_over(frame, fds, timeout_s=_START_TIMEOUT_S)
            except OSError as error:
                raise RecipeError(f"task {self.start.task_id!r}: a file of its environment cannot be read", why=str(error)) from error

    async def _observe(self, program: Program, action: Action) -> Observation | BoxFailure:
        """What the action answered, or why the box failed under it. A process that did not end well is gone after it."""
        try:
            observation = await self._run(program, action, number=len(self._history) + 1)
        except Ended as error:
            self._discard()
            if self._closed:
                raise EnvironmentFault("the episode was closed during an action", retryable=False) from error
            if error.how == "timeout":
                return self._limit("timeout", f"stopped after {self.start.limits.timeout_s:g} s")
            if error.how == "exit":
                return self._limit("exit", "the action ended the interpreter")
            if not await program.zygote.answers():
                return BoxFailure("its zygote is gone")
            return self._limit("killed", "the interpreter crashed or was killed")
        except BoxFailure as failure:
            self._discard()
            return failure
        if observation.status == "limit":
            self._discard()
        return observation

    async def _run(self, program: Program, action: Action, *, number: int, patience: float = 1) -> Observation:
        """Raises: Ended, also for an answer that the interpreter does not give."""
        limits, process = self.start.limits, program.process
        frame: Frame = {"op": "run", "kind": action.kind, "source": action.text, "number": number, "value_chars": limits.output_chars}
        answer = await process.request(frame, timeout_s=limits.timeout_s * patience)
        status, kind, value = (answer.get(key) for key in ("status", "kind", "value"))
        if status == "limit":
            return self._limit("memory", f"out of memory: more than {limits.memory_mb} MB")
        if status == "fault" and self.start.host:  # a program of Python, which owns its process, might claim it
            process.close()
            raise BoxFailure(str(value))
        if status not in ("ok", "error") or not isinstance(kind, str | None) or not isinstance(value, str | None):
            process.close()
            raise Ended("violation")
        return Observation(
            status="ok" if status == "ok" else "error",
            kind=kind and _level(kind)[:_KIND_CHARS],
            text=_level(process.take_output(limits.output_chars)),
            value=value and shorten(_level(value), limits.output_chars),
        )

    def _limit(self, kind: str, text: str) -> Observation:
        return Observation(status="timeout" if kind == "timeout" else "limit", kind=kind, text=f"{text[0].upper()}{text[1:]}. {_UNCHANGED}")


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _level(text: str) -> str:
    """`text` as every machine gives it, and as UTF-8 can hold it."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _VARYING.sub(lambda found: found["action"] or "/python", text)
