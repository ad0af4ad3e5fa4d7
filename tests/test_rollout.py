"""The loop: what is grown, judged, proved, and what becomes of every kind of failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from eagdata.contracts import CleanRoom, Environment, Episode, Reply, Request, Search
from eagdata.environments.python import PythonEnvironment
from eagdata.errors import EnvironmentFault, TeacherError
from eagdata.plan import Limits
from eagdata.records import Action, Message, Observation, Task, Trace
from eagdata.rollout import Crew, rollout
from eagdata.search.eag import EagSearch
from eagdata.search.linear_retry import LinearRetrySearch
from eagdata.testing import ScriptedTeacher, clean_room
from eagdata.verifiers.answers import NumberVerifier

TASK = Task(id="t", question="What is 6 * 7?", verifier="number", reference="42", answer="42")
SIX = "Six first.\n\n```python\nx = 6\nprint(x)\n```"
WRONG_NAME = "Multiply.\n\n```python\nprint(y * 7)\n```"
RIGHT = "With the right name.\n\n```python\nprint(x * 7)\n```"
ANSWER = "It is \\boxed{42}."

Script = Mapping[tuple[int, int], str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandboxes() -> AsyncIterator[tuple[Environment, CleanRoom]]:
    judge = PythonEnvironment(PythonEnvironment.Config())
    async with PythonEnvironment(PythonEnvironment.Config()) as live, clean_room({"python": judge}) as clean:
        yield live, clean


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def grow(
    script: Script | ScriptedTeacher,
    sandboxes: tuple[Environment, CleanRoom],
    *,
    search: Search | None = None,
    limits: Limits | None = None,
) -> Trace:
    teacher = script if isinstance(script, ScriptedTeacher) else ScriptedTeacher(script)

    async def propose(path: str, request: Request) -> tuple[str, Reply]:
        return path, await teacher.propose(request)

    crew = Crew(
        propose=propose, search=search or EagSearch(EagSearch.Config(solutions=1, width=2, tau=0.5)),
        environment=sandboxes[0], clean=sandboxes[1],
        verifier=NumberVerifier(NumberVerifier.Config()), prompt=(Message(role="user", content=TASK.question),),
        tools=(), stop=(), limits=limits or Limits(), view="linear_retry", replay_runs=2,
    )  # fmt: skip
    return await rollout(TASK, crew, seed=1)


async def test_a_straight_solution_is_verified_and_replayed_twice(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): SIX, (1, 0): RIGHT, (2, 0): ANSWER}, sandboxes)
    (leaf,) = trace.verified_leaves()
    assert leaf.answer == "42"
    assert leaf.replay_runs == 2
    assert leaf.replay_digest
    assert [node.status for node in trace.nodes] == ["acted", "acted", "answered"]
    assert trace.nodes[1].observation
    assert trace.nodes[1].observation.text.strip() == "42"
    assert (trace.actions, trace.forks) == (2, 2)
    assert trace.failure is None
    assert trace.usage.calls == 3


async def test_an_error_is_branched_at_and_recovered_from(sandboxes: tuple[Environment, CleanRoom]) -> None:
    script = {(0, 0): SIX, (1, 0): WRONG_NAME, (2, 0): RIGHT, (2, 1): RIGHT + "\n# again", (3, 0): ANSWER}
    trace = await grow(script, sandboxes)
    (leaf,) = list(trace.verified_leaves())[:1]
    statuses = [node.observation.status for node in trace.branch(leaf) if node.observation]
    assert statuses == ["ok", "error", "ok"]
    assert len(trace.siblings(2)) == 1
    assert trace.nodes[1].score is not None
    assert trace.nodes[1].score > 0.5


async def test_the_teacher_is_shown_the_observations_and_never_the_reference(sandboxes: tuple[Environment, CleanRoom]) -> None:
    teacher = ScriptedTeacher({(0, 0): SIX, (1, 0): WRONG_NAME, (2, 0): "I give up: \\boxed{1}"})
    await grow(teacher, sandboxes, search=LinearRetrySearch(LinearRetrySearch.Config(retries=0, backtracks=0)))
    assert teacher.requests[1].messages[-1].content == "Output:\n6\n"
    assert all("42" not in message.content for request in teacher.requests for message in request.messages)


async def test_linear_retry_shows_the_failed_attempt_and_restores_the_state(sandboxes: tuple[Environment, CleanRoom]) -> None:
    broken = "Break it.\n\n```python\nx = 0\nprint(x / 0)\n```"
    teacher = ScriptedTeacher({(0, 0): SIX, (1, 0): broken, (2, 1): RIGHT, (3, 0): ANSWER})
    trace = await grow(teacher, sandboxes, search=LinearRetrySearch(LinearRetrySearch.Config()))
    assert teacher.requests[2].messages[-1].content.endswith("(The state is back to what it was before this step.)")
    (leaf,) = trace.verified_leaves()
    assert [node.parent for node in trace.nodes] == [None, 0, 0, 2]
    assert trace.branch(leaf)[1].observation == trace.nodes[2].observation
    assert trace.nodes[2].observation
    assert trace.nodes[2].observation.text.strip() == "42"


async def test_a_wrong_answer_is_no_row_and_a_fault_of_nobody(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): SIX, (1, 0): "So \\boxed{6}."}, sandboxes)
    assert not list(trace.verified_leaves())
    assert {leaf.verdict.status for leaf in trace.leaves} == {"fail"}
    assert trace.failure is None


async def test_an_answer_that_no_output_shows_is_dropped(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): SIX, (1, 0): ANSWER}, sandboxes)
    assert {leaf.drop for leaf in trace.leaves} == {"unsupported_answer"}


async def test_the_search_goes_on_after_a_right_answer_that_can_be_no_row(sandboxes: tuple[Environment, CleanRoom]) -> None:
    both = "Both.\n\n```python\nprint(6 * 7)\n```"
    trace = await grow({(0, 0): ANSWER, (0, 1): both, (1, 0): ANSWER}, sandboxes)
    assert [leaf.drop for leaf in trace.leaves] == ["unsupported_answer", None]


async def test_an_answer_without_any_action_is_dropped(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): ANSWER}, sandboxes)
    assert {leaf.drop for leaf in trace.leaves} == {"unsupported_answer"}


async def test_a_void_turn_ends_its_branch(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): "Let me think about it."}, sandboxes)
    assert {node.status for node in trace.nodes} == {"void"}
    assert not trace.leaves


async def test_failed_code_is_not_run_a_second_time(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): WRONG_NAME, (1, 0): WRONG_NAME}, sandboxes)
    assert trace.actions == 1
    assert "repeated" in {node.status for node in trace.nodes}


async def test_a_branch_that_differs_between_runs_is_dropped_as_nondeterministic(sandboxes: tuple[Environment, CleanRoom]) -> None:
    dice = "Roll.\n\n```python\nimport os\nprint(42, os.urandom(8).hex())\n```"
    trace = await grow({(0, 0): dice, (1, 0): ANSWER}, sandboxes)
    assert {(leaf.drop, leaf.verdict.status) for leaf in trace.leaves} == {("nondeterministic", "flaky")}


async def test_limits_end_the_growth_and_say_which(sandboxes: tuple[Environment, CleanRoom]) -> None:
    steps = {(i, 0): f"Step.\n\n```python\nprint({i})\n```" for i in range(30)}
    assert (await grow(steps, sandboxes, limits=Limits(nodes=5, depth=30))).stopped == "nodes"
    deep = await grow(steps, sandboxes, limits=Limits(nodes=60, depth=3))
    assert max(len(deep.path(i)) for i in range(len(deep.nodes))) == 3
    assert "truncated" in {node.status for node in deep.nodes}
    assert (await grow(steps, sandboxes, limits=Limits(tokens=3, depth=30))).stopped == "tokens"
    assert (await grow(steps, sandboxes, limits=Limits(wall_s=0.0))).stopped == "wall_s"


async def test_a_teacher_that_gives_up_is_a_failure_and_its_siblings_go_on(sandboxes: tuple[Environment, CleanRoom]) -> None:
    def script(request: Request) -> str | TeacherError:
        turn = sum(message.role == "assistant" for message in request.messages)
        if turn == 1 and request.sample == 1:
            return TeacherError("the endpoint gave up")
        return [WRONG_NAME, SIX + "\nprint(x * 7)", ANSWER][turn] if turn != 1 else "Both.\n\n```python\nx = 6\nprint(x * 7)\n```"

    trace = await grow(ScriptedTeacher(script), sandboxes)
    assert [node.status for node in trace.nodes].count("failed") == 1
    assert trace.failure is not None
    assert trace.failure.boundary == "teacher"
    assert list(trace.verified_leaves())


class BrokenBox:
    """An environment whose box fails at the second action."""

    name = version = language = "python"
    isolation = "process"

    def __init__(self, inner: Environment) -> None:
        self.inner = inner

    def instructions(self) -> str:
        return ""

    async def reset(self, task: Task) -> Episode:
        return BrokenEpisode(await self.inner.reset(task), 0)

    async def __aenter__(self) -> BrokenBox:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Not ours to close."""


