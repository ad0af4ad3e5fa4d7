"""Saying what went wrong, from what the environment showed and from the code that was run."""

from __future__ import annotations

import builtins
import re
from collections.abc import Sequence
from difflib import get_close_matches
from random import Random

from eagdata.teachers.methods.conversation import Turn
from eagdata.teachers.methods.slips import FOREIGN

_NATIVE = {foreign: native for native, foreign in FOREIGN.items()}
_OPENERS = ("", "", "Right. ", "I see. ", "Ah. ", "That failed. ", "Not what I wanted. ", "Hm. ")
_MENDS = (
    "I write it again with that put right.",
    "Here is the corrected block.",
    "Fixing that and running it again.",
    "The rest of the idea stands, so I only repair this.",
    "Let me correct it.",
    "Same approach, without the mistake.",
)


def diagnose(turns: Sequence[Turn], lesson: str, rng: Random) -> str:
    """One or two sentences on why the last of `turns` failed. `lesson` names a mistake recognised in the code; empty if there is none."""
    kind, message = turns[-1].raised
    cause = _cause(turns, rng) if kind in _OF_THE_HAND or not lesson else f"{_told(kind, message, rng)} {lesson}"
    return f"{rng.choice(_OPENERS)}{cause} {rng.choice(_MENDS)}"


_OF_THE_HAND = frozenset({"SyntaxError", "IndentationError", "NameError", "AttributeError"})


def _told(kind: str, message: str, rng: Random) -> str:
    said = message.rstrip(".")
    if kind == "AssertionError":
        says = f"The check does not hold: {said}." if said else "The check does not hold."
        return rng.choice((says, says.replace("The check does not hold", "My own check caught it")))
    return rng.choice((f"I got a {kind}: {said}.", f"It stopped with {kind} ({said})."))


def _cause(turns: Sequence[Turn], rng: Random) -> str:
    turn = turns[-1]
    kind, message = turn.raised
    if turn.status == "timeout":
        return "That ran into the time limit, so I need a leaner way."
    if turn.status == "limit":
        return "That ran into a limit of the session, so I do less at once."
    if kind in ("SyntaxError", "IndentationError"):
        return _unparsed(message, rng)
    if kind == "NameError":
        return _unknown_name(turns, message, rng)
    if kind == "AttributeError":
        return _unknown_method(message, rng)
    if kind == "AssertionError":
        return f"{_told(kind, message, rng)} I cannot point at one wrong line, so I go back to the question and write it all anew."
    return f"{_told(kind, message, rng)} I go through the lines again."


def _unparsed(message: str, rng: Random) -> str:
    if "never closed" in message:
        return rng.choice(
            ("A bracket was never closed, so nothing of the block ran.", "I left out a closing parenthesis: Python could not parse it.")
        )
    if "':'" in message:
        return rng.choice(("A colon is missing at the end of a line.", "I forgot the colon that opens the indented block."))
    return f"The block did not parse ({message.split('(')[0].strip()})."


def _unknown_name(turns: Sequence[Turn], message: str, rng: Random) -> str:
    found = re.search(r"name '(\w+)'", message)
    name = found.group(1) if found else ""
    code = turns[-1].code or ""
    near = _meant(name, turns) if len(re.findall(rf"\b{name}\b", code)) == 1 else ""
    if near:
        return rng.choice(
            (f"`{name}` is a typo for `{near}`.", f"I misspelt `{near}` as `{name}`.", f"There is no `{name}`; I meant `{near}`.")
        )
    if f"{name}(" in code or f"{name}." in code:
        return rng.choice(
            (f"`{name}` was never imported.", f"I used `{name}` without importing it.", f"The import of `{name}` is missing.")
        )
    return f"`{name}` does not exist at this point, so I define it again first."


def _meant(name: str, turns: Sequence[Turn]) -> str:
    """The known name that `name` is a typo of: the same letters in another order, or else nearly the same; or empty."""
    known = {word for turn in turns for word in re.findall(r"[A-Za-z_]\w*", turn.code or "")} - {name} | set(dir(builtins))
    shuffled = sorted(word for word in known if sorted(word) == sorted(name))
    return next(iter(shuffled or get_close_matches(name, sorted(known), n=1, cutoff=0.8)), "")


def _unknown_method(message: str, rng: Random) -> str:
    found = re.search(r"'(\w+)' object has no attribute '(\w+)'", message)
    if found and found.group(2) in _NATIVE:
        owner, wrong = found.groups()
        return rng.choice(
            (
                f"A Python {owner} has no `{wrong}`; the method is called `{_NATIVE[wrong]}`.",
                f"`{wrong}` belongs to another language. In Python it is `{_NATIVE[wrong]}`.",
            )
        )
    return f"There is no such attribute ({message})."
