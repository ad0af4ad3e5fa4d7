"""Jobs on Ray: two nodes of which one is lost, errors, and a Ray that is started for the run."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from eagdata.errors import BoundaryError, PrerequisiteError, TeacherError
from eagdata.executors.local import LocalExecutor
from eagdata.executors.ray import RayExecutor
from tests.executors.jobs import Raise, Words, corpus, findings, left_of, looked, session, wait_until
from tests.executors.test_local import files

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra ray is not installed")
ROOT = Path(__file__).parents[2]
OWN = """
import sys
from pathlib import Path
from eagdata.executors import executor
from tests.executors.jobs import Sleep, Words, corpus, findings
folder = Path(sys.argv[1])
ray = executor("ray")
findings(corpus(folder, ray, shards=2), Words(folder / "log"))
ray.run([Sleep(folder / str(i), 600) for i in range(3)])
"""


class Node:
    """A Ray node of one processor, as processes of a session."""

    def __init__(self, name: str, *where: str) -> None:
        command = [str(Path(sys.executable).with_name("ray")), "start", *where]
        command += ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
        environment = os.environ | {"TEST_NODE": name, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
        quiet = subprocess.DEVNULL
        starting = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=quiet, stderr=quiet, start_new_session=True)
        self._session = starting.pid
        if starting.wait(timeout=120) != 0:
            self.lose()
            pytest.fail(f"the Ray node {name} did not start")

    def lose(self) -> None:
        """All of its processes at once, as when the power goes."""
        while left := session(self._session):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, Node]]:
    """Its address, and the node that may be lost."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    head = Node("first", "--head", f"--port={port}", "--include-dashboard=false")
    try:
        second = Node("second", f"--address={address}")
        yield address, second
        second.lose()
    finally:
        head.lose()


@pytest.fixture
def ray(cluster: tuple[str, Node]) -> Iterator[RayExecutor]:
    executor = RayExecutor(cluster[0])
    yield executor
    executor.close()


@needs_ray
def test_an_error_on_a_node_arrives_as_it_was_raised(ray: RayExecutor) -> None:
    with pytest.raises(TeacherError) as caught:
        ray.run([Raise(TeacherError("it went", why="because", mend="do this", retryable=False))])
    arrived = caught.value
    assert (arrived.what, arrived.why, arrived.mend, arrived.retryable) == ("it went", "because", "do this", False)


@needs_ray
def test_a_folder_that_a_node_does_not_see_is_said_to_be_that(ray: RayExecutor, tmp_path: Path) -> None:
    documents = corpus(tmp_path, ray, shards=2)
    (tmp_path / "documents" / "00001.arrow").unlink()
    with pytest.raises(BoundaryError, match=r"00001\.arrow does not find its files\nwhy: .*every node"):
        findings(documents, Words(tmp_path / "log"))


@needs_ray
def test_a_job_that_always_kills_its_worker_is_named(ray: RayExecutor, tmp_path: Path) -> None:
    with pytest.raises(BoundaryError, match=r"00001\.arrow was lost on the Ray cluster"):
        findings(corpus(tmp_path, ray, shards=3), Words(tmp_path / "log", killed_at=5, times=99))


@needs_ray
def test_a_lost_node_costs_its_own_shard_and_the_bytes_are_those_of_one_machine(
    cluster: tuple[str, Node], ray: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    findings(corpus(here, LocalExecutor(), shards=20), Words(here / "log"))
    hanging = there / "log.hangs"

    def lose() -> None:
        wait_until(hanging)
        cluster[1].lose()

    losing = threading.Thread(target=lose)
    losing.start()
    findings(corpus(there, ray, shards=20), Words(there / "log", hangs_on="second"))
    losing.join()
    calls = Counter(line.split()[0] for line in looked(there / "log"))
    assert calls == Counter(line.split()[0] for line in looked(here / "log")) + Counter(looked(hanging))
    assert Counter(line.split()[1] for line in looked(there / "log"))["second"] == 3
    assert files(there / "stage/words") == files(here / "stage/words")
    assert capfd.readouterr() == ("", "")


def own_ray(folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-W", "error", "-c", OWN, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@needs_ray
def test_without_an_address_a_ray_is_started_in_silence_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    process = own_ray(tmp_path)
    wait_until(tmp_path / "0", timeout_s=120)
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert printed == ""
    assert said.startswith("Traceback")
    assert said.count("Traceback") == 1, said
    assert said.endswith("KeyboardInterrupt\n")
    assert sorted(int(line) for line in looked(tmp_path / "log")) == [0, 5]
    assert left_of(process.pid) == []


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonsense", "ray://127.0.0.1:9"])
def test_where_no_cluster_answers_it_says_so_at_once(address: str) -> None:
    with pytest.raises(BoundaryError, match=f"no Ray cluster answers at '{address}'"):
        RayExecutor(address)


def test_without_the_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PrerequisiteError, match=r"pip install 'eagdata\[ray\]'"):
        RayExecutor("127.0.0.1:9")