class BrokenEpisode:
    def __init__(self, inner: Episode, steps: int) -> None:
        self.inner, self.steps = inner, steps

    async def step(self, action: Action) -> Observation:
        self.steps += 1
        if self.steps == 2:
            raise EnvironmentFault("the box died")
        return await self.inner.step(action)

    async def fork(self) -> Episode:
        return BrokenEpisode(await self.inner.fork(), self.steps)

    async def close(self) -> None:
        await self.inner.close()


async def test_a_box_that_dies_is_a_failure_and_no_observation(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): SIX, (1, 0): RIGHT, (2, 0): ANSWER}, (BrokenBox(sandboxes[0]), sandboxes[1]))
    assert trace.failure is not None
    assert trace.failure.boundary == "environment"
    assert trace.nodes[1].status == "failed"
    assert trace.nodes[1].observation is None
    assert not trace.leaves


async def test_a_bug_is_not_caught(sandboxes: tuple[Environment, CleanRoom]) -> None:
    def script(request: Request) -> str:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        await grow(ScriptedTeacher(script), sandboxes)


async def test_the_same_seed_and_replies_give_the_same_tree(sandboxes: tuple[Environment, CleanRoom]) -> None:
    script = {(0, 0): SIX, (1, 0): WRONG_NAME, (2, 0): RIGHT, (2, 1): RIGHT + "\n# again", (3, 0): ANSWER}
    one, other = await grow(script, sandboxes), await grow(script, sandboxes)
    assert [(n.parent, n.sample, n.status, n.content, n.score) for n in one.nodes] == [
        (n.parent, n.sample, n.status, n.content, n.score) for n in other.nodes
    ]
    assert [n.observation and n.observation.digest for n in one.nodes] == [n.observation and n.observation.digest for n in other.nodes]
    assert [leaf.replay_digest for leaf in one.leaves] == [leaf.replay_digest for leaf in other.leaves]


