"""The one loop: the search asks what to expand, the teacher proposes, the environment answers, the verifier judges, the search is told.

A task ends as a `Trace`, whatever happens. What goes wrong in somebody else's part (`BoundaryError`) becomes a `Failure` at
the node where it happened, and its siblings go on; any other error is the run's and is raised.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic

from eagdata.contracts import Environment, Episode, Feedback, Growth, Reply, Request, Search, Verifier
from eagdata.errors import BoundaryError
from eagdata.exporters.linear import linearize
from eagdata.recipe import Limits
from eagdata.records import Failure, Json, Leaf, Message, Node, Task, Trace, sha256
from eagdata.teachers.turns import parse_reply
from eagdata.verifiers.replay import prove, steps_of
from eagdata.verifiers.rules import drop_reason, repeats

Propose = Callable[[str, Request], Awaitable[tuple[str, Reply]]]
"""Branch path and request -> journal key and reply. A completed call is never made twice."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Everyone who takes part in the rollout of one task."""

    propose: Propose
    search: Search
    environment: Environment | None
    """None for a `raw` task: the teacher answers without acting."""
    judge: Environment | None
    """Where branches are re-executed: another sandbox, which shares no memory with the first."""
    verifier: Verifier
    prompt: tuple[Message, ...]
    tools: tuple[dict[str, Json], ...]
    stop: tuple[str, ...]
    limits: Limits
    replay_runs: int


async def rollout(task: Task, crew: Crew, *, seed: int) -> Trace:
    """Grow, judge and prove the trace of one task. Raises only what concerns the run: PrerequisiteError, StoreError, a bug."""
    growing = _Growing(task, crew, seed)
    failure = None
    try:
        if crew.environment:
            growing.states[None] = await crew.environment.reset(task)
        await growing.grow(crew.search.start(seed=seed))
        await growing.prove_leaves()
    except BoundaryError as error:
        failure = Failure.of(error)
    finally:
        await gather(*(state.close() for state in growing.states.values()))
    return growing.trace(failure)


