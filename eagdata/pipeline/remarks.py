"""Remarks: what the teacher is told beside the trace, about its budget. They stand in requests alone, never in trace or row.

Executions counted down: the code execution budget of OpenMathReasoning (NeMo-Skills; Moshkov et al. 2025), where the prompt states how
often code may run, each output says how often it still may, and what exceeds it is dropped. There the count stays in the training rows;
here a row has the statement in its system prompt, and observations remain what the environment said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eagdata.contracts import Reply, Request
from eagdata.plan import Prompt
from eagdata.rollout import Crew, Propose
from eagdata.teachers.prompts import NUDGE, remaining


def remarked(crew: Crew, prompt: Prompt) -> Crew:
    """The crew with the budgets of `prompt`: its teacher hears of them, and its depth keeps the executions, since every turn of a branch
    but the last is an action that ran."""
    if prompt.executions is None and prompt.nudge_at_tokens is None:
        return crew
    depth = crew.limits.depth if prompt.executions is None else min(crew.limits.depth, prompt.executions + 1)
    return replace(crew, propose=_Remarks(crew.propose, prompt).propose, limits=replace(crew.limits, depth=depth))


class _Remarks:
    """Of one task."""

    def __init__(self, propose: Propose, prompt: Prompt) -> None:
        self._propose, self._prompt = propose, prompt
        self._tokens = {"": 0}  # completion tokens of a branch, by its path

    async def propose(self, path: str, request: Request) -> tuple[str, Reply]:
        place = path.removeprefix(".")
        before = place.rpartition(".")[0]
        last = request.messages[-1]
        content = "\n".join((last.content, *self._said(before)))
        key, reply = await self._propose(path, replace(request, messages=(*request.messages[:-1], replace(last, content=content))))
        self._tokens[place] = self._tokens[before] + (reply.usage.completion_tokens or 0)
        return key, reply

    def _said(self, branch: str) -> Iterator[str]:
        """To a branch that has run at least one action."""
        if not branch:
            return
        at, most = self._prompt.nudge_at_tokens, self._prompt.executions
        if most is not None:
            yield remaining(max(0, most - branch.count(".") - 1))
        if at is not None and self._tokens[branch.rpartition(".")[0]] < at <= self._tokens[branch]:
            yield NUDGE
