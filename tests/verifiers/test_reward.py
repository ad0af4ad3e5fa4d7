from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eagdata.environments.gym import GymEnvironment
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import VerifierError
from eagdata.records import Action, Json, Task, Verdict
from eagdata.verifiers.reward import RewardVerifier

pytestmark = pytest.mark.asyncio(loop_scope="module")

GAME = """
class Game:
    def reset(self, seed=None, options=None):
        return "begin", {}

    def step(self, action):
        reward, over = action
        return "seen", reward, over, False, {}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gym() -> AsyncIterator[GymEnvironment]:
    async with GymEnvironment(GymEnvironment.Config(target="game:Game")) as opened:
        yield opened


async def judge(gym: GymEnvironment, *actions: str, **config: Json) -> Verdict:
    task = Task(id="t", question="?", verifier="reward", environment="gym", environment_config={"files": {"game.py": GAME}})
    verifier = RewardVerifier(RewardVerifier.Config(**config))  # type: ignore[arg-type]
    episode = await gym.reset(task)
    try:
        for action in actions:
            await episode.step(Action(kind="action", text=action))
        return await verifier.verify(task, "done", episode)
    finally:
        await episode.close()


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (["[1, true]"], "pass"),
        (["[0.5, false]", "[0.5, true]"], "pass"),
        (["[null, false]", "[1, true]"], "pass"),
        (["[1, true]", "[5, true]"], "pass"),
        (["[true, true]"], "pass"),
        (["[1, false]"], "fail"),
        (["[0.99, true]"], "fail"),
        (["[0, true]", "[1, true]"], "fail"),
        (["[2, false]", "[-1.5, true]"], "fail"),
        (["[0, true]"], "fail"),
        (["[null, true]"], "unscored"),
        (["[NaN, true]"], "unscored"),
        ([], "unscored"),
    ],
)
async def test_enough_reward_at_the_end_of_the_episode_passes(gym: GymEnvironment, actions: list[str], status: str) -> None:
    verdict = await judge(gym, *actions)
    assert verdict.status == status
    assert verdict.reward == {"pass": 1.0, "fail": 0.0, "unscored": None}[status]
    assert verdict.checks


async def test_the_threshold_and_which_reward_counts_can_be_set(gym: GymEnvironment) -> None:
    assert (await judge(gym, "[0.2, false]", "[0.4, true]", threshold=0.5)).passed
    assert not (await judge(gym, "[0.2, false]", "[0.4, true]", threshold=0.5, of="last")).passed
    assert (await judge(gym, "[-3, false]", "[1, true]", of="last")).passed


async def test_without_an_episode_nothing_is_scored() -> None:
    verdict = await RewardVerifier(RewardVerifier.Config()).verify(Task(id="t", question="?", verifier="reward"), "done", None)
    assert (verdict.status, verdict.reward) == ("unscored", None)


async def test_an_environment_that_tells_of_no_reward_is_no_failure_of_the_branch() -> None:
    async with PythonEnvironment(PythonEnvironment.Config()) as python:
        task = Task(id="t", question="?", verifier="reward")
        episode = await python.reset(task)
        with pytest.raises(VerifierError, match="no reward"):
            await RewardVerifier(RewardVerifier.Config()).verify(task, "done", episode)
        await episode.close()
