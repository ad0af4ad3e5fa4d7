"""Jobs on this machine: results, errors, killed workers, Ctrl-C."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eagdata.errors import BoundaryError, RecipeError, TeacherError
from eagdata.executors import executor
from eagdata.executors.local import LocalExecutor
from tests.executors.jobs import Raise, Sleep, Words, Write, corpus, findings, left_of, looked, raise_odd, wait_until

ROOT = Path(__file__).parents[2]
LONG = """
import sys
from pathlib import Path
from eagdata.executors.local import LocalExecutor
from tests.executors.jobs import Sleep
if __name__ == "__main__":
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    LocalExecutor(2).run([Sleep(folder / str(i), seconds) for i in range(9)])
"""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_several_processes_find_the_same_bytes_in_the_same_order(tmp_path: Path) -> None:
    for name, processes in (("one", 1), ("three", 3)):
        folder = tmp_path / name
        found = findings(corpus(folder, LocalExecutor(processes)), Words(folder / "log"))
        assert [row for table in found for row in table["row"].to_pylist()] == list(range(30))
        assert [words for table in found for words in table["words"].to_pylist()] == list(range(1, 31))
        assert sorted(int(line) for line in looked(folder / "log")) == [0, 5, 10, 15, 20, 25]
    assert files(tmp_path / "one/stage/words") == files(tmp_path / "three/stage/words")


def test_a_look_sees_only_rows_that_are_still_there(tmp_path: Path) -> None:
    found = findings(corpus(tmp_path, LocalExecutor(), shards=2, dead=[0, 7]), Words(tmp_path / "log"))
    assert [table["row"].to_pylist() for table in found] == [[1, 2, 3, 4], [5, 6, 8, 9]]


def test_one_process_is_this_one_and_several_are_others(tmp_path: Path) -> None:
    paths = [tmp_path / str(i) for i in range(4)]
    LocalExecutor(1).run([Write(path) for path in paths])
    assert {int(path.read_text()) for path in paths} == {os.getpid()}
    LocalExecutor(2).run([Write(path) for path in paths])
    assert os.getpid() not in {int(path.read_text()) for path in paths}


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_a_job_arrives_as_it_was_raised(tmp_path: Path, processes: int) -> None:
    error = TeacherError("it went", why="because", mend="do this", retryable=False)
    with pytest.raises(TeacherError) as caught:
        LocalExecutor(processes).run([Write(tmp_path / "a"), Raise(error), Write(tmp_path / "b")])
    arrived = caught.value
    assert (arrived.what, arrived.why, arrived.mend, arrived.retryable) == ("it went", "because", "do this", False)
    assert str(arrived) == str(error)


def test_a_bug_in_a_job_shows_where_it_happened(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        LocalExecutor(2).run([Write(tmp_path / "a"), Raise(ZeroDivisionError("by nothing"))])
    assert "jobs.py" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="OddError: a and b"):
        LocalExecutor(2).run([Write(tmp_path / "a"), raise_odd])


def test_a_job_that_cannot_travel_is_refused_at_once() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        LocalExecutor(2).run([lambda: None, lambda: None])


def test_a_killed_worker_costs_one_more_try_of_its_job_alone(tmp_path: Path) -> None:
    findings(corpus(tmp_path, LocalExecutor(2)), Words(tmp_path / "log", killed_at=10, times=1))
    assert sorted(int(line) for line in looked(tmp_path / "log")) == [0, 5, 10, 10, 15, 20, 25]


def test_a_job_that_kills_its_worker_twice_is_named_and_what_is_done_stays(tmp_path: Path) -> None:
    documents, look = corpus(tmp_path, LocalExecutor(2)), Words(tmp_path / "log", killed_at=25, times=2)
    with pytest.raises(BoundaryError, match=r"look 'words' at .*00005\.arrow lost its worker twice\n.*SIGKILL"):
        findings(documents, look)
    assert len(findings(documents, look)) == 6
    assert sorted(int(line) for line in looked(tmp_path / "log")) == [0, 5, 10, 15, 20, 25, 25, 25]


def long_run(folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LONG, str(folder), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(folder / "0", folder / "1")
    return process


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    process = long_run(tmp_path, 600)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == 1, said
    assert left_of(process.pid) == []


def test_the_ctrl_c_of_the_terminal_does_not_reach_a_job(tmp_path: Path) -> None:
    paths = [tmp_path / "0", tmp_path / "1"]
    reached: list[int] = []

    def interrupt() -> None:
        wait_until(*paths)
        reached.extend(int(path.read_text()) for path in paths)
        for pid in reached:
            os.kill(pid, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    LocalExecutor(2).run([Sleep(path, 1) for path in paths])
    interrupting.join()
    assert [int(path.read_text()) for path in paths] == reached


def test_when_this_process_is_killed_its_workers_end_after_their_job(tmp_path: Path) -> None:
    process = long_run(tmp_path, 1)
    process.kill()
    _, said = process.communicate(timeout=60)
    assert left_of(process.pid) == []
    assert said == ""
    assert len(list(tmp_path.iterdir())) < 9


def test_an_unknown_executor_is_refused_and_the_known_are_named() -> None:
    assert executor("local").name == "local"
    with pytest.raises(RecipeError, match=r"'spark'\nwhy: .*local and ray"):
        executor("spark")
