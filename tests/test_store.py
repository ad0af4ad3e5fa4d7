"""The run folder: what it holds on to, and whom it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eagdata.contracts import Reply, Request
from eagdata.errors import PrerequisiteError, StoreError
from eagdata.plan import Plan
from eagdata.recipe import read_plan
from eagdata.records import Failure, Leaf, Message, Node, Task, ToolCall, Trace, Usage, Verdict
from eagdata.store import RunStore, call_key, read_replies, read_traces, unfinished_tasks

TASK = Task(id="t-1", question="q", verifier="number", reference=1)
ONE = Usage(calls=1, prompt_tokens=10, completion_tokens=5, cached_tokens=0, cost_usd=0.1)
FAILURE = Failure(boundary="teacher", kind="TeacherError", message="m", retryable=True)
RIGHT = Leaf(node=0, verdict=Verdict(status="pass", reward=1.0))
CALL: Any = {"task_id": "t-1", "path": ".0"}


@pytest.fixture
def plan() -> Plan:
    return read_plan("quickstart", overrides={"n": 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def store(plan: Plan, folder: Path) -> Iterator[RunStore]:
    with RunStore(folder, plan) as opened:
        yield opened


async def write(store: RunStore, n: int, *, size: int = 1000) -> None:
    """Replies `r0`, `r1`, ... in one group."""
    await asyncio.gather(*(store.record_reply(f"r{i}", Reply(content=f"{i}" * size, usage=ONE), **CALL) for i in range(n)))


def in_other_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    head = (
        "import asyncio, sys, os, time\nfrom pathlib import Path\nfrom eagdata.contracts import Reply\n"
        "from eagdata.recipe import read_plan\nfrom eagdata.records import *\nfrom eagdata.store import RunStore\n"
        "plan, folder = read_plan('quickstart', overrides={'n': 3}), Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# Replies and traces


async def test_a_reply_is_there_after_the_store_was_opened_again(plan: Plan, folder: Path) -> None:
    call = ToolCall(id="c", name="run", arguments='{"code": "1"}')
    reply = Reply(
        content="x \x00 ½ <|endoftext|>", usage=Usage(calls=1, prompt_tokens=None), finish_reason="stop", tool_calls=(call,),
        extra={"logprobs": [-0.5, None], "id": "chat-1"},
    )  # fmt: skip
    with RunStore(folder, plan) as store:
        await store.record_reply("k", reply, **CALL)
    with RunStore(folder, plan) as store:
        assert store.reply("k") == reply
        assert store.reply("other") is None


async def test_text_that_no_utf8_can_hold_is_read_back_as_it_was(plan: Plan, folder: Path) -> None:
    reply = Reply(content="é", tool_calls=(ToolCall(id="\udc80", name="run", arguments="\ud83d"),), extra={"big": 2**80})
    trace = Trace(task=replace(TASK, id="t\ud800"), prompt=(Message(role="user", content="\udfff"),))
    with RunStore(folder, plan) as store:
        await store.record_reply("k", reply, task_id="t\ud800", path=".0")
        await store.record_trace(0, trace)
        assert list(store.traces()) == [(0, trace)]
    with RunStore(folder, plan) as store:
        assert store.reply("k") == reply


async def test_a_trace_is_read_back_whole_and_while_the_run_goes_on(store: RunStore, folder: Path) -> None:
    trace = Trace(task=TASK, prompt=(), stopped="nodes", time_s=1.5)
    await store.record_trace(2, trace)
    assert store.finished() == {2}
    assert list(store.traces()) == [(2, trace)]
    assert list(read_traces(folder)) == [trace]


async def test_traces_that_can_go_on_are_forgotten_for_another_try(store: RunStore) -> None:
    node = Node(parent=None, sample=0, call="k", status="answered")
    traces = {
        0: Trace(task=TASK, prompt=(), failure=FAILURE),
        1: Trace(task=TASK, prompt=()),
        2: Trace(task=TASK, prompt=(), nodes=(node,), leaves=(RIGHT,), failure=FAILURE),
        3: Trace(task=TASK, prompt=(), nodes=(node,), leaves=(RIGHT,), stopped="budget"),
        4: Trace(task=TASK, prompt=(), stopped="nodes"),
    }
    for position, trace in traces.items():
        await store.record_trace(position, trace)
    assert store.forget_failed() == 2
    assert store.finished() == {1, 2, 4}
    assert store.forget_failed() == 0


async def test_replies_of_an_unfinished_task_can_be_read_while_the_run_goes_on(store: RunStore, folder: Path) -> None:
    await store.record_reply("a", Reply(content="one"), task_id="t-1", path=".0")
    await store.record_reply("b", Reply(content="two"), task_id="t-1", path="0.1")
    await store.record_reply("c", Reply(content="other"), task_id="t-2", path=".0")
    assert [(path, reply.content) for path, reply in read_replies(folder, "t-1")] == [(".0", "one"), ("0.1", "two")]
    assert unfinished_tasks(folder) == ["t-1", "t-2"]
    await store.record_trace(0, Trace(task=TASK, prompt=()))
    assert unfinished_tasks(folder) == ["t-2"]


# Groups


async def test_replies_of_one_turn_of_the_loop_become_durable_together(store: RunStore, folder: Path) -> None:
    with sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True) as reader:
        seen: list[int] = []

        async def one(i: int) -> None:
            await store.record_reply(f"k{i}", Reply(content="x"), **CALL)
            seen.append(reader.execute("SELECT COUNT(*) FROM replies").fetchone()[0])

        await asyncio.gather(*map(one, range(64)))
    reader.close()
    assert seen == [64] * 64


async def test_who_stops_waiting_takes_neither_the_reply_nor_the_group_with_him(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan) as store:
        tasks = [asyncio.ensure_future(store.record_reply(f"k{i}", Reply(content="x"), **CALL)) for i in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in done] == [type(None), asyncio.CancelledError, type(None)]
    with RunStore(folder, plan) as store:
        assert all(store.reply(f"k{i}") for i in range(3))


def test_what_nobody_waits_for_is_written_as_well(plan: Plan, folder: Path) -> None:
    async def leave(close: Callable[[], None]) -> None:
        store.lost("a", ONE, why="w", **CALL)
        close()

    store = RunStore(folder, plan).__enter__()
    asyncio.run(leave(lambda: None))
    asyncio.run(leave(store.__exit__))
    with RunStore(folder, plan) as store:
        assert store.lost_tries() == 2


def test_what_was_reported_durable_survives_a_kill_at_any_moment(plan: Plan, folder: Path) -> None:
    code = """
