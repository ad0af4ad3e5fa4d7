"""The procedural teacher on Countdown one operation at a time: move after move, a look back, and a word when none is left."""

from __future__ import annotations

import asyncio
import re

import pytest

from eagdata.contracts import Request
from eagdata.records import Message
from eagdata.tasks.countdown import CountdownTasks
from eagdata.teachers.procedural import ProceduralTeacher

ACTING = Message(role="system", content="Act with one block:\n```python\n...\n```")
TASK = next(iter(CountdownTasks(CountdownTasks.Config(sizes=(3, 3))).tasks(1, seed=0)))
ASKED = (ACTING, Message(role="user", content=TASK.question))
MOVE = re.compile(r"^assert (\d+) ([-+*/]) (\d+) == (\d+),", re.MULTILINE)


def reply(*after: tuple[str, str], sample: int = 0, group: int = 0, seed: int = 1, slip: float = 0.0) -> str:
    """What it says after replies and what answered them."""
    said = tuple(Message(role=role, content=text) for turn in after for role, text in zip(("assistant", "user"), turn, strict=True))  # type: ignore[arg-type]
    teacher = ProceduralTeacher(ProceduralTeacher.Config(slip_rate=slip, relapse_rate=0.0))
    return asyncio.run(teacher.propose(Request(messages=(*ASKED, *said), seed=seed, sample=sample, group=group))).content


SETUP = (reply(), f"Output:\n{TASK.reference['numbers']}")  # type: ignore[index,call-overload]


def test_a_later_attempt_at_a_place_is_another_move_that_holds_until_none_is_left() -> None:
    first = reply(SETUP)
    line = (SETUP, (first, "Output:\n[...]"))
    moves = [MOVE.search(reply(*line, sample=sample)) for sample in range(3)]
    assert len({move.groups() for move in moves if move}) == 3
    assert all(move and eval(f"{move[1]}{move[2]}{move[3]}") == int(move[4]) for move in moves)
    assert "Every way to join" in reply(*line, sample=4)
    assert MOVE.search(reply(*line, sample=4)) is None


def test_searches_of_one_task_differ_and_one_search_is_of_one_mind() -> None:
    orders = [[reply(SETUP, group=group, sample=sample) for sample in range(8)] for group in range(12)]
    assert len({tuple(order) for order in orders}) > 1
    assert all(len(set(order)) == 8 for order in orders)
    assert orders[3] == [reply(SETUP, group=3, sample=sample) for sample in range(8)]


def test_a_slip_is_looked_back_on_and_its_move_made_right() -> None:
    slipped = next(said for seed in range(40) if _is_wrong(said := reply(SETUP, slip=1.0, seed=seed)))
    error = "Error:\nAssertionError: 5 - 3 is 2\n(The state is back to what it was before this step.)"
    mended = reply(SETUP, (slipped, error), sample=1)
    assert mended.startswith("5 - 3 is 2. ")
    assert (MOVE.search(mended) or [""])[0].partition(" ==")[0] == (MOVE.search(slipped) or [""])[0].partition(" ==")[0]
    assert not _is_wrong(mended)


def _is_wrong(said: str) -> bool:
    move = MOVE.search(said)
    return bool(move) and eval(f"{move[1]}{move[2]}{move[3]}") != int(move[4])


@pytest.mark.parametrize("sample", range(3))
def test_without_an_environment_it_answers_from_the_head(sample: int) -> None:
    teacher = ProceduralTeacher(ProceduralTeacher.Config(blind_rate=0.0))
    said = asyncio.run(teacher.propose(Request(messages=ASKED[1:], seed=1, sample=sample))).content
    assert "\\boxed{" in said
