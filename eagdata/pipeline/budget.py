"""The budget of a run. The worst case of a try is reserved, durably, before it is sent; what it really took is settled after.

Money is counted in whole pico-USD (1e-12). Prices have at most six decimals a million tokens, so the cost of any call is a whole
number of them, and sums of any length are exact. Sums of binary floats drift, and in the end across the cap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from eagdata import plan
from eagdata.errors import BudgetSpent, RecipeError, Stopped
from eagdata.records import Usage
from eagdata.store import RunStore
from eagdata.teachers.prices import how_to_add

_LOG = logging.getLogger(__name__)
_PICO = 10**12
_UNKNOWN = Usage(calls=1, prompt_tokens=None, completion_tokens=None)


@dataclass(frozen=True, slots=True)
class _Cap:
    """A quantity with a bound, in pico-USD or in tokens."""

    option: str
    most: int

    def of(self, usage: Usage) -> int | None:
        """How much of it a usage is; None where that is unknown."""
        if not usage.calls:
            return 0
        if self.option == "--max-cost":
            return None if usage.cost_usd is None else round(usage.cost_usd * _PICO)
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return usage.prompt_tokens + usage.completion_tokens

    def words(self, amount: int) -> str:
        return f"{_money(amount)} USD" if self.option == "--max-cost" else f"{amount:,} tokens"


class Budget:
    """What one run may spend. All branches of all tasks draw on it, and what an earlier attempt at the run has spent counts.

    Tries are admitted first come, first served. One that does not fit waits while others are out that may settle for less.
    """

    spent_out = False
    """A try did not fit although no other was out: nothing more will be allowed."""

    def __init__(self, *, cost_usd: float | None, tokens: int | None, store: RunStore, stopping: asyncio.Event | None = None) -> None:
        """Raises: RecipeError if there is a cap, and what was spent before is not known in its unit."""
        self.store = store
        self.stopping = stopping or asyncio.Event()
        self.caps = _caps(plan.Budget(cost_usd=cost_usd, tokens=tokens))
        self.nothing = (0,) * len(self.caps)
        self._held = [*self.nothing]  # settled and reserved
        self._out = 0
        self._teacher = ""
        self._queue: deque[tuple[tuple[int, ...], asyncio.Future[None]]] = deque()
        if self.caps:
            spent = store.spent()
            for place, cap in enumerate(self.caps):
                self._held[place] = _known(cap.of(spent), cap)

    def check(self, most: Usage, *, teacher: str) -> None:
        """Whether the caps can be held with tries that take at most `most`. Raises: RecipeError if its price or its length is unknown."""
        self._teacher = teacher
        _check(self.caps, most, teacher)

    def meter(self, key: str, *, task_id: str, path: str) -> CallMeter:
        """The meter of one call, by its journal key."""
        return CallMeter(self, key, task_id=task_id, path=path)

    async def admit(self, most: Usage) -> tuple[int, ...]:
        """Wait until `most` fits, and hold it; gives what is held, by cap.

        Raises: BudgetSpent if it never will; RecipeError if `most` has no bound.
        """
        _check(self.caps, most, self._teacher)
        want = tuple(cap.of(most) or 0 for cap in self.caps)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((want, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self.release(want, self.nothing)  # admitted just before
            self._serve()
            raise
        return want

    def release(self, held: tuple[int, ...], used: tuple[int, ...]) -> None:
        """A try that was admitted has ended: of what was held, `used` stays spent."""
        self._out -= 1
        self._held = [sum_ - most + really for sum_, most, really in zip(self._held, held, used, strict=True)]
        self._serve()

    def _serve(self) -> None:
        """Admit whoever is first, as long as it fits. If it does not, and nobody is out who could give something back, all is over."""
        while self._queue:
            want, turn = self._queue[0]
            if not (turn.done() or self.spent_out or self._fits(want)):
                if self._out:
                    return
                self.spent_out = True
            self._queue.popleft()
            if turn.done():  # whoever waited was cancelled
                continue
            if self.spent_out:
                turn.set_exception(self._spent(want))
            else:
                self._out += 1
                self._held = [sum_ + more for sum_, more in zip(self._held, want, strict=True)]
                turn.set_result(None)

    def _fits(self, want: tuple[int, ...]) -> bool:
        return all(sum_ + more <= cap.most for cap, sum_, more in zip(self.caps, self._held, want, strict=True))

    def _spent(self, want: tuple[int, ...]) -> BudgetSpent:
        short = [
            f"{cap.words(sum_)} of {cap.words(cap.most)} are spent or may have been billed, and the next try may take {cap.words(more)}"
            for cap, sum_, more in zip(self.caps, self._held, want, strict=True)
            if sum_ + more > cap.most
        ]
        return BudgetSpent(
            f"the budget of {' and '.join(cap.words(cap.most) for cap in self.caps)} is spent",
            why="; ".join(short),
            mend=f"the same command goes on with a larger {' or '.join(cap.option for cap in self.caps)}; nothing paid for is lost",
        )


class CallMeter:
    """A `contracts.Meter` for one call and all its tries. Without a cap nothing is reserved, and only lost tries are written down."""

    def __init__(self, budget: Budget, key: str, *, task_id: str, path: str) -> None:
        self._budget = budget
        self._key, self._at = key, {"task_id": task_id, "path": path}
        self._most: Usage | None = None  # of the try that is out
        self._held: tuple[int, ...] = ()
        self._number: int | None = None

    async def reserve(self, most: Usage) -> None:
        """Wait until `most` fits into what is left; it is in the journal before this returns.

        Raises: BudgetSpent; RecipeError; Stopped, so that a call that was turned away does not keep a run that is asked to stop.
        """
        self.abandon()
        if self._budget.stopping.is_set():
            raise Stopped("stopped before the next try")
        if self._budget.caps:
            self._held = await self._budget.admit(most)
            try:
                self._number = await self._budget.store.open_try(self._key, most, **self._at)
            except BaseException:
                self._budget.release(self._held, self._budget.nothing)
                raise
        self._most = most

    def refused(self) -> None:
        """The try was turned away: what was reserved is free again."""
        if self._number is not None:
            self._budget.store.close_try(self._number)
        self._end(self._budget.nothing)

    def lost(self, why: str) -> None:
        """The try may have been billed: what was reserved counts as spent, for ever."""
        if self._number is not None:
            self._budget.store.lose_try(self._number, why)
        else:
            self._budget.store.lost(self._key, self._most or _UNKNOWN, why=why, **self._at)
        self._end(self._held)

    def settle(self, used: Usage) -> int | None:
        """The call was answered: the rest of its reservation is free again. Gives the try's number in the journal, which the reply
        settles. What an answer does not say counts at its most."""
        number = self._number
        known = tuple(cap.of(used) for cap in self._budget.caps) if self._most else ()
        if any(really is not None and really > most for most, really in zip(self._held, known, strict=True)):
            _LOG.warning("a reply took more than its worst case: %s, reserved were %s", used, self._most)
        self._end(tuple(most if really is None else really for most, really in zip(self._held, known, strict=True)))
        return number

    def abandon(self) -> None:
        """The call ended by an error. A try of which nobody said how it ended may have been billed."""
        if self._most is not None:
            self.lost("the call was broken off")

    def _end(self, used: tuple[int, ...]) -> None:
        if self._most is not None and self._budget.caps:
            self._budget.release(self._held, used)
        self._most, self._held, self._number = None, (), None


def check_budget(given: plan.Budget, most: Usage, *, teacher: str) -> None:
    """Whether a budget can be held with tries that take at most `most`. Raises: RecipeError if their price or length is unknown."""
    _check(_caps(given), most, teacher)


def budget_words(given: plan.Budget) -> str:
    """E.g. `1.00 USD`, `2,000,000 tokens`, or both with `and`; empty where no cap is set."""
    return " and ".join(cap.words(cap.most) for cap in _caps(given))


def budget_options(given: plan.Budget) -> str:
    """E.g. `--max-cost`, or both with `or`."""
    return " or ".join(cap.option for cap in _caps(given))


def _caps(given: plan.Budget) -> tuple[_Cap, ...]:
    money = () if given.cost_usd is None else (_Cap("--max-cost", round(given.cost_usd * _PICO)),)
    return money if given.tokens is None else (*money, _Cap("--max-tokens", given.tokens))


def _check(caps: tuple[_Cap, ...], most: Usage, teacher: str) -> None:
    for cap in caps:
        if cap.of(most) is None:
            raise _unbounded(cap, most, teacher)


def _money(pico: int) -> str:
    """USD with four digits that count, and at least two decimals."""
    whole, _, decimals = f"{pico / _PICO:,.{max(2, 16 - len(str(pico)))}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _known(spent: int | None, cap: _Cap) -> int:
    if spent is None:
        raise RecipeError(
            f"{cap.option} cannot be held in this run folder",
            why="what the run has spent so far is unknown: recorded replies or lost tries do not say it",
            mend=f"go on without {cap.option}, or start another run with --out DIR",
        )
    return spent


def _unbounded(cap: _Cap, most: Usage, teacher: str) -> RecipeError:
    if most.prompt_tokens is None or most.completion_tokens is None:
        return RecipeError(
            f"{cap.option} cannot be held: nothing bounds a reply of {teacher!r}",
            why="neither the recipe nor the teacher says how many tokens it takes at most",
            mend=f"bound it, e.g. with --set teacher.max_tokens=1024, or leave out {cap.option}",
        )
    return RecipeError(
        f"{cap.option} cannot be held: the price of {teacher!r} is unknown",
        why=f"no file of prices knows it for prompts of {most.prompt_tokens:,} tokens, and the recipe gives none",
        mend=how_to_add(teacher),
    )
