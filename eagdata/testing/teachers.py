"""The contract of a teacher, as assertions."""

from __future__ import annotations

import json

from eagdata.contracts import Request, Teacher


async def check_teacher(teacher: Teacher, request: Request) -> None:
    """One call. Raises: AssertionError that says which line of the contract is broken; what the teacher raises."""
    async with teacher:
        assert teacher.name, "a teacher without a name cannot be credited in a row"
        reply = await teacher.propose(request)
        assert isinstance(reply.content, str), f"the content is {type(reply.content).__name__}"
        assert reply.usage.calls == 1, f"one call counts as {reply.usage.calls}"
        json.dumps(teacher.sampling())
