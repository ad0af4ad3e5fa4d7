"""The next reply of an attempt: go on with the plan, repair what failed, or answer.

Where the attempt stands is read off the conversation each time: which steps have run, which code failed and how. Nothing
is remembered between calls, so a conversation can be branched, cut or retried at any point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from eagdata.teachers.methods.conversation import Turn
from eagdata.teachers.methods.diagnosis import diagnose
from eagdata.teachers.methods.plan import Plan, Slip, Step
from eagdata.teachers.methods.slips import mechanical, misread

_SEMANTIC_SHARE = 0.75  # of the slips where a step offers both kinds; our choice, so that most recoveries need thought
_TAILS = ("", "", "", "", "", "", " Let me run that.", " I run it rather than trust my head.", " Running it will tell.")
_FINALS = (
    "So the answer is \\boxed{{{}}}.",
    "The final answer: \\boxed{{{}}}.",
    "That gives \\boxed{{{}}}.",
    "Therefore \\boxed{{{}}}.",
    "I answer \\boxed{{{}}}.",
)
_CLOSINGS = ("The check went through.", "Both ways agree.", "The result is confirmed.", "That settles it.")
_AGAIN = ("My answer was not accepted, so I start over from the question.", "That answer does not stand. I redo it from the start.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Chances, each from 0 to 1, as the teacher's settings give them."""

    slip: float
    blind: float
    relapse: float
    merge: float


def next_reply(plan: Plan, turns: Sequence[Turn], rng: Random, *, odds: Odds) -> str:
    """Thought and code, or the final answer, that follow `turns`."""
    tried = {turn.code for turn in turns if turn.code is not None}
    answered = [i for i, turn in enumerate(turns) if turn.code is None]
    recent = turns[answered[-1] + 1 :] if answered else turns
    if answered and not recent:
        return _block(rng.choice(_AGAIN), _fresh_code(plan.steps, tried, rng))
    if recent and recent[-1].status != "ok":
        return _repair(plan, recent, rng, odds=odds, tried=tried)
    todo = [step for step in plan.steps if not _done(step, recent)]
    return _advance(plan, todo, rng, odds=odds, turns=recent) if todo else _final(plan, recent, rng)


def _done(step: Step, turns: Sequence[Turn]) -> bool:
    return any(turn.live and turn.defines(step.makes) and re.search(step.shows, turn.text) for turn in turns)


def _advance(plan: Plan, todo: Sequence[Step], rng: Random, *, odds: Odds, turns: Sequence[Turn]) -> str:
    """The next step, now and then two at once, with the slips that the odds give."""
    step = todo[0]
    other = step.instead(turns, rng) if step.instead else None
    steps = [other or step]
    if other is None and len(todo) > 1 and todo[1].instead is None and rng.random() < odds.merge:
        steps.append(todo[1])
    drawn = [s.draw(rng) for s in steps]
    codes = [code for _, code in drawn]
    thought = " ".join(thought for thought, _ in drawn) + rng.choice(_TAILS)
    misleading = next((s for s in plan.steps if s.blind), plan.steps[0])
    if misleading in steps and rng.random() < odds.blind:
        at = steps.index(misleading)
        codes[at] = _blind(misleading, codes[at], rng)
    share = sum(map(_weight, steps)) / sum(map(_weight, plan.steps))
    chance = 1 - (1 - odds.slip) ** share  # so that all steps together slip with the chance odds.slip
    code = _slipped(steps, codes, rng) if rng.random() < chance else "\n\n".join(codes)
    tried = {turn.code for turn in turns if turn.code is not None}
    return _block(thought, code if code not in tried else _varied("\n\n".join(codes), tried))


def _weight(step: Step) -> int:
    """How slippery a step is: one that needs thought more than one that only needs care."""
    return 3 if step.slips else 1


