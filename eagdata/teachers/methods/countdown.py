"""Method for the family `countdown`: guesses first, each shown with its value, then a search through all expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from eagdata.teachers.methods.conversation import Turn
from eagdata.teachers.methods.plan import Plan, Slip, Step

_ASKED = re.compile(r"Use each of the numbers ([\d, and]+) exactly once, .* to make (\d+)\. Answer with the expression")
_LISTED = re.compile(r"for guess in (\[[^\]]*\])")
_GUESS = re.compile(r'"([^"]*)"')
_MISS = re.compile(r"^(\S+) = (-?\d+(?:/\d+)?)$", re.MULTILINE)
_GUESSES = 40  # random expressions looked at for one block of guesses: 0.2 ms, and about one block in eight holds a hit

_SETUP = """\
import re
from fractions import Fraction

numbers = {numbers}
target = {target}

def value(text):
    return eval(re.sub(r"(\\d+)", r"Fraction(\\1)", text))"""
_TRY = """\
for guess in [{guesses}]:
    result = value(guess)
    print(guess, "=", result)
    if result == target:
        found = guess
        print("found:", found)"""
_SEARCH = """\
def search(parts):
    if len(parts) == 1:
        return parts[0][1] if abs(parts[0][0] - target) < 1e-9 else None
    for i in range(len(parts)):
        for j in range(len(parts)):
            if i == j:
                continue
            (a, left), (b, right) = parts[i], parts[j]
            rest = [parts[k] for k in range(len(parts)) if k not in (i, j)]
            options = [(a - b, f"({left}-{right})")]
            if i < j:
                options += [(a + b, f"({left}+{right})"), (a * b, f"({left}*{right})")]
            if b:
                options.append((a / b, f"({left}/{right})"))
            for option in options:
                hit = search(rest + [option])
                if hit:
                    return hit
    return None