with RunStore(folder, plan) as store:
    async def one(i):
        for k in range(10**6):
            await store.record_reply(f'{os.getpid()}-{i}-{k}', Reply(content='x' * 1000), task_id='t', path='.0')
            os.write(1, f'{os.getpid()}-{i}-{k}\\n'.encode())
    async def main(): await asyncio.gather(*map(one, range(8)))
    asyncio.run(main())
"""
    reported: list[str] = []
    for kill_after in (1, 150, 700):
        process = in_other_process(code, folder)
        assert process.stdout
        reported += [process.stdout.readline().strip() for _ in range(kill_after)]
        process.send_signal(signal.SIGKILL)
        reported += [line.strip() for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    with RunStore(folder, plan) as store:
        assert [key for key in reported if store.reply(key) is None] == []
    assert len(reported) > 850


def test_the_log_is_flushed_for_a_power_cut_and_the_database_file_is_never_opened_beside_sqlite(folder: Path) -> None:
    """Closing a descriptor of the database would drop SQLite's locks on it."""
    code = """
opened, flushed, flush = [], [], os.fdatasync
def hook(event, seen):
    if event == 'open' and isinstance(seen[0], (str, Path)): opened.append(Path(seen[0]).name)
def noted(handle):
    flush(handle)
    flushed.append(Path(os.readlink(f'/proc/self/fd/{handle}')).name)
sys.addaudithook(hook)
os.fdatasync = noted
async def main():
    with RunStore(folder, plan) as store:
        await store.record_reply('k', Reply(content='x'), task_id='t', path='.0')
        deadline = time.monotonic() + 30
        while not flushed and time.monotonic() < deadline: await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
        print(flushed)
    print(flushed, 'run.db' in opened)
asyncio.run(main())
"""
    process = in_other_process(code, folder)
    stdout, stderr = process.communicate(timeout=60)
    assert stdout.splitlines() == ["['run.db-wal']", "['run.db-wal', 'run.db-wal'] False"], stderr


