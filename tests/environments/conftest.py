"""One opened environment for each tier and module: opening one takes most of a second."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Json, Observation, Task

TIERS = ("namespaces", "landlock", "process")
Reset = Callable[..., Awaitable[Episode]]


def task(*, seed: int = 0, **environment_config: Json) -> Task:
    return Task(id="t", question="?", verifier="exact", seed=seed, environment_config=environment_config)


async def run(episode: Episode, source: str) -> Observation:
    return await episode.step(Action(kind="python", text=source))


async def text(episode: Episode, source: str) -> str:
    return (await run(episode, source)).text


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=TIERS)
async def environment(request: pytest.FixtureRequest) -> AsyncIterator[PythonEnvironment]:
    config = PythonEnvironment.Config(isolation=request.param, min_isolation="process", timeout_s=5, memory_mb=512, disk_mb=16)
    async with PythonEnvironment(config) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def reset(environment: PythonEnvironment) -> AsyncIterator[Reset]:
    """Fresh episodes of `environment`, closed after the test."""
    made: list[Episode] = []

    async def make(**settings: Json) -> Episode:
        seed = settings.pop("seed", 0)
        assert isinstance(seed, int)
        made.append(await environment.reset(task(seed=seed, **settings)))
        return made[-1]

    yield make
    for episode in made:
        await episode.close()
