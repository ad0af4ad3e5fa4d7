"""Prefix correction: what a teacher could not solve, a stronger one goes on with, from the good turns of the failed branches.

Source: output-space shaping of ToRA (Gou et al. 2023, section 2.3): the student's wrong trajectories are cut, and a larger model
completes them. There a trajectory is cut after each of its lines; here after each action that ran without an error, since half an
action was never observed. The environment's state is not rebuilt: it is forked where the branch left it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from eagdata.contracts import Expansion, Feedback, Growth, Reply, Request, Teacher
from eagdata.pipeline.calls import Calls
from eagdata.records import Json
from eagdata.rollout import Crew


@dataclass(frozen=True, slots=True)
class Corrector:
    """The stronger teacher, and the way to it through journal and budget."""

    teacher: Teacher
    calls: Calls


class Correction:
    """One task with a corrector: the search of its crew, and, where that solved nothing, one more line from each cut.

    To the rollout it is a search like any other, so the trace stays one tree. The cuts come deepest first: they keep most. The last one
    may be the place before the first turn, of branches whose first action failed. A line ends with an answer, or with a reply that
    cannot be run; the first right answer ends the correction. A trace with a fault is left as it is: it will be tried again.
    """

    view: Literal["direct", "linear_retry"] = "direct"

    def __init__(self, corrector: Corrector, crew: Crew, *, task_id: str) -> None:
        self._corrector, self._crew, self._task_id = corrector, crew, task_id
        self._growth: Growth
        self._told: dict[int, Feedback] = {}
        self._cuts: Iterator[Expansion] | None = None  # still to come, once the search is over
        self._due: tuple[Expansion, ...] = ()
        self.nodes: list[int] = []
        """Indices of the corrector's turns."""

    @property
    def crew(self) -> Crew:
        """The crew that takes part instead of the given one."""
        return replace(self._crew, search=self, propose=self.propose)

    def start(self, *, seed: int) -> Growth:
        self._growth = self._crew.search.start(seed=seed)
        self.view = self._growth.view
        return self

    async def propose(self, path: str, request: Request) -> tuple[str, Reply]:
        """Asks whoever's turn it is. A corrector is asked for no siblings. Raises: what the call raises."""
        if self._cuts is None:
            return await self._crew.propose(path, request)
        return await self._corrector.calls.propose(self._task_id, f"correction/{path}", replace(request, sample=0))

    def ask(self) -> tuple[Expansion, ...]:
        """What the search asks for while it may; after it, if nothing is solved, the next turn of a correction."""
        if self._cuts is None:
            limits, solved = self._crew.limits, any(told.solved for told in self._told.values())
            asked = self._growth.ask()
            wanted = len(self._told) + sum(expansion.samples for expansion in asked)
            if asked and (solved or wanted <= limits.nodes - limits.correction):
                return asked
            faulty = any(told.status == "failed" for told in self._told.values())
            self._cuts = iter(() if solved or faulty else self._good_turns())
            self._due = tuple(islice(self._cuts, 1))
        return self._due

    def tell(self, feedback: Feedback) -> float | None:
        if self._cuts is None:
            self._told[feedback.node] = feedback
            return self._growth.tell(feedback)
        if feedback.node not in self._told:
            self._told[feedback.node] = feedback
            self.nodes.append(feedback.node)
            ended = feedback.solved or feedback.status == "failed"
            acted = feedback.status == "acted"
            self._due = (Expansion(node=feedback.node),) if acted else () if ended else tuple(islice(self._cuts, 1))
        return None

    def signed(self) -> dict[str, Json]:
        """Whose turns are in the trace beside its teacher's, for `Trace.sampling`; empty if there are none."""
        if not self.nodes:
            return {}
        teacher = self._corrector.teacher
        return {"correction": {**teacher.sampling(), "teacher": teacher.name, "nodes": list[Json](self.nodes)}}

    def _good_turns(self) -> list[Expansion]:
        """All turns that ran without an error, the deepest first, and at last the place before the first turn."""
        depth: dict[int | None, int] = {None: 0}
        for node, told in self._told.items():
            depth[node] = depth[told.parent] + 1
        ran = [node for node, told in self._told.items() if told.status == "acted" and not told.error]
        return [Expansion(node=node) for node in [*sorted(ran, key=lambda node: (-depth[node], node)), None]]