class _Growing:
    """A trace on its way: its nodes, and the paused state of the environment that each of them owns."""

    def __init__(self, task: Task, crew: Crew, seed: int) -> None:
        self.task, self.crew, self.seed = task, crew, seed
        self.nodes: list[Node] = []
        self.leaves: list[Leaf] = []
        self.states: dict[int | None, Episode] = {}
        self.stopped: str | None = None
        self.actions = self.forks = 0
        self.started = monotonic()

    async def grow(self, growth: Growth) -> None:
        """Round by round, until the search is content or a limit is reached."""
        while asked := growth.ask():
            parents = [expansion.node for expansion in asked for _ in range(expansion.samples)]
            self.stopped = self.crew.limits.reached(self.nodes, asked=len(parents), elapsed_s=monotonic() - self.started)
            if self.stopped:
                return
            first = len(self.nodes)
            self.nodes += await together(*(self.propose(parent, self.nth(parents, i), growth) for i, parent in enumerate(parents)))
            self.nodes[first:] = [repeats(self.nodes, i) for i in range(first, len(self.nodes))]
            self.nodes[first:] = await together(*(self.act(i) for i in range(first, len(self.nodes))))
            for i in range(first, len(self.nodes)):
                solved = await self.judge(i)
                self.nodes[i] = replace(self.nodes[i], score=growth.tell(Feedback.of(i, self.nodes[i], solved=solved)))

    async def propose(self, parent: int | None, sample: int, growth: Growth) -> Node:
        """What the teacher does next, after what the search lets it see."""
        crew = self.crew
        node = Node(parent=parent, sample=sample, call="", status="failed")
        path = ".".join(str(self.nodes[i].sample) for i in self.path(parent)) + f".{sample}"
        view = linearize(crew.prompt, self.nodes, end=parent, view=growth.view, ahead=True)
        seed = int(sha256(f"{self.seed}/{path}")[:15], 16)
        try:
            key, reply = await crew.propose(path, Request(messages=view.messages, seed=seed, tools=crew.tools, stop=crew.stop, sample=sample))
        except BoundaryError as error:
            return replace(node, failure=Failure.of(error))
        turn = parse_reply(reply, language=crew.environment.language if crew.environment else "", allow_action=crew.environment is not None)
        status = "truncated" if turn.truncated else "void" if turn.void else "acted" if turn.action else "answered"
        if status == "acted" and len(self.path(parent)) + 1 >= crew.limits.depth:
            status = "truncated"
        return replace(
            node, call=key, status=status, content=turn.content, reasoning=turn.reasoning, thought=turn.thought, action=turn.action,
            answer=turn.answer, tool_calls=turn.tool_calls, finish_reason=reply.finish_reason, usage=reply.usage,
        )  # fmt: skip

    async def act(self, index: int) -> Node:
        """Run a new node's action in a fork of its parent's state, which itself stays as it is."""
        node = self.nodes[index]
        if node.status != "acted" or node.action is None:
            return node
        try:
            state = self.states[index] = await self.states[node.parent].fork()
            self.forks, self.actions = self.forks + 1, self.actions + 1
            return replace(node, observation=await state.step(node.action))
        except BoundaryError as error:
            return replace(node, status="failed", failure=Failure.of(error))

    async def judge(self, index: int) -> bool | None:
        """Whether a new answer is right; None if there is none or it could not be scored. A state is judged in a fork of it."""
        node, state = self.nodes[index], None
        if node.status != "answered":
            return None
        try:
            if self.crew.verifier.judges == "state" and self.crew.environment:
                state = await self.states[node.parent].fork()
            verdict = await self.crew.verifier.verify(self.task, node.answer, state)
        except BoundaryError as error:
            self.nodes[index] = replace(node, status="failed", failure=Failure.of(error))
            return None
        finally:
            if state:
                await state.close()
        self.leaves.append(Leaf(node=index, verdict=verdict, answer=node.answer))
        return None if verdict.reward is None else verdict.passed

    async def prove_leaves(self) -> None:
        """Hold every right answer against the rules of a row, then re-execute its branch from the start."""
        crew = self.crew
        for place, leaf in enumerate(self.leaves):
            if not leaf.verdict.passed:
                continue
            path = self.path(leaf.node)
            reason = drop_reason([self.nodes[i] for i in path], crew.verifier, raw=crew.environment is None)
            if reason is None:
                steps = steps_of(self.nodes, path)
                proof = await prove(self.task, steps, answer=leaf.answer, environment=crew.judge, verifier=crew.verifier, runs=crew.replay_runs)
                reason = None if proof.verdict.passed else "nondeterministic"
                leaf = replace(leaf, verdict=proof.verdict, replay_runs=proof.runs, replay_digest=proof.digest)
            self.leaves[place] = replace(leaf, drop=reason)

    def trace(self, failure: Failure | None) -> Trace:
        """The record. A fault at any node is the trace's, unless something graver ended it."""
        faults = (node.failure for node in self.nodes if node.failure)
        return Trace(
            task=self.task, prompt=self.crew.prompt, nodes=tuple(self.nodes), leaves=tuple(self.leaves), stopped=self.stopped, seed=self.seed,
            failure=failure or next(faults, None), actions=self.actions, forks=self.forks, time_s=monotonic() - self.started,
        )  # fmt: skip

    def path(self, node: int | None) -> tuple[int, ...]:
        return () if node is None else (*self.path(self.nodes[node].parent), node)

    def nth(self, parents: list[int | None], i: int) -> int:
        """Ordinal of a new child among all children of its parent."""
        return sum(node.parent == parents[i] for node in self.nodes) + parents[:i].count(parents[i])


async def together(*turns: Awaitable[Node]) -> list[Node]:
    """Results of all, in order. If one raises, the others are awaited first: a call that is paid for is never cut off."""
    results = await gather(*turns, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Node)]
