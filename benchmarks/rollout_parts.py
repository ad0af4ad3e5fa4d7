"""What `benchmarks/search.py` puts around the parts of a rollout: a bound on calls, and what was said or run before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from eagdata.contracts import Environment, Episode, Expansion, Feedback, Growth, Reply, Request, Search, Teacher
from eagdata.errors import TeacherError
from eagdata.records import Action, Message, Observation, Task
from eagdata.teachers.replay import RecordingTeacher, ReplayTeacher


@dataclass(frozen=True)
class Capped:
    """A search that asks for no more turns than are left."""

    search: Search
    calls: int

    def start(self, *, seed: int) -> Growth:
        return _Capped(self.search.start(seed=seed), self.calls)


class _Capped:
    def __init__(self, growth: Growth, calls: int) -> None:
        self._growth, self._left, self.view = growth, calls, growth.view

    def ask(self) -> tuple[Expansion, ...]:
        left, cut = self._left, []
        for expansion in self._growth.ask():
            if left > 0:
                cut.append(replace(expansion, samples=min(expansion.samples, left)))
            left -= expansion.samples
        return tuple(cut)

    def tell(self, feedback: Feedback) -> float | None:
        self._left -= 1
        return self._growth.tell(feedback)


class Taped:
    """A teacher whose n-th reply to the same messages is what the file has, or what the live one says, which the file then has too."""

    def __init__(self, live: Teacher | None, path: Path) -> None:
        self._live = RecordingTeacher(live, path) if live else None
        self._tape = ReplayTeacher(ReplayTeacher.Config(path=str(path))) if path.exists() and path.stat().st_size else None
        self._book = dict[tuple[tuple[Message, ...], int], Reply]()
        self.name = live.name if live else path.name

    async def __aenter__(self) -> Self:
        for part in (self._tape, self._live):
            if part:
                await part.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for part in (self._tape, self._live):
            if part:
                await part.__aexit__(kind, error, tb)

    async def propose(self, request: Request) -> Reply:
        key = (request.messages, request.sample)
        if key not in self._book:
            self._book[key] = await self._said(request)
        return self._book[key]

    async def _said(self, request: Request) -> Reply:
        if self._tape:
            try:
                return await self._tape.propose(request)
            except TeacherError:
                if not self._live:
                    raise
        if not self._live:
            raise SystemExit("there is nothing in --replies; give --model and --base-url")
        return await self._live.propose(request)


class Remembered:
    """An environment in which the same actions on the same task run once, whoever asks for them: as many strategies do."""

    def __init__(self, environment: Environment) -> None:
        self._environment, self._book = environment, dict[tuple[str, ...], Observation]()
        self.name, self.version, self.language = environment.name, environment.version, environment.language
        self.isolation, self.instructions = environment.isolation, environment.instructions

    async def reset(self, task: Task) -> Episode:
        return _Remembered(self._book, partial(self._environment.reset, task), (task.key,))

    async def __aenter__(self) -> Self:
        await self._environment.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await self._environment.__aexit__(kind, error, tb)


class _Remembered:
    """A state by the way to it; the live one is made when an action is asked for that nobody ran there before."""

    def __init__(self, book: dict[tuple[str, ...], Observation], begin: Callable[[], Awaitable[Episode]], way: tuple[str, ...]) -> None:
        self._book, self._begin, self._way = book, begin, way
        self._taken: list[Action] = []
        self._live: Episode | None = None
        self._making = asyncio.Lock()

    async def step(self, action: Action) -> Observation:
        self._way = (*self._way, action.text)
        if (known := self._book.get(self._way)) is None:
            known = self._book[self._way] = await (await self._state()).step(action)
        elif self._live:
            await self._live.step(action)
        self._taken.append(action)
        return known

    async def fork(self) -> Episode:
        async def begin() -> Episode:
            return await (await self._state()).fork()

        return _Remembered(self._book, begin, self._way)

    async def close(self) -> None:
        if self._live:
            await self._live.close()

    async def _state(self) -> Episode:
        async with self._making:
            if self._live is None:
                self._live = await self._begin()
                for action in self._taken:
                    await self._live.step(action)
            return self._live
