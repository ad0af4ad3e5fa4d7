"""Many episodes at a time with hostile actions among them: a small one of what `soak.py` runs at length."""

from __future__ import annotations

import pytest

from .soak import soak


@pytest.mark.parametrize("tier", ["namespaces", "landlock"])
async def test_every_answer_belongs_to_the_episode_that_was_asked_and_nothing_is_left(tier: str) -> None:
    run = await soak(actions=600, episodes=16, tier=tier)
    assert run.wrong == []
    assert run.done["hostile"] >= 6
    assert run.done["forks"] >= 6
