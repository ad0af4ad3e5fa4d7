"""The budget: no order of tries, answers, refusals, losses and cancellations takes it beyond its cap, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eagdata.contracts import Reply
from eagdata.errors import BudgetSpent, RecipeError
from eagdata.pipeline.budget import Budget, CallMeter, budget_words
from eagdata.plan import Budget as Caps
from eagdata.recipe import read_plan
from eagdata.records import Usage
from eagdata.store import RunStore

PRICE = 0.4
"""USD per million tokens, of both kinds."""
ENDLESS_S = 60.0
"""A wait that takes longer is taken for an endless one."""
PLAN = read_plan("quickstart", overrides={"n": 3})


def usage(tokens: int, *, usd_per_mtok: float | None = PRICE) -> Usage:
    """Half prompt, half completion, at one price for both."""
    cost = None if usd_per_mtok is None else tokens * usd_per_mtok / 1e6
    return Usage(calls=1, prompt_tokens=tokens // 2, completion_tokens=tokens - tokens // 2, cost_usd=cost)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "run", PLAN) as opened:
        yield opened


def meter(budget: Budget, name: str = "k") -> CallMeter:
    return budget.meter(name, task_id="t", path=".0")


async def answered(budget: Budget, store: RunStore, most: Usage, used: Usage, name: str = "k") -> None:
    """One call that is answered at its first try."""
    call = meter(budget, name)
    await call.reserve(most)
    await store.record_reply(name, Reply(content="x", usage=used), task_id="t", path=".0", settles=call.settle(used))


@dataclass
class Sent:
    billed: int


@dataclass
class Books:
    """What an endpoint bills at worst, in tokens, counted apart from the budget."""

    billed: int = 0
    out: int = 0
    peak: int = 0
    refused: list[tuple[int, int]] = field(default_factory=list)
    """Of each call that the budget refused: tokens that were out, and those that it would have needed in all."""

    @contextmanager
    def sending(self, tokens: int) -> Iterator[Sent]:
        """While a try of so many tokens at most is out. One that is broken off is billed in full."""
        self.out += tokens
        self.peak = max(self.peak, self.billed + self.out)
        sent = Sent(billed=tokens)
        try:
            yield sent
        finally:
            self.out -= tokens
            self.billed += sent.billed


ENDS = ("answer", "answer", "answer", "refuse", "lose", "break", "silence")
TRY = st.tuples(st.integers(1, 60), st.integers(0, 60), st.sampled_from(ENDS))
CALLS = st.lists(st.lists(TRY, min_size=1, max_size=4), min_size=1, max_size=12)


async def troubled_call(budget: Budget, books: Books, name: str, tries: list[tuple[int, int, str]], rng: random.Random) -> None:
    """A call whose tries end as they are told, in the hands of a teacher and its caller."""
    account = meter(budget, name)
    try:
        for most, share, end in tries:
            try:
                await account.reserve(usage(most))
            except BudgetSpent:
                return books.refused.append((books.out, books.billed + most))
            used = most * share // 60
            with books.sending(most) as sent:
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)
                sent.billed = {"answer": used, "refuse": 0}.get(end, most)
            if end == "answer":
                reply = Reply(content="x", usage=usage(used))
                settles = account.settle(reply.usage)
                return await budget.store.record_reply(name, reply, task_id="t", path=".0", settles=settles)
            if end == "refuse":
                account.refused()
            elif end == "lose":
                account.lost("no answer")
            elif end == "break":
                return None
    finally:
        account.abandon()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls=CALLS, cap=st.integers(0, 500), capped=st.sampled_from(["cost", "tokens", "both"]), seed=st.integers(0, 2**32))
def test_no_order_of_events_exceeds_the_cap_and_nobody_waits_for_ever(calls: list, cap: int, capped: str, seed: int) -> None:  # type: ignore[type-arg]
    rng, books = random.Random(seed), Books()
    cost_usd, tokens = None if capped == "tokens" else cap * PRICE / 1e6, None if capped == "cost" else cap

    async def run(store: RunStore) -> None:
        budget = Budget(cost_usd=cost_usd, tokens=tokens, store=store)
        tasks = [asyncio.ensure_future(troubled_call(budget, books, f"k{i}", tries, rng)) for i, tries in enumerate(calls)]
        for _ in range(rng.randrange(8)):
            await asyncio.sleep(0)
        for task in rng.sample(tasks, rng.randrange(len(tasks) + 1) // 2):
            task.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), ENDLESS_S)
        assert all(error is None or isinstance(error, asyncio.CancelledError) for error in ended)
        assert budget.spent_out or not books.refused
        assert books.refused or not budget.spent_out or any(ended), "nobody was refused, nor cancelled in that moment"
        if not budget.spent_out:  # then all that was not billed is there to be had
            await asyncio.wait_for(meter(budget).reserve(usage(cap - books.billed)), ENDLESS_S)

    with tempfile.TemporaryDirectory() as folder, RunStore(Path(folder) / "run", PLAN) as store:
        asyncio.run(run(store))
    assert books.peak <= cap
    assert all(out == 0 for out, _ in books.refused)
    assert not books.refused or any(needed > cap for _, needed in books.refused), "refused what would have fitted"


async def test_a_call_waits_for_others_that_may_settle_for_less(store: RunStore) -> None:
    budget = Budget(cost_usd=None, tokens=100, store=store)
    first, second = meter(budget, "a"), meter(budget, "b")
    await first.reserve(usage(80))
    waiting = asyncio.ensure_future(second.reserve(usage(60)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.settle(usage(40))
    await asyncio.wait_for(waiting, ENDLESS_S)
    assert not budget.spent_out


async def test_the_first_in_line_is_not_overtaken(store: RunStore) -> None:
    budget = Budget(cost_usd=None, tokens=100, store=store)
    out, order = meter(budget), list[str]()
    await out.reserve(usage(80))

    async def ask(name: str, tokens: int) -> None:
        call = meter(budget, name)
        await call.reserve(usage(tokens))
        order.append(name)
        call.settle(usage(0))

    asked = [asyncio.ensure_future(ask("large", 90)), asyncio.ensure_future(ask("small", 1))]
    await asyncio.sleep(0.01)
    assert order == []
    out.settle(usage(10))
    await asyncio.wait_for(asyncio.gather(*asked), ENDLESS_S)
    assert order == ["large", "small"]


async def test_who_is_cancelled_at_the_moment_of_being_admitted_gives_it_back(store: RunStore) -> None:
    budget = Budget(cost_usd=None, tokens=100, store=store)
    out = meter(budget)
    await out.reserve(usage(80))
    waiting = asyncio.ensure_future(meter(budget, "b").reserve(usage(60)))
    await asyncio.sleep(0.01)
    out.settle(usage(0))
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    await asyncio.wait_for(meter(budget, "c").reserve(usage(100)), ENDLESS_S)


async def test_once_spent_out_nothing_more_is_allowed_and_the_error_says_how_to_go_on(store: RunStore) -> None:
    budget = Budget(cost_usd=1.0, tokens=None, store=store)
    await answered(budget, store, usage(2_000_000), usage(1_250_000))
    waiting = [asyncio.ensure_future(meter(budget, name).reserve(usage(2_000_000))) for name in "bc"]
    errors = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), ENDLESS_S)
    assert [type(error) for error in errors] == [BudgetSpent, BudgetSpent]
    assert str(errors[0]) == (
        "the budget of 1.00 USD is spent\n"
        "why: 0.50 USD of 1.00 USD are spent or may have been billed, and the next try may take 0.80 USD\n"
        "mend: the same command goes on with a larger --max-cost; nothing paid for is lost"
    )
    with pytest.raises(BudgetSpent):
        await meter(budget).reserve(usage(1))


async def test_money_adds_up_to_the_cap_exactly(store: RunStore) -> None:
    """In binary floats 0.1 + 0.1 + 0.1 is more than 0.3, and ten times 0.1 is less than 1."""
    dime = usage(250_000)
    assert dime.cost_usd == 0.1
    budget = Budget(cost_usd=0.3, tokens=None, store=store)
    for _ in range(3):
        await answered(budget, store, dime, dime)
    with pytest.raises(BudgetSpent):
        await meter(budget).reserve(usage(1))


async def test_what_a_run_has_spent_is_known_when_it_is_resumed(tmp_path: Path) -> None:
    """Replies count as they were billed; tries that were lost, or whose end nobody knows, count at their most."""
    with RunStore(tmp_path / "run", PLAN) as store:
        budget = Budget(cost_usd=None, tokens=1000, store=store)
        await answered(budget, store, usage(300), usage(100))
        for end in ("refused", "lost", "killed"):
            call = meter(budget, end)
            await call.reserve(usage(100))
            if end == "refused":
                call.refused()
            elif end == "lost":
                call.lost("timed out")
    with RunStore(tmp_path / "run", PLAN) as store:
        again = Budget(cost_usd=None, tokens=1000, store=store)
        assert store.lost_tries() == 2
        fits = meter(again, "fits")
        await asyncio.wait_for(fits.reserve(usage(700)), ENDLESS_S)
        fits.settle(usage(700))
        with pytest.raises(BudgetSpent, match="budget of 1,000 tokens"):
            await meter(again).reserve(usage(1))


async def test_without_a_cap_only_lost_tries_are_written_down(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", PLAN) as store:
        budget = Budget(cost_usd=None, tokens=None, store=store)
        for end in ("answer", "refuse", "lose", "break"):
            call = meter(budget, end)
            await call.reserve(usage(100))
            if end == "answer":
                assert call.settle(usage(7)) is None
            elif end == "refuse":
                call.refused()
            elif end == "lose":
                call.lost("connection reset")
            call.abandon()
    with RunStore(tmp_path / "run", PLAN) as store:
        assert store.lost_tries() == 2
        assert store.spent().prompt_tokens == 100


async def test_an_answer_that_does_not_say_what_it_used_counts_at_its_most(store: RunStore) -> None:
    budget = Budget(cost_usd=None, tokens=100, store=store)
    call = meter(budget)
    await call.reserve(usage(60))
    call.settle(Usage(calls=1, prompt_tokens=None, completion_tokens=3))
    with pytest.raises(BudgetSpent):
        await meter(budget).reserve(usage(41))


@pytest.mark.parametrize(
    ("cost_usd", "tokens", "most", "says", "mends"),
    [
        (1.0, None, usage(10, usd_per_mtok=None), "--max-cost cannot be held: the price of 'm:7b' is unknown", '"m:7b": {prompt: USD'),
        (None, 5, Usage(calls=1, prompt_tokens=9, completion_tokens=None), "nothing bounds a reply of 'm:7b'", "teacher.max_tokens=1024"),
        (1.0, None, Usage(calls=1, prompt_tokens=9, completion_tokens=None), "nothing bounds a reply of 'm:7b'", "teacher.max_tokens=1024"),
    ],
)
async def test_a_cap_that_cannot_be_held_is_refused(
    store: RunStore, cost_usd: float | None, tokens: int | None, most: Usage, says: str, mends: str
) -> None:
    budget = Budget(cost_usd=cost_usd, tokens=tokens, store=store)
    with pytest.raises(RecipeError, match=re.escape(says)) as raised:
        budget.check(most, teacher="m:7b")
    assert mends in raised.value.mend
    with pytest.raises(RecipeError, match=re.escape(says)):
        await meter(budget).reserve(most)


async def test_a_run_whose_spending_is_unknown_cannot_be_capped_later(store: RunStore) -> None:
    await store.record_reply("k", Reply(content="x", usage=usage(10, usd_per_mtok=None)), task_id="t", path=".0")
    Budget(cost_usd=None, tokens=100, store=store)
    with pytest.raises(RecipeError, match="--max-cost cannot be held in this run folder"):
        Budget(cost_usd=1.0, tokens=None, store=store)


async def test_a_free_teacher_is_never_refused(store: RunStore) -> None:
    budget = Budget(cost_usd=0.0, tokens=None, store=store)
    free = Usage(calls=1, prompt_tokens=None, completion_tokens=None, cost_usd=0.0)
    budget.check(free, teacher="procedural")
    await answered(budget, store, free, free)


@pytest.mark.parametrize(
    ("cost_usd", "tokens", "words"),
    [(1.0, None, "1.00 USD"), (0.125, None, "0.125 USD"), (None, 2_000_000, "2,000,000 tokens"), (2500, 10, "2,500.00 USD and 10 tokens")],
)
def test_a_budget_in_words(cost_usd: float | None, tokens: int | None, words: str) -> None:
    assert budget_words(Caps(cost_usd=cost_usd, tokens=tokens)) == words
