"""Calls that ask the same thing: siblings of one node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from eagdata.contracts import Meter, Reply, Request
from eagdata.records import Message

Ask = Callable[[Request, Meter, int], Awaitable[tuple[Reply, ...]]]
"""One request for that many replies; it may bring fewer, never none."""
_Asked = tuple[Message, ...]


class Siblings(Protocol):
    """A way to ask for several replies to one prompt."""

    async def propose(self, request: Request, meter: Meter) -> Reply:
        """One reply. Raises: what `ask` raises."""
        ...


@dataclass
class WarmFirst:
    """The first of several siblings goes ahead; the rest follow once it is answered, and meet its prompt in the server's cache."""

    ask: Ask
    _leading: dict[_Asked, asyncio.Event] = field(default_factory=dict)

    async def propose(self, request: Request, meter: Meter) -> Reply:
        """One reply. Raises: what `ask` raises."""
        if ahead := self._leading.get(request.messages):
            await ahead.wait()
            return (await self.ask(request, meter, 1))[0]
        self._leading[request.messages] = answered = asyncio.Event()
        try:
            return (await self.ask(request, meter, 1))[0]
        finally:
            del self._leading[request.messages]
            answered.set()


@dataclass
class Together:
    """Siblings that come up in the same moment become one request with `n`: their prompt is sent, and paid for, once."""

    ask: Ask
    _gathering: dict[_Asked, list[tuple[Request, asyncio.Future[Reply]]]] = field(default_factory=dict)

    async def propose(self, request: Request, meter: Meter) -> Reply:
        """One reply. Where the server gives fewer than asked for, the rest are asked for singly. Raises: what `ask` raises."""
        gathered = self._gathering.get(request.messages)
        if gathered is not None:
            mine: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            gathered.append((request, mine))
            try:
                return await mine
            except _Missing:
                return (await self.ask(request, meter, 1))[0]
        others: list[tuple[Request, asyncio.Future[Reply]]] = []
        self._gathering[request.messages] = others
        await asyncio.sleep(0)  # the siblings' calls begin in the same turn of the event loop
        del self._gathering[request.messages]
        try:
            replies = await self.ask(request, meter, 1 + len(others))
        except BaseException as error:
            for _, waiting in others:
                if not waiting.done():
                    waiting.set_exception(error if isinstance(error, Exception) else _Missing())
            raise
        for place, (_, waiting) in enumerate(others, start=1):
            if not waiting.done():
                waiting.set_result(replies[place]) if place < len(replies) else waiting.set_exception(_Missing())
        return replies[0]


class _Missing(Exception):
    """The server gave fewer replies than it was asked for."""


@dataclass
class Apart:
    """Each call by itself."""

    ask: Ask

    async def propose(self, request: Request, meter: Meter) -> Reply:
        """One reply. Raises: what `ask` raises."""
        return (await self.ask(request, meter, 1))[0]
