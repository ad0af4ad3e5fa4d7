"""Clean rooms over given environments, for tests of verifiers that run something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from eagdata.contracts import CleanRoom, Environment, Episode
from eagdata.records import Task


@asynccontextmanager
async def clean_room(environments: Mapping[str, Environment]) -> AsyncIterator[CleanRoom]:
    """A `CleanRoom` over environments by kind, which are opened for the block."""
    async with AsyncExitStack() as stack:
        for environment in environments.values():
            await stack.enter_async_context(environment)
        yield _Rooms(environments)


@dataclass(frozen=True, slots=True)
class _Rooms:
    environments: Mapping[str, Environment]

    @asynccontextmanager
    async def episode(self, task: Task) -> AsyncIterator[Episode]:
        episode = await self.environments[task.environment].reset(task)
        try:
            yield episode
        finally:
            await episode.close()
