"""The one loop: the search asks what to expand, the teacher proposes, the environment answers, the verifier judges, the search is told.

A task ends as a `Trace`. What goes wrong in somebody else's part (`BoundaryError`) becomes a `Failure` at its node, and the siblings
go on; a spent budget ends the growth, keeping what is verified; any other error is the run's and is raised."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic

from eagdata.contracts import CleanRoom, Environment, Episode, Feedback, Growth, Reply, Request, Search, Verifier
from eagdata.errors import BoundaryError, BudgetSpent
from eagdata.exporters.linear import View, linearize
from eagdata.plan import Limits
from eagdata.records import Failure, Json, Leaf, Message, Node, Step, Task, Trace, path_to, sha256
from eagdata.teachers.turns import parse_reply
from eagdata.verifiers.replay import Proof, judge, prove, steps_of
from eagdata.verifiers.rules import drop_reason, repeats

Propose = Callable[[str, Request], Awaitable[tuple[str, Reply]]]
"""Branch path and request -> journal key and reply. A completed call is never made twice."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Everyone who takes part. No `environment`: the teacher only answers. Proofs are made in `clean` rooms."""

    propose: Propose
    search: Search
    environment: Environment | None
    clean: CleanRoom
    verifier: Verifier
    prompt: tuple[Message, ...]
    tools: tuple[dict[str, Json], ...]
    stop: tuple[str, ...]
    limits: Limits
    view: View
    replay_runs: int


async def rollout(task: Task, crew: Crew, *, seed: int) -> Trace:
    """Grow, judge and prove the trace of one task. Raises only what concerns the run: PrerequisiteError, StoreError, a bug."""
    growing, failure = _Growing(task, crew, seed), None
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
        self.started, self.actions, self.forks = monotonic(), 0, 0

    async def grow(self, growth: Growth) -> None:
        """Round by round, until the search is content or a limit is reached: of the plan, or of the run's budget."""
        while asked := growth.ask():
            places = [(e.node, sum(n.parent == e.node for n in self.nodes) + k) for e in asked for k in range(e.samples)]
            if stopped := self.crew.limits.reached(self.nodes, asked=len(places), elapsed_s=monotonic() - self.started):
                self.stopped = stopped
                return
            new = range(len(self.nodes), len(self.nodes) + len(places))
            try:
                self.nodes += await gather(*(self.propose(parent, sample, growth) for parent, sample in places))
            except BudgetSpent:
                self.stopped = "budget"
                return
            self.nodes[new.start :] = [repeats(self.nodes, i) for i in new]
            self.nodes[new.start :] = await gather(*(self.act(i) for i in new))
            for i in new:
                leaf = await self.judge(i)
                self.nodes[i] = replace(self.nodes[i], score=growth.tell(Feedback.of(i, self.nodes[i], leaf=leaf)))

    async def propose(self, parent: int | None, sample: int, growth: Growth) -> Node:
        """What the teacher does next, after what the search lets it see."""
        crew, before = self.crew, path_to(self.nodes, parent)
        node = Node(parent=parent, sample=sample, call="", status="failed")
        path = ".".join(str(self.nodes[i].sample) for i in before) + f".{sample}"
        view = linearize(crew.prompt, self.nodes, end=parent, view=growth.view, ahead=True)
        seed = int(sha256(f"{self.seed}/{path}")[:15], 16)
        request = Request(messages=view.messages, seed=seed, tools=crew.tools, stop=crew.stop, sample=sample, group=self.seed)
        try:
            key, reply = await crew.propose(path, request)
        except BoundaryError as error:
            return replace(node, failure=Failure.of(error))
        turn = parse_reply(reply, language=crew.environment.language if crew.environment else None)
        status = "truncated" if turn.action and len(before) + 1 >= crew.limits.depth else turn.status
        return replace(
            node, call=key, status=status, content=turn.content, reasoning=turn.reasoning, thought=turn.thought, action=turn.action,
            answer=turn.answer, tool_calls=turn.tool_calls, finish_reason=reply.finish_reason, usage=reply.usage,
        )  # fmt: skip

    async def act(self, index: int) -> Node:
        """Run a new node's action in a fork of its parent's state, which itself stays as it is."""
        if (node := self.nodes[index]).status != "acted" or not node.action:
            return node
        try:
            state = self.states[index] = await self.states[node.parent].fork()
            self.forks, self.actions = self.forks + 1, self.actions + 1
            return replace(node, observation=await state.step(node.action))
        except BoundaryError as error:
            return replace(node, status="failed", failure=Failure.of(error))

    async def judge(self, index: int) -> Leaf | None:
        """What a new answer is, and whether it may become a row; None if there is none or it could not be judged."""
        crew = self.crew
        if (node := self.nodes[index]).status != "answered":
            return None
        try:
            verdict = await judge(self.task, node.answer, verifier=crew.verifier, state=self.states.get(node.parent), clean=crew.clean)
        except BoundaryError as error:
            self.nodes[index] = replace(node, status="failed", failure=Failure.of(error))
            return None
        branch, raw = [self.nodes[i] for i in path_to(self.nodes, index)], crew.environment is None
        reason = drop_reason(branch, crew.verifier, raw=raw) if verdict.passed else None
        self.leaves.append(leaf := Leaf(node=index, verdict=verdict, answer=node.answer, drop=reason))
        return leaf

    async def prove_leaves(self) -> None:
        """Re-execute from the start all that the row of each right answer will show, unless it breaks a rule; what shows the same, once."""
        crew, proofs = self.crew, dict[tuple[tuple[Step, ...], str | None], Proof]()
        for place, leaf in [(i, leaf) for i, leaf in enumerate(self.leaves) if leaf.verified]:
            key = (steps_of(self.nodes, linearize((), self.nodes, end=leaf.node, view=crew.view).shown), leaf.answer)
            proof = proofs.get(key) or await prove(self.task, *key, clean=crew.clean, verifier=crew.verifier, runs=crew.replay_runs)
            proofs[key] = proof
            proved = replace(leaf, verdict=proof.verdict, replay_runs=proof.runs, replay_digest=proof.digest)
            self.leaves[place] = proved if proof.verdict.passed else replace(proved, drop="nondeterministic")

    def trace(self, failure: Failure | None) -> Trace:
        """The record. A fault at any node is the trace's, unless something graver ended it."""
        failure = failure or next((node.failure for node in self.nodes if node.failure), None)
        return Trace(
            task=self.task, prompt=self.crew.prompt, nodes=tuple(self.nodes), leaves=tuple(self.leaves), stopped=self.stopped,
            failure=failure, actions=self.actions, forks=self.forks, time_s=monotonic() - self.started, seed=self.seed,
        )  # fmt: skip
