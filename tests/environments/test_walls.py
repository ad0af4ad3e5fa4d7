"""Each line of isolation, attacked once in each isolated tier. The thorough attack is in tests/hostile."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eagdata.environments.python import PythonEnvironment
from eagdata.environments.sandbox.probe import TIERS, probe
from eagdata.errors import PrerequisiteError

from .conftest import Reset, run, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["namespaces", "landlock"])
async def environment(request: pytest.FixtureRequest) -> AsyncIterator[PythonEnvironment]:
    async with PythonEnvironment(PythonEnvironment.Config(isolation=request.param, timeout_s=5, memory_mb=512)) as opened:
        yield opened


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text("secret")
    path.chmod(0o666)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o777)
    return path


def content(path: Path) -> str:
    return path.read_text()


async def test_files_of_the_host_cannot_be_read_or_written(reset: Reset, canary: Path) -> None:
    episode = await reset()
    assert (await run(episode, f"open({str(canary)!r}).read()")).kind in ("FileNotFoundError", "PermissionError")
    assert (await run(episode, f"open({str(canary)!r}, 'w').write('x')")).status == "error"
    assert (await run(episode, f"open('/proc/{os.getpid()}/root{canary}').read()")).status == "error"
    assert (await run(episode, f"open('/proc/1/root{canary}').read()")).status == "error"
    assert (await run(episode, f"open({__file__!r}).read()")).status == "error"
    assert content(canary) == "secret"


async def test_libraries_cannot_be_changed(reset: Reset) -> None:
    seen = await run(await reset(), "import math, numpy, os\nopen(os.path.dirname(numpy.__file__) + '/x', 'w')")
    assert seen.kind in ("PermissionError", "OSError")


async def test_the_hosts_environment_is_not_seen(reset: Reset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAGDATA_SECRET", "hush")
    seek = "for pid in ['self', *range(1, 10)]:\n    try: print(open(f'/proc/{pid}/environ').read())\n    except OSError: pass"
    source = f"import os\n{seek}\nos.environ"
    seen = await text(await reset(), source)
    assert "EAGDATA_SECRET" not in seen
    assert not {key for key in os.environ if f"'{key}'" in seen} - {
        "PATH",
        "HOME",
        "LC_ALL",
        "TZ",
        "PYTHONDONTWRITEBYTECODE",
        "LD_LIBRARY_PATH",
    }


async def test_there_is_no_network(reset: Reset) -> None:
    episode = await reset()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for family, kind in (("AF_INET", "SOCK_STREAM"), ("AF_INET", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_DGRAM"), ("AF_NETLINK", "SOCK_RAW")):
            assert (await run(episode, f"import socket; socket.socket(socket.{family}, socket.{kind})")).kind == "PermissionError"
        assert (await run(episode, f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))")).status == "error"
    assert (await run(episode, "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)")).kind == "PermissionError"
    assert await text(episode, "import asyncio\nasync def f(): return 3\nasyncio.run(f())") == "3\n"


@pytest.mark.parametrize(
    "source", ["import os; os.fork()", "import subprocess; subprocess.run(['/bin/true'])", "import os; os.execv('/bin/true', ['x'])"]
)
async def test_no_process_can_be_started(reset: Reset, source: str) -> None:
    assert (await run(await reset(), source)).kind in ("PermissionError", "FileNotFoundError", "BlockingIOError")


async def test_the_right_to_fork_ends_with_the_fork(reset: Reset) -> None:
    episode = await reset()
    fork = await episode.fork()
    for one in (episode, fork):
        assert (await run(one, "import os; os.fork()")).kind == "PermissionError"
        assert (
            await run(one, "import ctypes; ctypes.CDLL(None, use_errno=True).unshare(0x10020000), ctypes.get_errno()")
        ).value == "(-1, 1)"
    await fork.close()


async def test_nobody_else_can_be_signalled(reset: Reset) -> None:
    episode = await reset()
    fork = await episode.fork()
    pid = int(await text(episode, "import os; os.getpid()"))
    attempt = "    try: os.kill(pid, 0)\n    except PermissionError: denied.append(pid)"
    source = f"import os\ndenied = []\nfor pid in [{os.getpid()}, {pid}, 1, 0, -1]:\n{attempt}\nlen(denied)"
    assert await text(fork, source) == "5\n"
    await fork.close()


async def test_another_episodes_folder_cannot_be_entered(reset: Reset) -> None:
    episode, other = await reset(), await reset()
    await run(episode, "open('mine', 'w').write('x')")
    place = await text(episode, "import os; print(os.getcwd(), end='')")
    seen = await text(other, f"import os\nprint(os.path.samefile('.', {place!r}) or open({place!r} + '/mine').read())")
    assert seen == "True\n" or "PermissionError" in seen  # in `namespaces` each has the same name for its own


async def test_siblings_cannot_read_each_others_memory(reset: Reset) -> None:
    episode = await reset()
    fork = await episode.fork()
    pid = int(await text(episode, "import os; os.getpid()"))
    for name in ("mem", "environ", "maps", "fd/0"):
        assert (await run(fork, f"open('/proc/{pid}/{name}', 'rb').read(1)")).status == "error"
    await fork.close()


async def test_a_program_has_no_capability_and_may_get_none(reset: Reset) -> None:
    seen = await text(await reset(), "print([line.split() for line in open('/proc/self/status') if line[:3] in ('Cap', 'NoN', 'Sec')])")
    if "Permission" not in seen:  # Landlock hides it
        assert seen.count("'0000000000000000'") == 5
        assert "['NoNewPrivs:', '1'], ['Seccomp:', '2']" in seen


async def test_threads_work_and_are_bounded_by_memory(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "from concurrent.futures import ThreadPoolExecutor")
    pool = "with ThreadPoolExecutor(4) as pool: print(sum(pool.map(lambda n: n * n, range(10))))"
    assert await text(episode, pool) == "285\n"
    bomb = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    assert (await run(episode, bomb)).status in ("error", "limit")


async def test_every_wall_is_found_standing_by_the_self_test() -> None:
    found = await probe()
    assert list(found) == list(TIERS)
    for tier in ("namespaces", "landlock"):
        assert [wall for wall, stands, _ in found[tier] if not stands] == []
    assert {wall for wall, stands, _ in found["process"] if stands} >= {"memory", "timeout"}


async def test_a_tier_below_the_least_wanted_is_refused_with_the_way_out() -> None:
    with pytest.raises(PrerequisiteError) as caught:
        async with PythonEnvironment(PythonEnvironment.Config(isolation="process")):
            pass
    assert "--set environment.min_isolation=process" in caught.value.mend
