"""Which of several servers a call goes to."""

from __future__ import annotations

from collections import Counter

import pytest

from eagdata.teachers.faults import Endpoint
from eagdata.teachers.fleet import Fleet, Server
from eagdata.teachers.pace import Pace
from eagdata.teachers.transport import Transport


def server(url: str, *, weight: float = 1.0, most: int = 100) -> Server:
    transport = Transport(url, key=None, timeout_s=1.0)
    return Server(endpoint=Endpoint(url=url, key_env="K"), transport=transport, pace=Pace(most_awake=most), weight=weight)


def test_all_calls_of_a_trace_go_to_one_server() -> None:
    fleet = Fleet([server("http://a"), server("http://b"), server("http://c")])
    assert all(fleet.choose(group) is fleet.choose(group) for group in range(50))


def test_traces_are_dealt_in_proportion_to_the_weights() -> None:
    fleet = Fleet([server("http://a", weight=3.0), server("http://b")])
    dealt = Counter(fleet.choose(group).endpoint.url for group in range(4000))
    assert dealt["http://a"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_when_a_server_leaves_only_its_own_traces_move() -> None:
    a, b, c = (server(f"http://{name}") for name in "abc")
    before = {group: Fleet([a, b, c]).choose(group) for group in range(300)}
    moved = {group for group, at in before.items() if Fleet([a, b]).choose(group) is not at}
    assert moved == {group for group, at in before.items() if at is c}


def test_an_overloaded_server_hands_new_calls_to_the_least_loaded() -> None:
    fleet = Fleet([server("http://a"), server("http://b")])
    home = fleet.choose(7)
    other = next(s for s in fleet.servers if s is not home)
    home.pace.awake = 20
    assert fleet.choose(7) is other


def test_a_server_that_fails_in_a_row_rests_and_is_tried_by_one_call_first() -> None:
    fleet = Fleet([server("http://a"), server("http://b")])
    sick = fleet.choose(7)
    for _ in range(3):
        sick.failed()
    assert fleet.choose(7) is not sick
    sick.resting_until = 0.0  # it has rested
    assert [fleet.choose(7) is sick for _ in range(3)] == [True, False, False]
    sick.worked()
    assert fleet.choose(7) is sick


def test_a_throttled_call_moves_only_where_there_is_room() -> None:
    fleet = Fleet([server("http://a"), server("http://b", most=1)])
    a, b = fleet.servers
    assert fleet.elsewhere({a})
    assert fleet.choose(1, tried={a}) is b
    b.pace.awake = 1
    assert not fleet.elsewhere({a})
    assert not fleet.elsewhere({a, b})
