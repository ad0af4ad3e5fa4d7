"""Several replies to one prompt."""

from __future__ import annotations

import asyncio

import pytest

from eagdata.contracts import UNMETERED, Meter, Reply, Request
from eagdata.errors import TeacherError
from eagdata.records import Message
from eagdata.teachers.siblings import Apart, Together, WarmFirst

ASKED = (Message(role="user", content="same"),)


class Server:
    """Notes how it was asked."""

    def __init__(self, *, gives: int | None = None) -> None:
        self.asked: list[int] = []
        self.running = self.peak = 0
        self.gives = gives

    async def ask(self, request: Request, meter: Meter, n: int) -> tuple[Reply, ...]:
        self.asked.append(n)
        self.running += 1
        self.peak = max(self.peak, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        return tuple(Reply(content=f"{request.sample}.{k}") for k in range(min(n, self.gives or n)))


def requests(n: int) -> list[Request]:
    return [Request(messages=ASKED, seed=k, sample=k) for k in range(n)]


async def test_apart_each_call_is_a_request() -> None:
    server = Server()
    asked = Apart(server.ask)
    await asyncio.gather(*(asked.propose(request, UNMETERED) for request in requests(3)))
    assert (server.asked, server.peak) == ([1, 1, 1], 3)


async def test_warm_lets_the_first_go_ahead() -> None:
    server = Server()
    asked = WarmFirst(server.ask)
    replies = await asyncio.gather(*(asked.propose(request, UNMETERED) for request in requests(3)))
    assert (server.asked, server.peak) == ([1, 1, 1], 2)
    assert [reply.content for reply in replies] == ["0.0", "1.0", "2.0"]


async def test_together_is_one_request_for_all() -> None:
    server = Server()
    asked = Together(server.ask)
    replies = await asyncio.gather(*(asked.propose(request, UNMETERED) for request in requests(3)))
    assert server.asked == [3]
    assert [reply.content for reply in replies] == ["0.0", "0.1", "0.2"]


async def test_together_asks_again_for_what_the_server_left_out() -> None:
    server = Server(gives=1)
    asked = Together(server.ask)
    replies = await asyncio.gather(*(asked.propose(request, UNMETERED) for request in requests(3)))
    assert server.asked == [3, 1, 1]
    assert len(replies) == 3


@pytest.mark.parametrize("kind", [WarmFirst, Together])
async def test_a_fault_of_the_first_does_not_leave_the_others_waiting(kind: type[WarmFirst] | type[Together]) -> None:
    async def ask(request: Request, meter: Meter, n: int) -> tuple[Reply, ...]:
        await asyncio.sleep(0)
        if request.sample == 0:
            raise TeacherError("gave up")
        return (Reply(content="fine"),)

    asked = kind(ask)
    calls = (asked.propose(request, UNMETERED) for request in requests(2))
    ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 1.0)
    assert isinstance(ends[0], TeacherError)
    if kind is WarmFirst:
        assert isinstance(ends[1], Reply)
