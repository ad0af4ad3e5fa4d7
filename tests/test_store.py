"""The run folder: what it holds on to, and whom it refuses."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from eagdata.contracts import Reply
from eagdata.errors import StoreError
from eagdata.recipe import Plan, read_plan
from eagdata.records import Failure, Task, Trace, Usage
from eagdata.store import RunStore, call_key, read_traces

TASK = Task(id="t-1", question="q", verifier="number", reference=1)


@pytest.fixture
def plan() -> Plan:
    return read_plan("quickstart", overrides={"n": 3})


def test_a_reply_is_there_after_the_store_was_opened_again(plan: Plan, tmp_path: Path) -> None:
    reply = Reply(content="x \x00 ½ <|endoftext|>", usage=Usage(calls=1, prompt_tokens=None), finish_reason="stop")
    with RunStore(tmp_path / "run", plan) as store:
        store.record_reply("k", reply, task_id="t-1", path=".0")
    with RunStore(tmp_path / "run", plan) as store:
        assert store.reply("k") == reply
        assert store.reply("other") is None


def test_a_trace_is_read_back_whole_and_while_the_run_goes_on(plan: Plan, tmp_path: Path) -> None:
    trace = Trace(task=TASK, prompt=(), stopped="nodes", time_s=1.5)
    with RunStore(tmp_path / "run", plan) as store:
        store.record_trace(2, trace)
        assert store.finished() == {2}
        assert list(store.traces()) == [(2, trace)]
        assert list(read_traces(tmp_path / "run")) == [trace]


def test_failed_traces_are_forgotten_for_another_try(plan: Plan, tmp_path: Path) -> None:
    failed = Trace(task=TASK, prompt=(), failure=Failure(boundary="teacher", kind="TeacherError", message="m", retryable=True))
    with RunStore(tmp_path / "run", plan) as store:
        store.record_trace(0, failed)
        store.record_trace(1, Trace(task=TASK, prompt=()))
        assert store.forget_failed() == 1
        assert store.finished() == {1}


def test_a_second_process_is_refused(plan: Plan, tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", plan), pytest.raises(StoreError, match="in use"):
        RunStore(tmp_path / "run", plan).__enter__()


def test_another_plan_names_the_keys_that_differ(plan: Plan, tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", plan):
        pass
    other = read_plan("quickstart", overrides={"n": 3, "search.tau": 0.9})
    with pytest.raises(StoreError) as raised:
        RunStore(tmp_path / "run", other).__enter__()
    assert "search.tau: 0.5 -> 0.9" in raised.value.why
    assert "--fresh" in raised.value.mend


def test_a_folder_with_something_else_in_it_is_never_touched(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(StoreError, match=r"no run folder"):
            RunStore(tmp_path, plan, fresh=fresh).__enter__()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("damage", ["not json", "{}", "[]", '{"digest": 1}'])
def test_a_corrupt_plan_is_a_clear_error(plan: Plan, tmp_path: Path, damage: str) -> None:
    with RunStore(tmp_path / "run", plan):
        pass
    (tmp_path / "run" / "plan.json").write_text(damage)
    with pytest.raises(StoreError, match="is corrupt"):
        RunStore(tmp_path / "run", plan).__enter__()


def test_a_corrupt_journal_is_a_clear_error_and_is_left_as_it_is(plan: Plan, tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", plan):
        pass
    path = tmp_path / "run" / "run.db"
    path.write_bytes(b"garbage" * 5000)
    with pytest.raises(StoreError, match="is corrupt"):
        RunStore(tmp_path / "run", plan).__enter__()
    assert path.read_bytes() == b"garbage" * 5000


def test_a_journal_of_another_version_is_refused(plan: Plan, tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", plan):
        pass
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("UPDATE meta SET value = '99'")
    with pytest.raises(StoreError, match="version 99"):
        RunStore(tmp_path / "run", plan).__enter__()


def test_the_plan_in_the_folder_holds_no_secret(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with RunStore(tmp_path / "run", read_plan("quickstart", overrides={"teacher.kind": "openai_chat", "teacher.model": "m"})):
        pass
    assert "sk-very-secret" not in (tmp_path / "run" / "plan.json").read_text()
    assert json.loads((tmp_path / "run" / "plan.json").read_text())["plan"]["teacher"]["kind"] == "openai_chat"


def test_siblings_with_the_same_prompt_are_distinct_calls() -> None:
    one = call_key(plan_digest="p", task_id="t", path=".0.0", request={"messages": []})
    assert one != call_key(plan_digest="p", task_id="t", path=".0.1", request={"messages": []})
    assert one == call_key(plan_digest="p", task_id="t", path=".0.0", request={"messages": []})
