"""Method for Countdown one operation at a time: a search that wanders, whose dead ends the environment names.

A move joins two numbers; the last one is held against the target. The order in which moves are tried is that of a heuristic of
Stream of Search (arXiv 2404.03683; its `sum_heuristic` and `mult_heuristic`, one drawn for each search), and a later attempt at the
same place takes the next move in that order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from eagdata.teachers.methods.conversation import Turn
from eagdata.teachers.methods.countdown import by_heart
from eagdata.teachers.methods.plan import Plan, Walk
from eagdata.teachers.methods.slips import mechanical

_ASKED = re.compile(r"^Make (\d+) from the numbers ([\d, and]+)\. One operation a step")
_MOVED = re.compile(r"^assert (\d+) ([-+*/]) (\d+) == (\d+),", re.MULTILINE)
_STUCK = "and no other number is left"

_SETUP = "numbers, target = {numbers}, {target}\nprint(numbers)"
_MOVE = """\
assert {a} {sign} {b} == {made}, f"{a} {sign} {b} is {{{a} {sign} {b}}}"
numbers.remove({a})
numbers.remove({b})
numbers.append({made})
print(numbers)"""
_LAST = """\
assert {a} {sign} {b} == {made}, f"{a} {sign} {b} is {{{a} {sign} {b}}}"
assert {made} == target, f"{made} is not {{target}}, {stuck}"
numbers.remove({a})
numbers.remove({b})
numbers.append({made})
print(numbers)"""
_SPENT = f'raise AssertionError(f"every way to join {{numbers}} was tried, {_STUCK}")'
_CHECK = """\
import re
found = "{found}"
used = sorted(int(n) for n in re.findall(r"\\d+", found))
assert used == {numbers}, f"{{found}} uses {{used}}"
assert eval(found) == target, f"{{found}} is {{eval(found)}}"
print(found)"""


@dataclass(frozen=True, slots=True)
class _Move:
    a: int
    sign: str
    b: int
    made: int


def plan(question: str) -> Plan | None:
    found = _ASKED.match(question)
    if not found:
        return None
    target, numbers = int(found[1]), [int(n) for n in re.findall(r"\d+", found[2])]
    return Plan(
        steps=(), head=lambda: by_heart(numbers, target), wander=lambda turns, walk: _reply(numbers, target, turns=turns, walk=walk)
    )


def _reply(numbers: list[int], target: int, *, turns: Sequence[Turn], walk: Walk) -> str:
    """The next move from where the line stands: the set-up, an operation, the check of the whole, or the answer."""
    line = [turn for turn in turns if turn.live and turn.code]
    if not line:
        return _block(f"The numbers are {numbers}, the target is {target}.", _SETUP.format(numbers=numbers, target=target))
    made = [_Move(int(m[1]), m[2], int(m[3]), int(m[4])) for turn in line for m in _MOVED.finditer(turn.code or "")]
    left = _after(numbers, made)
    if len(left) > 1:
        return _next_move(left, target, tried=_tried_here(turns), walk=walk)
    text = _expression(numbers, made)
    if text in line[-1].text:
        return f"Each number is used once and the value is {target}. The answer is \\boxed{{{text}}}."
    return _block(f"{target} is reached. All together: {text}.", _CHECK.format(found=text, numbers=sorted(numbers)))


def _next_move(left: list[int], target: int, *, tried: Sequence[Turn], walk: Walk) -> str:
    slips = [turn for turn in tried if _STUCK not in turn.text]
    order = _ordered(left, target, Random(walk.search))
    place = walk.sample - len(slips)
    if place >= len(order):
        return _block(f"{_look_back(tried)}Every way to join {left} was tried.", _SPENT)
    move = order[place]
    shape = _MOVE if len(left) > 2 else _LAST
    code = shape.format(a=move.a, sign=move.sign, b=move.b, made=move.made, stuck=_STUCK)
    thought = f"{_look_back(tried)}From {left} I try {move.a} {move.sign} {move.b} = {move.made}."
    if walk.rng.random() >= (walk.relapse if slips else walk.slip):
        return _block(thought, code)
    wrong = _slip(move, left, walk.rng)
    if wrong is None:
        return _block(thought, mechanical(code, walk.rng) or code)
    said = f"{_look_back(tried)}From {left} I try {wrong.a} {wrong.sign} {wrong.b} = {wrong.made}."
    return _block(said, shape.format(a=wrong.a, sign=wrong.sign, b=wrong.b, made=wrong.made, stuck=_STUCK))


def _slip(move: _Move, left: list[int], rng: Random) -> _Move | None:
    """The move with a result that is wrong, or with a number that is not there; None for a mistake of the hand."""
    kind = rng.choice(("arithmetic", "arithmetic", "exploration", "hand"))
    if kind == "hand":
        return None
    if kind == "arithmetic" or len(left) == 2:  # a last move is held against the target before its numbers are looked for
        return _Move(move.a, move.sign, move.b, move.made + rng.choice((1, 2, 10)))
    absent = next(n for n in range(move.a + 1, move.a + len(left) + 2) if n not in left)
    return _Move(absent, "+", move.b, absent + move.b)


def _tried_here(turns: Sequence[Turn]) -> list[Turn]:
    """The attempts since the last step that stands."""
    last = max((i for i, turn in enumerate(turns) if turn.live), default=-1)
    return [turn for turn in turns[last + 1 :] if turn.code]


def _look_back(tried: Sequence[Turn]) -> str:
    return f"{said[0].upper()}{said[1:]}. " if tried and (said := tried[-1].raised[1].rstrip(".")) else ""


def _ordered(left: list[int], target: int, rng: Random) -> list[_Move]:
    """All moves, the most promising first; what the heuristic holds alike stands in an order of this search."""
    distance = rng.choice((_from_target, _from_factors))
    moves = list(dict.fromkeys(move for a, b in combinations(left, 2) for move in _moves(a, b)))
    rng.shuffle(moves)
    return sorted(moves, key=lambda move: distance(_after(left, [move]), target))


def _moves(a: int, b: int) -> Iterator[_Move]:
    a, b = max(a, b), min(a, b)
    yield _Move(a, "+", b, a + b)
    yield _Move(a, "-", b, a - b)
    yield _Move(a, "*", b, a * b)
    if b and a % b == 0:
        yield _Move(a, "/", b, a // b)


def _from_target(left: Sequence[int], target: int) -> float:
    """Mean distance from the target."""
    return sum(abs(n - target) for n in left) / len(left)


def _from_factors(left: Sequence[int], target: int) -> float:
    """Sum of the distances from the nearest factor of the target, 1 left out; the last number's is that from the target."""
    if len(left) == 1:
        return _from_target(left, target)
    factors = [f for f in range(2, target + 1) if target % f == 0] or [target]
    return sum(min(abs(n - f) for f in factors) for n in left)


def _after(numbers: Sequence[int], moves: Sequence[_Move]) -> list[int]:
    left = list(numbers)
    for move in moves:
        left.remove(move.a)
        left.remove(move.b)
        left.append(move.made)
    return left


def _expression(numbers: Sequence[int], moves: Sequence[_Move]) -> str:
    """What the moves come to, as one expression; of equal numbers the one made last is taken."""
    parts = [(n, str(n)) for n in numbers]
    for move in moves:
        left, right = _taken(parts, move.a), _taken(parts, move.b)
        parts.append((move.made, f"({left}{move.sign}{right})"))
    return parts[0][1].removeprefix("(").removesuffix(")")


def _taken(parts: list[tuple[int, str]], value: int) -> str:
    at = max(i for i, (n, _) in enumerate(parts) if n == value)
    return parts.pop(at)[1]


def _block(thought: str, code: str) -> str:
    return f"{thought}\n\n```python\n{code}\n```"
