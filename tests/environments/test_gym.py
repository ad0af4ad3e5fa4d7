from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eagdata.contracts import Episode
from eagdata.environments.gym import GymEnvironment
from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.records import Action, Json, Observation, Task
from eagdata.testing import check_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP = '''
import dataclasses
import random


class Counter:
    """Gymnasium's shape, with state that no pickle could take: a generator."""

    def __init__(self, goal=3):
        self.goal = goal

    def reset(self, *, seed=None, options=None):
        self.random = random.Random(seed)
        self.numbers = (number for number in range(100))
        return {"at": next(self.numbers), "seed": seed}, {}

    def step(self, action):
        if action == "fail":
            raise ValueError("it fails")
        at = next(self.numbers)
        self.state = {"at": at}
        return (at, self.random.random()), 1.0 if at == self.goal else None, at == self.goal, at > 90, {}


class Silent(Counter):
    def step(self, action):
        return "nothing", None, True, False, {}


@dataclasses.dataclass
class Buy:
    item: str
    count: int = 1


@dataclasses.dataclass
class Basket:
    items: list
    done: bool = False
    reward: float | None = None
    metadata: dict | None = None


class Mixer:
    """Gymnasium's shape, with a composed space of actions."""

    def __init__(self):
        from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Tuple

        self.action_space = Dict({"pan": Box(-1, 1, (2,)), "mute": MultiBinary(2), "at": Tuple((Discrete(3), Discrete(2)))})

    def reset(self, seed=None, options=None):
        return 0, {}

    def step(self, action):
        assert self.action_space.contains(action)
        return {"at": [int(part) for part in action["at"]], "mute": action["mute"].tolist()}, 0.0, False, False, {}


class Shop:
    """OpenEnv's shape."""

    def reset(self, seed=None, episode_id=None, **kwargs):
        self.items = []
        return Basket([])

    def step(self, action: Buy, timeout_s=None):
        self.items += [action.item] * action.count
        return Basket(list(self.items), done=len(self.items) >= 3, reward=len(self.items) / 3)

    @property
    def state(self):
        return {"step_count": len(self.items)}
'''


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=("namespaces", "landlock", "process"))
async def environment(request: pytest.FixtureRequest) -> AsyncIterator[GymEnvironment]:
    async with GymEnvironment(GymEnvironment.Config(isolation=request.param, min_isolation="process")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gym() -> AsyncIterator[GymEnvironment]:
    async with GymEnvironment(GymEnvironment.Config()) as opened:
        yield opened


def task(*, seed: int = 0, **environment_config: Json) -> Task:
    return Task(id="t", question="?", verifier="reward", environment="gym", seed=seed, environment_config=environment_config)


def shop(name: str, *, seed: int = 0, **environment_config: Json) -> Task:
    return task(seed=seed, target=f"shop:{name}", files={"shop.py": SHOP}, **environment_config)


async def act(episode: Episode, text: str) -> Observation:
    return await episode.step(Action(kind="action", text=text))


async def play(gym: GymEnvironment, asked: Task, *actions: str) -> list[Observation]:
    episode = await gym.reset(asked)
    try:
        return [await act(episode, action) for action in actions]
    finally:
        await episode.close()


async def told(episode: Episode, kind: str) -> Json:
    found: Json = json.loads((await episode.step(Action(kind=kind, text=""))).value or "")
    return found


async def test_keeps_the_contract_of_an_environment() -> None:
    pytest.importorskip("gymnasium", reason="needs the extra gym")
    made = GymEnvironment(GymEnvironment.Config(target="FrozenLake-v1", kwargs={"render_mode": "ansi"}))
    await check_environment(made, task(seed=3), ["observe", "2", "1", "2"], failing="9")


@pytest.mark.parametrize("name", ["FrozenLake-v1", "Taxi-v4", "CartPole-v1"])
async def test_a_seed_of_gymnasium_gives_one_course_live_forked_and_replayed(environment: GymEnvironment, name: str) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra gym")
    actions = ["observe", "1", "0", "1", "1", "0"]
    linear = await play(environment, task(seed=7, target=name), *actions)
    assert [each.status for each in linear[:3]] == ["ok"] * 3
    episode = await environment.reset(task(seed=7, target=name))
    forked = []
    for action in actions:
        branch = await episode.fork()
        await act(episode, "0")
        await episode.close()
        episode = branch
        forked.append(await act(episode, action))
    await episode.close()
    assert [each.text for each in forked] == [each.text for each in linear]
    others = [await play(environment, task(seed=seed, target=name), *actions) for seed in range(8, 14)]
    assert any([each.text for each in other] != [each.text for each in linear] for other in others)


async def test_any_live_object_is_forked_with_all_that_it_holds(environment: GymEnvironment) -> None:
    episode = await environment.reset(shop("Counter", seed=5))
    await act(episode, "null")
    branch = await episode.fork()
    first, second = await act(episode, "1"), await act(episode, "1")
    assert [(await act(branch, "1")).text, (await act(branch, "1")).text] == [first.text, second.text]
    assert await told(branch, "reward") == {"total": 1.0, "last": 1.0, "done": True}
    await episode.close()
    await branch.close()


async def test_an_object_of_the_tasks_own_files_is_seeded_and_observed(gym: GymEnvironment) -> None:
    (seen,) = await play(gym, shop("Counter", seed=11), "observe")
    assert seen.text == 'actions: {}\n{"at": 0, "seed": 11}\n'


async def test_openenvs_actions_are_made_from_their_fields(environment: GymEnvironment) -> None:
    episode = await environment.reset(shop("Shop"))
    seen = [await act(episode, text) for text in ("observe", '{"item": "pear"}', '{"item": 3, "price": 2}', '{"item": "fig", "count": 2}')]
    assert [each.text for each in seen if each.status == "ok"] == [
        'actions: {"item": "str", "count": "int"}\n{"items": []}\n',
        '{"items": ["pear"]}\n',
        '{"items": ["pear", "fig", "fig"]}\n',
    ]
    assert seen[2].kind == "InvalidAction"
    assert await told(episode, "reward") == {"total": 4 / 3, "last": 1.0, "done": True}
    assert await told(episode, "state") == {"step_count": 3}
    await episode.close()


async def test_reward_and_end_are_shown_only_when_asked_for(gym: GymEnvironment) -> None:
    hidden = await play(gym, shop("Shop"), '{"item": "pear", "count": 3}')
    shown = await play(gym, shop("Shop", show_reward=True), "observe", '{"item": "pear", "count": 3}')
    assert hidden[0].text == '{"items": ["pear", "pear", "pear"]}\n'
    assert shown[1].text == '{"items": ["pear", "pear", "pear"]}\nreward: 1.0, done: true\n'


async def test_nothing_is_done_once_the_episode_is_over(gym: GymEnvironment) -> None:
    episode = await gym.reset(shop("Shop"))
    await act(episode, '{"item": "pear", "count": 3}')
    before = await told(episode, "reward")
    late = await act(episode, '{"item": "pear"}')
    assert (late.status, late.kind) == ("error", "EpisodeOver")
    assert await told(episode, "reward") == before
    assert (await act(episode, "observe")).status == "ok"
    await episode.close()


@pytest.mark.parametrize("text", ["", "left", "[1", "9", "-1", "1.5", '"1"', "[1]", "{}", "null", "NaN", "1" * 5000, "[" * 100_000])
async def test_an_invalid_action_is_an_error_and_changes_nothing(gym: GymEnvironment, text: str) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra gym")
    episode = await gym.reset(task(target="FrozenLake-v1", kwargs={"is_slippery": False}))
    seen = await act(episode, text)
    assert (seen.status, seen.kind) == ("error", "InvalidAction")
    assert await told(episode, "reward") == {"total": None, "last": None, "done": False}
    assert (await act(episode, "2")).text == "1\n"
    await episode.close()


async def test_actions_of_composed_spaces_are_written_as_they_are_nested(gym: GymEnvironment) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra gym")
    right = {"pan": [0.1, -1.0], "mute": [1, 0], "at": [2, 0]}
    wrong: list[dict[str, Json]] = [{"pan": [0.1, -2.0]}, {"mute": [1, 2]}, {"mute": [1]}, {"at": [2]}, {"at": [2, 0.5]}, {"more": 1}]
    seen = await play(gym, shop("Mixer"), json.dumps(right), *(json.dumps(right | each) for each in wrong))
    assert seen[0].text == '{"at": [2, 0], "mute": [1, 0]}\n'
    assert [each.kind for each in seen[1:]] == ["InvalidAction"] * len(wrong)


async def test_what_the_object_raises_is_an_error_of_the_action(gym: GymEnvironment) -> None:
    failed, after = await play(gym, shop("Counter"), '"fail"', "0")
    assert (failed.status, failed.kind) == ("error", "ValueError")
    assert "it fails" in failed.text
    assert after.status == "ok"


async def test_text_actions_reach_the_object_as_they_are(gym: GymEnvironment) -> None:
    failed, seen = await play(gym, shop("Counter", actions="text"), " fail ", "[1")
    assert failed.kind == "ValueError"
    assert seen.status == "ok"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "target"),
        ({"target": "NoSuchLake-v1"}, "NoSuchLake"),
        ({"target": "shop:Shop", "files": {"shop.py": "1/0"}}, "ZeroDivisionError"),
        ({"target": "shop:Stall", "files": {"shop.py": SHOP}}, "Stall"),
        ({"target": "shop:Shop", "files": {"shop.py": SHOP}, "kwargs": {"size": 3}}, "takes no arguments"),
        ({"target": "shop:Shop", "files": {"shop.py": SHOP}, "actions": "yaml"}, "yaml"),
        ({"target": "shop:Shop", "goal": 3}, "goal"),
    ],
)
async def test_wrong_settings_are_an_error_of_the_task(gym: GymEnvironment, config: dict[str, Json], why: str) -> None:
    pytest.importorskip("gymnasium", reason="needs the extra gym")
    with pytest.raises(RecipeError) as raised:
        await gym.reset(task(**config))
    assert why in str(raised.value)


async def test_a_module_that_a_box_cannot_read_is_named(gym: GymEnvironment) -> None:
    with pytest.raises(PrerequisiteError, match="no_such_shop"):
        await gym.reset(task(target="no_such_shop.front:Shop"))
    with pytest.raises(PrerequisiteError, match="tests"):
        await gym.reset(task(target="tests.environments.test_gym:Shop"))
