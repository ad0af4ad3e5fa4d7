"""A plan: how one question is solved in two to five steps, and how each step goes wrong in human hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from eagdata.teachers.methods.conversation import Turn


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake in a step's code: `wrong` written for `right`; `lesson` names it afterwards, as a sentence."""

    right: str
    wrong: str
    lesson: str

    def fits(self, code: str) -> bool:
        return self.right in code

    def apply(self, code: str) -> str:
        return code.replace(self.right, self.wrong, 1)

    def seen_in(self, code: str) -> bool:
        """Whether `code` reads as if this mistake was made in it."""
        return self.wrong in code and (self.right in self.wrong or self.right not in code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. It is done once a block that assigns or defines `makes` has run, and its output holds `shows`."""

    makes: str
    thoughts: tuple[str, ...]
    """Ways to say what is about to be done; one is drawn."""
    codes: tuple[str, ...]
    """Ways to write it; one is drawn."""
    paired: bool = False
    """Each thought speaks of the code at the same place, so that the two are drawn together."""
    slips: tuple[Slip, ...] = ()
    """Mistakes that the check step notices, or that raise."""
    blind: tuple[Slip, ...] = ()
    """Mistakes that nothing later notices: the answer comes out wrong."""
    shows: str = ""
    instead: Callable[[Sequence[Turn], Random], Step | None] | None = None
    """Another way to do this step in the light of what was tried; None from it means that the step itself is next."""

    def draw(self, rng: Random) -> tuple[str, str]:
        """A thought and a code that go together."""
        if self.paired:
            return rng.choice(list(zip(self.thoughts, self.codes, strict=True)))
        return rng.choice(self.thoughts), rng.choice(self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where a search that wanders stands, and how well it is done."""

    rng: Random
    """Of this one reply."""
    search: int
    """The same for all replies of one search."""
    sample: int
    """How many replies were given at this place before."""
    slip: float
    """Chance of a mistake, from 0 to 1."""
    relapse: float
    """Chance of one right after another, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps in order; the last one checks, and prints the answer as its last line."""

    steps: tuple[Step, ...]
    """Empty where `wander` writes the replies."""
    head: Callable[[], tuple[str, str]]
    """Reasoning text and answer without an environment."""
    answer: str | None = None
    """The fixed final answer of a task that is judged by the state; None: the last line of the last output."""
    closing: tuple[str, ...] = ()
    """Ways to say why the answer can be trusted."""
    wander: Callable[[Sequence[Turn], Walk], str] | None = None
    """Writes the next reply where the work is a search and no line of steps."""