found = search([(n, str(n)) for n in numbers])
assert found, f"no expression of {numbers} makes {target}"
found = found[1:-1]
print("found:", found)"""
_CHECK = """\
used = sorted(int(n) for n in re.findall(r"\\d+", found))
assert used == sorted(numbers), f"{found} uses {used} instead of {sorted(numbers)}"
assert value(found) == target, f"{found} is {value(found)}, not {target}"
print(found)"""


def plan(question: str) -> Plan | None:
    found = _ASKED.search(question)
    if not found:
        return None
    numbers = [int(n) for n in re.findall(r"\d+", found[1])]
    target = int(found[2])
    setup = Step(
        makes="numbers",
        thoughts=(
            f"I need {target} from {', '.join(map(str, numbers))}. First a way to evaluate an expression exactly, with fractions.",
            "Floats could hide a miss, so I set up exact evaluation before trying anything.",
            f"Let me put down the numbers and the target {target}, and a helper that evaluates an expression.",
        ),
        codes=(_SETUP.format(numbers=numbers, target=target),),
    )
    search = Step(
        makes="found",
        shows=r"found: \S",
        thoughts=(
            "Guessing has no end, so I search: join any two numbers by an operation and go on with one number fewer.",
            "Time for a systematic search over all ways to combine two of the numbers at a time.",
            "Instead of guessing I let a recursive search go through all expressions.",
        ),
        codes=(_SEARCH,),
        slips=(*_SEARCH_SLIPS, _INVERTED),
        instead=lambda turns, rng: _guessing(numbers, target, turns=turns, rng=rng),
    )
    return Plan(steps=(setup, search, _CHECKED), head=lambda: by_heart(numbers, target), closing=_CLOSING)


_CLOSING = ("Each number is used exactly once and the value is right.", "The expression uses every number once and hits the target.")
_INVERTED = Slip("if result == target:", "if result != target:", "I kept the guesses that miss instead of the one that hits.")
_SEARCH_SLIPS = (
    Slip("k not in (i, j)", "k > max(i, j)", "All numbers but the two just joined must stay; I lost those that stand before them."),
    Slip("< 1e-9", "< 2", "Close is not enough: I let values through that only come near the target."),
    Slip("parts[0][1] if", "parts[0] if", "I returned the whole pair instead of its text."),
    Slip('f"({left}-{right})"', 'f"({right}-{left})"', "The text of the difference had its sides swapped."),
)
_CHECKED = Step(
    makes="used",
    thoughts=(
        "I check that each number is used exactly once and that the value is right.",
        "Both rules must hold: the numbers, each once, and the target.",
    ),
    codes=(_CHECK,),
)


def _guessing(numbers: list[int], target: int, *, turns: Sequence[Turn], rng: Random) -> Step | None:
    """A block of guesses; the same ones again if their block failed; None when it is time to search."""
    before = [listed.group(1) for turn in turns if turn.code and (listed := _LISTED.search(turn.code))]
    if turns and turns[-1].status != "ok" and turns[-1].code and (listed := _LISTED.search(turns[-1].code)):
        return _tries(_GUESS.findall(listed.group(1)), "")
    if rng.random() < 0.2 + 0.25 * len(before):
        return None
    tried = {guess for text in before for guess in _GUESS.findall(text)}
    drawn = {text: value for text, value in (_expression(rng, numbers) for _ in range(_GUESSES)) if text not in tried}
    near = sorted(drawn, key=lambda text: (abs(drawn[text] - target), text))[: rng.randint(1, 3)]
    return _tries(near[::-1], _remark(turns, target, rng)) if near else None


def _tries(guesses: list[str], remark: str) -> Step:
    code = _TRY.format(guesses=", ".join(f'"{guess}"' for guess in guesses))
    shown = " and ".join(f"`{guess}`" for guess in guesses)
    thoughts = (f"{remark} I try {shown}.", f"{remark} What about {shown}?", f"{remark} Candidates: {shown}.")
    return Step(makes="found", thoughts=tuple(t.strip() for t in thoughts), codes=(code,), slips=(_INVERTED,))


def _remark(turns: Sequence[Turn], target: int, rng: Random) -> str:
    """A look back at the last guess that missed."""
    misses = [miss for turn in turns if turn.live for miss in _MISS.findall(turn.text)]
    if not misses:
        return rng.choice(("Before searching I make a few guesses.", "Let me see what looks close.", "By rough estimate some come near."))
    text, value = misses[-1]
    return rng.choice(
        (
            f"{text} gives {value}, not {target}.",
            f"{value} misses {target}, so {text} is out.",
            f"No hit yet; {text} came to {value}. I back up and combine differently.",
        )
    )


def _expression(rng: Random, numbers: list[int]) -> tuple[str, float]:
    """A random expression that uses each number once, and its value."""
    parts: list[tuple[str, float]] = [(str(n), n) for n in numbers]
    while len(parts) > 1:
        (left, a), (right, b) = parts.pop(rng.randrange(len(parts))), parts.pop(rng.randrange(len(parts)))
        sign = rng.choice("++-**/")
        if sign == "/" and (b == 0 or a % b):
            sign = "-"
        value = a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b
        parts.append((f"({left}{sign}{right})", value))
    return parts[0][0][1:-1], parts[0][1]


def by_heart(numbers: list[int], target: int) -> tuple[str, str]:
    """Reasoning text and answer without an environment: the first expression that an exhaustive search finds."""
    found = _reach([(float(n), str(n)) for n in numbers], target) or "+".join(map(str, numbers))
    text = found[1:-1] if found.startswith("(") else found
    return f"I combine the numbers two at a time and keep what can still reach {target}. {text} = {target} uses each number once.", text


def _reach(parts: list[tuple[float, str]], target: int) -> str | None:
    if len(parts) == 1:
        return parts[0][1] if abs(parts[0][0] - target) < 1e-9 else None
    for i, (a, left) in enumerate(parts):
        for j, (b, right) in enumerate(parts):
            if i == j:
                continue
            rest = [part for k, part in enumerate(parts) if k not in (i, j)]
            options = [(a - b, f"({left}-{right})"), (a + b, f"({left}+{right})"), (a * b, f"({left}*{right})")]
            if b:
                options.append((a / b, f"({left}/{right})"))
            hits = (_reach([*rest, option], target) for option in options)
            if hit := next((hit for hit in hits if hit), None):
                return hit
    return None
