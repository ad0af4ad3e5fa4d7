"""Teacher calls of a run: each made once, held to the budget, and journaled before anyone sees its reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from eagdata.contracts import Reply, Request, Teacher
from eagdata.errors import Stopped
from eagdata.pipeline.budget import Budget
from eagdata.records import Message, well_formed
from eagdata.store import RunStore, call_key


@dataclass(kw_only=True)
class Calls:
    """The way from a rollout to its teacher, through the journal."""

    teacher: Teacher
    store: RunStore
    budget: Budget
    plan_digest: str
    stopping: asyncio.Event
    prefill: str = ""
    """What each reply is made to begin with."""
    in_flight: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def propose(self, task_id: str, path: str, request: Request) -> tuple[str, Reply]:
        """Journal key and reply: the journaled one if the call was completed before.

        Raises: Stopped; BudgetSpent; what the teacher and the store raise.
        """
        key = call_key(plan_digest=self.plan_digest, task_id=task_id, path=path, request=request)
        reply = self.store.reply(key)
        if reply is None:
            if self.stopping.is_set():
                raise Stopped("stopped before the next call")
            self.in_flight += 1
            try:
                reply = await self._call(request, key=key, task_id=task_id, path=path)
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self._idle.set()
        return key, reply

    async def settle(self) -> None:
        """Wait for the calls in flight: what is paid for is saved, also where the rollout around it has ended meanwhile."""
        while self.in_flight:
            self._idle.clear()
            await self._idle.wait()

    async def _call(self, request: Request, *, key: str, task_id: str, path: str) -> Reply:
        meter = self.budget.meter(key, task_id=task_id, path=path)
        try:
            reply = await self.teacher.propose(self._begun(request), meter)
        except BaseException:
            meter.abandon()
            raise
        content, reasoning = well_formed(self.prefill + reply.content), reply.reasoning and well_formed(reply.reasoning)
        if content is not reply.content or reasoning is not reply.reasoning:
            reply = replace(reply, content=content, reasoning=reasoning)
        await self.store.record_reply(key, reply, task_id=task_id, path=path, settles=meter.settle(reply.usage))
        return reply

    def _begun(self, request: Request) -> Request:
        if not self.prefill:
            return request
        return replace(request, messages=(*request.messages, Message(role="assistant", content=self.prefill)))
