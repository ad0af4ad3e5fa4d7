"""`eagdata show` of a task whose trace is not finished."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from eagdata.contracts import Reply
from eagdata.recipe import read_plan
from eagdata.records import Task, ToolCall, Trace, Usage
from eagdata.store import RunStore
from tests.e2e.running import eagdata, last_json

REPLIES = {
    ".0": Reply(content="Let me count.\n```python\nlen('abc')\n```", finish_reason="stop", usage=Usage(calls=1, completion_tokens=1234)),
    "0.1": Reply(content="It is \x1b[31m4.", finish_reason="length", usage=Usage(calls=1, completion_tokens=None)),
    "0.10": Reply(content="", tool_calls=(ToolCall(id="c", name="run", arguments='{"code": "1 + 1"}'),), usage=Usage(calls=1)),
    "0.1.0": Reply(content="It is 3.", reasoning="I count again.", finish_reason="stop", usage=Usage(calls=1, completion_tokens=7)),
    ".1": Reply(content="Another beginning.", usage=Usage(calls=1, completion_tokens=2)),
}
TREE = """\
task t-1: the trace is not finished; 5 replies so far, not yet judged

0  stop  1,234 tokens
  Let me count.
  ```python
  len('abc')
  ```
  0.1  length  tokens unknown
    It is �[31m4.
    0.1.0  stop  7 tokens
      I count again.
      It is 3.
  0.10  no finish reason  0 tokens
    {"code": "1 + 1"}
1  no finish reason  2 tokens
  Another beginning.
"""


async def grow(store: RunStore) -> None:
    await asyncio.gather(*(store.record_reply(f"k{path}", reply, task_id="t-1", path=path) for path, reply in REPLIES.items()))
    await store.record_reply("other", Reply(content="of another task"), task_id="t-2", path=".0")
    await store.record_trace(1, Trace(task=Task(id="t-2", question="q", verifier="number", reference=1), prompt=()))


def test_the_replies_of_a_task_in_work_are_a_tree_while_the_run_goes_on(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", read_plan("quickstart", overrides={"n": 3})) as store:
        asyncio.run(grow(store))
        assert eagdata("show", "run", "t-1", cwd=tmp_path).stdout == TREE
        asyncio.run(store.record_reply("later", Reply(content="x"), task_id="t-1", path="1.0"))
        shown = last_json(eagdata("show", "run", "t-1", "--json", cwd=tmp_path))
    assert (shown["task_id"], shown["finished"]) == ("t-1", False)
    assert [one["path"] for one in shown["replies"]] == [*REPLIES, "1.0"]
    assert shown["replies"][0]["reply"]["usage"]["completion_tokens"] == 1234


def test_a_finished_trace_is_shown_and_not_its_replies(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", read_plan("quickstart", overrides={"n": 3})) as store:
        asyncio.run(grow(store))
        assert "of another task" not in eagdata("show", "run", "t-2", cwd=tmp_path).stdout


def test_the_replies_of_a_task_that_a_kill_cut_off_are_shown_and_the_folder_is_left_as_it_is(tmp_path: Path) -> None:
    code = (
        "import asyncio, os; from pathlib import Path; from tests.e2e.test_show import RunStore, grow, read_plan\n"
        "with RunStore(Path('run'), read_plan('quickstart', overrides={'n': 3})) as store:\n"
        "    asyncio.run(grow(store))\n    os.kill(os.getpid(), 9)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{code}"], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.name != "run.db-shm"}
    assert eagdata("show", "run", "t-1", cwd=tmp_path).stdout == TREE
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.name != "run.db-shm"}


def test_an_unknown_id_gets_examples_of_both_kinds(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", read_plan("quickstart", overrides={"n": 3})) as store:
        asyncio.run(grow(store))
    missing = eagdata("show", "run", "nothing", cwd=tmp_path, check=2).stderr
    assert "t-1" in missing
    assert "t-2" in missing
