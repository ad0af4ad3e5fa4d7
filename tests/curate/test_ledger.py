"""The ledger adds up, or says so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagdata.curate.ledger import Ledger
from eagdata.errors import AccountingError


def test_the_funnel_tells_stages_and_reasons_apart() -> None:
    ledger = Ledger()
    for item in "abc":
        ledger.enter("duplicates", item)
    ledger.keep("duplicates", "a")
    ledger.drop("duplicates", "b", reason="duplicate_task")
    ledger.keep("duplicates", "c")
    ledger.enter("length", "a")
    ledger.drop("length", "a", reason="too_long")
    assert ledger.funnel() == [
        {"stage": "duplicates", "input": 3, "kept": 2, "dropped": 1, "reasons": {"duplicate_task": 1}},
        {"stage": "length", "input": 1, "kept": 0, "dropped": 1, "reasons": {"too_long": 1}},
    ]
    assert json.loads(json.dumps(ledger.funnel())) == ledger.funnel()


@given(decisions=st.lists(st.tuples(st.sampled_from("xyz"), st.booleans())))
def test_kept_and_dropped_add_up_to_input_in_every_stage(decisions: list[tuple[str, bool]]) -> None:
    ledger = Ledger()
    for i, (stage, kept) in enumerate(decisions):
        ledger.enter(stage, str(i))
        if kept:
            ledger.keep(stage, str(i))
        else:
            ledger.drop(stage, str(i), reason="r")
    for line in ledger.funnel():
        assert line["input"] == line["kept"] + line["dropped"]  # type: ignore[operator]
        assert line["input"] == sum(stage == line["stage"] for stage, _ in decisions)


def test_an_item_that_nobody_decided_is_found() -> None:
    ledger = Ledger()
    ledger.enter("duplicates", "lost")
    with pytest.raises(AccountingError, match="0 kept \\+ 0 dropped is not 1 entered") as found:
        ledger.funnel()
    assert "lost" in found.value.why


def test_deciding_twice_or_without_entering_is_refused() -> None:
    ledger = Ledger()
    ledger.enter("s", "a")
    with pytest.raises(AccountingError, match="twice"):
        ledger.enter("s", "a")
    ledger.keep("s", "a")
    with pytest.raises(AccountingError, match="does not wait"):
        ledger.drop("s", "a", reason="r")
    with pytest.raises(AccountingError, match="does not wait"):
        ledger.keep("other", "a")
