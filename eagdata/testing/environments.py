"""The contract of an environment, as assertions."""

from __future__ import annotations

from collections.abc import Sequence

from eagdata.contracts import Environment
from eagdata.records import Action, Task


async def check_environment(environment: Environment, task: Task, actions: Sequence[str], *, failing: str) -> None:
    """Run `actions` live, forked and replayed; `failing` is an action that ends in an error.

    Raises: AssertionError that says which line of the contract is broken; what the environment raises.
    """
    async with environment:
        assert environment.isolation, "an opened environment does not say in which tier actions run"
        texts = [Action(kind=environment.language, text=text) for text in actions]
        live = await environment.reset(task)
        seen = [(await live.step(action)).digest for action in texts]
        fresh = await environment.reset(task)
        assert [(await fresh.step(action)).digest for action in texts] == seen, "a replay from the start shows something else"
        forked = await environment.reset(task)
        for action, digest in zip(texts, seen, strict=True):
            branch = await forked.fork()
            await forked.close()
            assert (await branch.step(action)).digest == digest, "a fork shows something else than a replay"
            forked = branch
        observation = await forked.step(Action(kind=environment.language, text=failing))
        assert observation.status != "ok", "a failing action is called ok"
        assert (await live.step(texts[-1])).status, "closing and failing elsewhere ended an episode"
        for episode in (live, fresh, forked):
            await episode.close()
            await episode.close()
