"""Where verifiers run things: environments opened once each, and fresh episodes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self, cast

from eagdata.contracts import Environment, Episode
from eagdata.pipeline.building import configured
from eagdata.records import Json, Task, canonical
from eagdata.registry import plugin_class

_CARRIED = ("min_isolation", "isolation")
"""Settings of the run's environment that hold for every other one too."""


class Environments:
    """Environments by their settings, opened once each, when they are first needed. Resources open in `async with`."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._opened: dict[str, asyncio.Task[Environment]] = {}

    async def opened(self, settings: Mapping[str, Json]) -> Environment:
        """The environment with these settings, its `kind` among them. Raises: RecipeError, PrerequisiteError, EnvironmentFault."""
        key = canonical(dict(settings))
        if key not in self._opened:
            self._opened[key] = asyncio.ensure_future(self._open(settings))
        return await asyncio.shield(self._opened[key])

    async def _open(self, settings: Mapping[str, Json]) -> Environment:
        rest = {key: value for key, value in settings.items() if key != "kind"}
        environment = cast("Environment", configured("environments", str(settings["kind"]), rest))
        return await self._stack.enter_async_context(environment)

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await asyncio.gather(*self._opened.values(), return_exceptions=True)
        await self._stack.__aexit__(kind, error, tb)


class Rooms:
    """A `CleanRoom` for the tasks of one run: its own environment with its settings, any other with the defaults and its isolation."""

    def __init__(self, environments: Environments, settings: Mapping[str, Json]) -> None:
        self._environments, self._settings = environments, settings

    @asynccontextmanager
    async def episode(self, task: Task) -> AsyncIterator[Episode]:
        """Fresh, and closed at the end of the block. Raises: RecipeError, PrerequisiteError, EnvironmentFault."""
        environment = await self._environments.opened(self._settings_for(task.environment))
        episode = await environment.reset(task)
        try:
            yield episode
        finally:
            await episode.close()

    def _settings_for(self, kind: str) -> Mapping[str, Json]:
        if kind == self._settings["kind"]:
            return self._settings
        known: type[object] = plugin_class("environments", kind).Config  # type: ignore[attr-defined]
        return {"kind": kind} | {key: self._settings[key] for key in _CARRIED if key in self._settings and hasattr(known, key)}