# Tries and what they cost


async def test_spent_is_every_reply_and_every_try_without_an_end_at_its_most(plan: Plan, folder: Path) -> None:
    most = Usage(calls=1, prompt_tokens=100, completion_tokens=50, cached_tokens=0, cost_usd=0.7)
    with RunStore(folder, plan) as store:
        assert store.spent() == Usage()
        answered, refused, lost, cut = [await store.open_try("k", most, **CALL) for _ in range(4)]
        assert store.spent().cost_usd == 2.8
        await store.record_reply("k", Reply(content="x", usage=ONE), settles=answered, **CALL)
        store.close_try(refused)
        store.lose_try(lost, "no answer within 60 s \ud800")
        store.lost("k", most, why="connection reset", **CALL)
        await asyncio.sleep(0)
        assert store.lost_tries() == 2
    assert cut not in (answered, refused, lost)
    with RunStore(folder, plan) as store:
        assert store.spent() == Usage(calls=4, prompt_tokens=310, completion_tokens=155, cached_tokens=0, cost_usd=2.2)
        assert store.lost_tries() == 3, "the end of the one that was cut off is nobody's knowledge"
        number = await store.open_try("k", most, **CALL)
        assert store.spent().calls == 5, "numbers are not used again"
        store.close_try(number)
        await asyncio.sleep(0)
        assert store.spent().calls == 4
    with sqlite3.connect(folder / "run.db") as db:
        assert {why for (why,) in db.execute("SELECT why FROM tries")} >= {"no answer within 60 s �", "connection reset"}
    db.close()


async def test_an_unknown_part_makes_its_sum_unknown_and_no_other(store: RunStore) -> None:
    usages = [ONE, replace(ONE, cached_tokens=None), Usage(calls=0, prompt_tokens=None, cost_usd=None), replace(ONE, calls=3)]
    for i, usage in enumerate(usages):
        await store.record_reply(f"k{i}", Reply(content="x", usage=usage), **CALL)
    added = sum(usages, Usage())
    assert added.cached_tokens is None
    assert store.spent() == replace(added, cost_usd=0.3)
    await store.open_try("k", replace(ONE, completion_tokens=None), **CALL)
    assert store.spent() == Usage(calls=6, prompt_tokens=40, completion_tokens=None, cached_tokens=None, cost_usd=0.4)


async def test_money_adds_up_exactly(store: RunStore) -> None:
    for i in range(30):
        await store.record_reply(f"k{i}", Reply(content="x", usage=replace(ONE, cost_usd=0.1)), **CALL)
    assert store.spent().cost_usd == 3.0


# What may go wrong


def test_a_full_disk_loses_nothing_that_was_reported_and_what_waits_is_written_once_there_is_room(plan: Plan, folder: Path) -> None:
    """A file-size limit of the process stands in for the disk: writes fail in the same way."""
    code = """
import resource
from eagdata.errors import PrerequisiteError
async def main():
    with RunStore(folder, plan) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        for group in range(100):
            calls = [store.record_reply(f'{group}-{i}', Reply(content='x' * 1000), task_id='t', path='.0') for i in range(8)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            if any(found): break
            print(*(f'{group}-{i}' for i in range(8)), sep='\\n')
        assert [type(error) for error in found] == [PrerequisiteError] * 8, found
        assert 'run.db' in found[0].what and 'resumes' in found[0].mend
        store.lost('k', Usage(), task_id='t', path='.0', why='w')
        await asyncio.sleep(0)
        if sys.argv[2] == 'room':
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(*(f'{group}-{i}' for i in range(8)), sep='\\n')
asyncio.run(main())
"""
    for disk in ("full", "room"):
        process = in_other_process(code, folder / disk, disk)
        stdout, stderr = process.communicate(timeout=60)
        assert ("PrerequisiteError" in stderr) == (disk == "full"), stderr
        assert "AssertionError" not in stderr
        assert process.returncode == (1 if disk == "full" else 0)
        with RunStore(folder / disk, plan) as store:
            assert len(stdout.split()) >= 64
            assert [key for key in stdout.split() if store.reply(key) is None] == []
            assert store.lost_tries() == (disk == "room")