async def test_every_call_has_a_seed_of_its_own(sandboxes: tuple[Environment, CleanRoom]) -> None:
    teacher = ScriptedTeacher({(0, 0): WRONG_NAME, (1, 0): SIX, (1, 1): RIGHT, (2, 0): "No.\n\\boxed{0}"})
    await grow(teacher, sandboxes)
    seeds = [request.seed for request in teacher.requests]
    assert len(set(seeds)) == len(seeds) > 3


async def test_a_wrong_answer_is_not_executed_again(sandboxes: tuple[Environment, CleanRoom]) -> None:
    trace = await grow({(0, 0): SIX, (1, 0): "So \\boxed{6}."}, sandboxes)
    assert {(leaf.replay_runs, leaf.replay_digest, leaf.drop) for leaf in trace.leaves} == {(0, None, None)}


class CountingBox(BrokenBox):
    """An environment that counts its fresh episodes."""

    resets = 0

    async def reset(self, task: Task) -> Episode:
        self.resets += 1
        return await self.inner.reset(task)


class CountingRoom:
    """A clean room that counts its fresh episodes."""

    def __init__(self, inner: CleanRoom) -> None:
        self.inner, self.episodes = inner, 0

    def episode(self, task: Task) -> AbstractAsyncContextManager[Episode]:
        self.episodes += 1
        return self.inner.episode(task)


async def test_branches_are_proved_in_clean_rooms(sandboxes: tuple[Environment, CleanRoom]) -> None:
    live, clean = CountingBox(sandboxes[0]), CountingRoom(sandboxes[1])
    await grow({(0, 0): SIX, (1, 0): RIGHT, (2, 0): ANSWER}, (live, clean))
    assert (live.resets, clean.episodes) == (1, 2)


async def test_a_failed_attempt_that_the_row_will_show_is_executed_again_too(sandboxes: tuple[Environment, CleanRoom]) -> None:
    dice = "Break it.\n\n```python\nimport os\nraise ValueError(os.urandom(8).hex())\n```"
    script = {(0, 0): SIX, (1, 0): dice, (2, 1): RIGHT, (3, 0): ANSWER}
    trace = await grow(script, sandboxes, search=LinearRetrySearch(LinearRetrySearch.Config()))
    assert [leaf.drop for leaf in trace.leaves] == ["nondeterministic"]