def _slipped(steps: Sequence[Step], codes: Sequence[str], rng: Random) -> str:
    meant = [(i, slip) for i, step in enumerate(steps) for slip in step.slips if slip.fits(codes[i])]
    joined = "\n\n".join(codes)
    if not meant or rng.random() >= _SEMANTIC_SHARE:
        by_hand = mechanical(joined, rng)
        if by_hand is not None:
            return by_hand
    if not meant:
        return joined
    i, slip = rng.choice(meant)
    return "\n\n".join((*codes[:i], slip.apply(codes[i]), *codes[i + 1 :]))


def _blind(step: Step, code: str, rng: Random) -> str:
    fitting = [slip for slip in step.blind if slip.fits(code)]
    if step.blind:
        return rng.choice(fitting).apply(code) if fitting else code
    return misread(code, rng) or code


def _repair(plan: Plan, turns: Sequence[Turn], rng: Random, *, odds: Odds, tried: set[str]) -> str:
    """The failed steps again, from the earliest that the error points at, and never in words that were tried."""
    last = turns[-1]
    failed = [i for i, step in enumerate(plan.steps) if last.defines(step.makes)]
    if not failed:
        failed = [next((i for i, step in enumerate(plan.steps) if not _done(step, turns)), 0)]
    culprit = _culprit(plan, turns, upto=failed[-1])
    start = min(failed[0], _points_at(plan, turns, culprit))
    lesson = culprit[1].lesson if culprit else ""
    steps = list(plan.steps[start : failed[-1] + 1])
    if len(steps) == 1 and steps[0].instead and last.raised[0] != "AssertionError":
        steps = [steps[0].instead(turns, rng) or steps[0]]
    code = _fresh_code(steps, tried, rng)
    if rng.random() < odds.relapse:
        relapsed = mechanical(code, rng)
        code = relapsed if relapsed is not None and relapsed not in tried else code
    return _block(diagnose(turns, lesson, rng), code)


def _culprit(plan: Plan, turns: Sequence[Turn], *, upto: int) -> tuple[int, Slip] | None:
    """The first step whose latest code reads as if one of its known mistakes was made in it."""
    for i, step in enumerate(plan.steps[: upto + 1]):
        written = [turn.code for turn in turns if turn.code and turn.defines(step.makes) and (turn.live or turn is turns[-1])]
        for slip in step.slips:
            if written and slip.seen_in(written[-1]):
                return i, slip
    return None


def _points_at(plan: Plan, turns: Sequence[Turn], culprit: tuple[int, Slip] | None) -> int:
    """Index of the earliest step to write again; the number of steps if the error says nothing of an earlier one."""
    last = turns[-1]
    kind, message = last.raised
    twice = len(turns) > 1 and turns[-2].status != "ok"
    if twice:
        return 0
    if kind == "NameError" and (found := re.search(r"name '(\w+)'", message)):
        binds = re.compile(rf"import .*\b{found.group(1)}\b|^(?:def )?{found.group(1)}\b(?: =|\(.*:$)", re.MULTILINE)
        return next((i for i, step in enumerate(plan.steps) if binds.search(step.codes[0])), len(plan.steps))
    if kind in ("SyntaxError", "IndentationError", "NameError", "AttributeError"):
        return len(plan.steps)
    return culprit[0] if culprit else 0


def _fresh_code(steps: Sequence[Step], tried: set[str], rng: Random) -> str:
    for _ in range(4):
        code = "\n\n".join(rng.choice(step.codes) for step in steps)
        if code not in tried:
            return code
    return _varied(code, tried)


def _varied(code: str, tried: set[str]) -> str:
    """`code` under a comment that makes it a new text."""
    attempt = 2
    while (varied := f"# attempt {attempt}\n{code}") in tried:
        attempt += 1
    return varied


def _final(plan: Plan, turns: Sequence[Turn], rng: Random) -> str:
    shown = [line for turn in turns if turn.live for line in turn.text.splitlines() if line.strip()]
    answer = plan.answer or (shown[-1].strip() if shown else "")
    return f"{rng.choice(plan.closing or _CLOSINGS)} {rng.choice(_FINALS).format(answer)}"


def _block(thought: str, code: str) -> str:
    return f"{thought}\n\n```python\n{code}\n```"