@pytest.fixture
async def killed(plan: Plan, folder: Path) -> Path:
    """A run of 64 replies in 8 groups whose process was killed: half of them moved into run.db, half in its log alone."""
    code = """
import sqlite3
async def main():
    with RunStore(folder, plan) as store:
        for group in range(8):
            calls = [store.record_reply(f'{group}-{i}', Reply(content='x' * 3000), task_id='t', path='.0') for i in range(8)]
            await asyncio.gather(*calls)
            if group == 3:
                other = sqlite3.connect(folder / 'run.db'); other.execute('PRAGMA wal_checkpoint(TRUNCATE)'); other.close()
        os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    process = in_other_process(code, folder)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, stderr
    return folder


def kept(folder: Path, plan: Plan) -> set[str]:
    with RunStore(folder, plan) as store:
        return {f"{group}-{i}" for group in range(8) for i in range(8) if store.reply(f"{group}-{i}")}


ALL = {f"{group}-{i}" for group in range(8) for i in range(8)}


def test_a_kill_loses_nothing(killed: Path, plan: Plan) -> None:
    assert kept(killed, plan) == ALL


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.99])
def test_a_log_that_was_cut_keeps_every_whole_group_before_the_cut(killed: Path, plan: Plan, share: float) -> None:
    log = killed / "run.db-wal"
    os.truncate(log, int(log.stat().st_size * share))
    found = kept(killed, plan)
    assert {key for key in ALL if key < "4"} <= found < ALL
    assert all({key for key in ALL if key[0] == group} <= found for group in {key[0] for key in found}), "half a group"
    assert kept(killed, plan) == found


def test_garbage_after_the_end_of_either_file_does_no_harm(killed: Path, plan: Plan) -> None:
    for name in ("run.db", "run.db-wal"):
        with (killed / name).open("ab") as file:
            file.write(os.urandom(70_000))
    assert kept(killed, plan) == ALL


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in ("run.db", "run.db-wal")}


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_a_database_file_that_was_cut_is_a_clear_error_and_is_left_as_it_is(killed: Path, plan: Plan, share: float) -> None:
    path = killed / "run.db"
    whole = path.read_bytes()
    os.truncate(path, int(len(whole) * share))
    before = contents(killed)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"run\.db is corrupt") as raised:
            RunStore(killed, plan).__enter__()
        assert "--fresh" in raised.value.mend
    assert contents(killed) == before
    path.write_bytes(whole)
    assert kept(killed, plan) == ALL, "the copy that was put back and the log make all of it"


def test_a_database_file_that_is_gone_does_not_take_its_log_with_it(killed: Path, plan: Plan) -> None:
    before = contents(killed)
    (killed / "run.db").unlink()
    with pytest.raises(StoreError, match=r"run\.db is corrupt"):
        RunStore(killed, plan).__enter__()
    assert contents(killed) == {"run.db-wal": before["run.db-wal"]}


def test_a_kill_before_the_journal_had_tables_is_not_in_the_way(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan):
        pass
    (folder / "run.db").unlink()
    sqlite3.connect(folder / "run.db").execute("PRAGMA journal_mode=WAL").connection.close()
    with pytest.raises(StoreError, match="no such table"):
        list(read_traces(folder))
    with RunStore(folder, plan) as store:
        assert store.finished() == set()


def test_garbage_instead_of_a_journal_is_a_clear_error_and_is_left_as_it_is(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan):
        pass
    (folder / "run.db").write_bytes(b"garbage" * 5000)
    for act in (RunStore(folder, plan).__enter__, lambda: list(read_traces(folder))):
        with pytest.raises(StoreError, match="is corrupt"):
            act()
    assert contents(folder) == {"run.db": b"garbage" * 5000}


async def test_a_damaged_record_is_a_clear_error(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan) as store:
        await store.record_reply("k", Reply(content="x"), **CALL)
        await store.record_trace(0, Trace(task=TASK, prompt=()))
    with sqlite3.connect(folder / "run.db") as db:
        db.execute("UPDATE replies SET body = ?", (b'{"content": 3',))
        db.execute("UPDATE traces SET body = ?", (zlib.compress(b"{}"),))
    db.close()
    with RunStore(folder, plan) as store:
        with pytest.raises(StoreError, match="holds a reply that cannot be read"):
            store.reply("k")
        with pytest.raises(StoreError, match="holds a trace that cannot be read"):
            list(store.traces())


def test_a_second_process_is_refused_and_a_killed_one_is_not_in_the_way(plan: Plan, folder: Path) -> None:
    with in_other_process("store = RunStore(folder, plan).__enter__()\nprint('open', flush=True)\ntime.sleep(100)", folder) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "open\n"
            with pytest.raises(StoreError, match="in use"):
                RunStore(folder, plan).__enter__()
        finally:
            process.kill()
    with RunStore(folder, plan):
        pass


def test_another_plan_names_the_keys_that_differ(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan):
        pass
    other = read_plan("quickstart", overrides={"n": 3, "search.tau": 0.9})
    with pytest.raises(StoreError) as raised:
        RunStore(folder, other).__enter__()
    assert "search.tau: 0.5 -> 0.9" in raised.value.why
    assert "--fresh" in raised.value.mend


def test_a_folder_with_something_else_in_it_is_never_touched(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(StoreError, match=r"no run folder"):
            RunStore(tmp_path, plan, fresh=fresh).__enter__()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_kill_before_the_plan_was_written_is_not_in_the_way(plan: Plan, folder: Path) -> None:
    folder.mkdir()
    (folder / "plan.json.part").write_text('{"dig')
    with RunStore(folder, plan):
        assert json.loads((folder / "plan.json").read_text())["digest"] == plan.digest


@pytest.mark.parametrize("damage", ["not json", "{}", "[]", '{"digest": 1}'])
def test_a_corrupt_plan_is_a_clear_error(plan: Plan, folder: Path, damage: str) -> None:
    with RunStore(folder, plan):
        pass
    (folder / "plan.json").write_text(damage)
    with pytest.raises(StoreError, match="is corrupt"):
        RunStore(folder, plan).__enter__()


VERSION_1 = """
PRAGMA journal_mode=WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE replies (key TEXT PRIMARY KEY, task_id TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE traces (position INTEGER PRIMARY KEY, task_id TEXT NOT NULL, trace_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX traces_by_id ON traces (trace_id);
INSERT INTO meta VALUES ('journal_version', '1');
INSERT INTO replies VALUES ('k', 't', '.0', '{"content": "x"}');
"""


@pytest.mark.parametrize("version", ["1", "99"])
def test_a_journal_of_another_version_is_refused_and_left_as_it_is(plan: Plan, folder: Path, version: str) -> None:
    with RunStore(folder, plan):
        pass
    (folder / "run.db").unlink()
    db = sqlite3.connect(folder / "run.db")
    db.executescript(VERSION_1)
    db.execute("UPDATE meta SET value = ?", (version,))
    db.commit()
    db.close()
    before = contents(folder)
    for act in (RunStore(folder, plan).__enter__, lambda: list(read_traces(folder))):
        with pytest.raises(StoreError, match=f"journal version {version}") as raised:
            act()
        assert "version 2" in raised.value.why
        assert "--fresh" in raised.value.mend
    assert contents(folder) == before
    with RunStore(folder, plan, fresh=True) as store:
        assert store.finished() == set()


def as_anyone(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code as a user without rights of his own; root may write anywhere."""
    if os.geteuid():
        command = [sys.executable, "-c", code, str(folder)]
    else:
        command = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", code, str(folder)]
        if not Path("/usr/bin/setpriv").exists() or subprocess.run([*command[:4], "-c", "import eagdata"], check=False).returncode:
            pytest.skip("an ordinary user cannot read this interpreter")
    return subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)


WRITE = """
import sys
from pathlib import Path
from eagdata.errors import PrerequisiteError
from eagdata.recipe import read_plan
from eagdata.store import RunStore
try: RunStore(Path(sys.argv[1]), read_plan('quickstart', overrides={'n': 3})).__enter__()
except PrerequisiteError as error: print(error)
"""


@pytest.mark.parametrize("closed", [("run",), ("run", "run/run.db"), ("run/run.db",)], ids=str)
async def test_a_read_only_folder_is_named_and_can_be_read(plan: Plan, tmp_path: Path, closed: tuple[str, ...]) -> None:
    folder = tmp_path / "run"
    with RunStore(folder, plan) as store:
        await store.record_trace(0, Trace(task=TASK, prompt=()))
    made = (path for path in tmp_path.parents if path.name.startswith(("pytest-", "popen-")))  # by pytest, for this user alone
    for path in (tmp_path, *made):
        path.chmod(0o755)
    folder.chmod(0o777)
    for path in folder.iterdir():
        path.chmod(0o666)
    for name in closed:
        (tmp_path / name).chmod(0o555)
    refused = as_anyone(WRITE, folder)
    assert str(folder) in refused.stdout, refused.stderr
    assert "mend:" in refused.stdout
    read = "import sys; from pathlib import Path; from eagdata import read_traces; print(len(list(read_traces(Path(sys.argv[1])))))"
    done = as_anyone(read, folder)
    assert done.stdout == "1\n", done.stderr


def test_a_folder_is_left_as_it_is_by_those_who_read_it(plan: Plan, folder: Path) -> None:
    with RunStore(folder, plan) as store:
        asyncio.run(store.record_trace(0, Trace(task=TASK, prompt=())))
    before = sorted(path.name for path in folder.iterdir())
    assert len(list(read_traces(folder))) == 1
    assert sorted(path.name for path in folder.iterdir()) == before


async def test_a_program_that_locks_the_journal_is_blamed_and_not_the_disk(store: RunStore, folder: Path) -> None:
    other = sqlite3.connect(folder / "run.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(PrerequisiteError, match="cannot write") as raised:
        await store.record_reply("k", Reply(content="x"), **CALL)
    assert "end the other program" in raised.value.mend
    other.close()
    await store.record_reply("l", Reply(content="x"), **CALL)


def test_the_plan_in_the_folder_holds_no_secret(plan: Plan, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with RunStore(folder, read_plan("quickstart", overrides={"teacher.kind": "openai_chat", "teacher.model": "m"})):
        pass
    assert "sk-very-secret" not in (folder / "plan.json").read_text()
    assert json.loads((folder / "plan.json").read_text())["plan"]["teacher"]["kind"] == "openai_chat"


# Keys of calls


def test_whatever_shapes_a_call_is_in_its_key() -> None:
    asked = Request(messages=(Message(role="user", content="q"),), seed=1)
    call = {"plan_digest": "p", "task_id": "t", "path": ".0"}
    requests = [
        asked,
        replace(asked, seed=2),
        replace(asked, sample=1),
        replace(asked, stop=("\n",)),
        replace(asked, tools=({"name": "run"},)),
        replace(asked, messages=(*asked.messages, Message(role="assistant", content=""))),
        replace(asked, messages=(Message(role="user", content="q "),)),
        replace(asked, messages=(Message(role="system", content="q"),)),
        replace(asked, messages=(Message(role="user", content="q", reasoning_content="r"),)),
        replace(asked, messages=(Message(role="user", content="q", tool_calls=(ToolCall(id="1", name="n", arguments="a"),)),)),
        replace(asked, messages=(Message(role="user", content="q", tool_calls=(ToolCall(id="1", name="n", arguments="b"),)),)),
        *(replace(asked, messages=(Message(role="user", content=text),)) for text in ("\ud800", "\ud801", "�", "\\ud800", "é")),
        replace(asked, messages=(Message(role="user", content="\ud800", tool_calls=(ToolCall(id="1", name="n", arguments="a"),)),)),
    ]
    keys = [call_key(**call, request=request) for request in requests]
    keys += [call_key(**call | other, request=asked) for other in ({"plan_digest": "o"}, {"task_id": "o"}, {"path": "0.0"})]
    keys.append(call_key(plan_digest="p", task_id="t.0", path="", request=asked))
    assert len(set(keys)) == len(keys)
    assert keys[0] == call_key(**call, request=replace(asked))
