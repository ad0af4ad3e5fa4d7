"""What is alive when: nothing after the end, whatever ended it; and nothing lost when a process is put away or a box dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from eagdata.environments.python import PythonEnvironment

from .conftest import TIERS, run, task, text

NOBODY = 65534
HARNESS = """
import asyncio, sys
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Task
async def main():
    config = PythonEnvironment.Config(isolation=sys.argv[1], min_isolation="process", timeout_s=60)
    async with PythonEnvironment(config) as environment:
        episode = await environment.reset(Task(id="t", question="?", verifier="exact"))
        print((await episode.step(Action(kind="python", text="x = 6\\nx * 7"))).text, environment.isolation, flush=True)
        fork = await episode.fork()
        print((await fork.step(Action(kind="python", text="x"))).text, flush=True)
        if sys.argv[2] == "hang":
            await asyncio.gather(*(one.step(Action(kind="python", text="while True: pass")) for one in (episode, fork)))
asyncio.run(main())
"""


def config(tier: str, **settings: int) -> PythonEnvironment.Config:
    return PythonEnvironment.Config(isolation=tier, min_isolation="process", **settings)  # type: ignore[arg-type]


def descendants(root: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    found, level = set(), {root}
    while level := {pid for pid, parent in parents.items() if parent in level}:
        found |= level
    return found


def folders() -> set[Path]:
    return {path for path in Path("/tmp").glob("eagdata-*") if not path.name.startswith("eagdata-bait-")}


@pytest.mark.parametrize("tier", TIERS)
async def test_nothing_is_left_after_the_end(tier: str) -> None:
    before, open_before, folders_before = descendants(os.getpid()), len(os.listdir("/proc/self/fd")), folders()
    async with PythonEnvironment(config(tier, timeout_s=1)) as environment:
        episodes = [await environment.reset(task()) for _ in range(3)]
        episodes += [await episodes[0].fork()]
        await run(episodes[1], "while True: pass")
        assert descendants(os.getpid()) > before
    assert descendants(os.getpid()) == before
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert folders() == folders_before


@pytest.mark.parametrize("tier", TIERS)
async def test_closing_an_episode_ends_its_processes_and_closing_twice_is_fine(tier: str) -> None:
    async with PythonEnvironment(config(tier)) as environment:
        await asyncio.sleep(0.1)  # the self-test's process is still ending
        idle, files = descendants(os.getpid()), len(os.listdir("/proc/self/fd"))
        episode = await environment.reset(task())
        fork = await episode.fork()
        await episode.close()
        await episode.close()
        assert await text(fork, "1") == "1\n"
        await fork.close()
        await asyncio.sleep(0.2)
        assert descendants(os.getpid()) == idle
        assert len(os.listdir("/proc/self/fd")) == files


@pytest.mark.parametrize("tier", ["landlock", "process"])
async def test_the_folder_of_an_episode_is_gone_soon_after_its_end(tier: str) -> None:
    before = folders()
    async with PythonEnvironment(config(tier)) as environment:
        episode = await environment.reset(task())
        fork = await episode.fork()
        place = Path((await text(fork, "import os; print(os.getcwd(), end='')")).strip())
        assert place.parent.parent in folders() - before
        await fork.close()
        await episode.close()
        for _ in range(100):
            if not place.parent.exists():
                break
            await asyncio.sleep(0.02)
        assert not place.parent.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("tier", TIERS)
def test_nothing_survives_the_death_of_the_harness(tier: str, how: signal.Signals) -> None:
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, tier, "hang"], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    lines = [harness.stdout.readline() for _ in range(3)]
    assert lines[0] == "42\n", lines
    time.sleep(0.3)
    made = descendants(harness.pid)
    assert len(made) >= 3
    harness.send_signal(how)
    harness.wait()
    harness.stdout.close()
    deadline = time.monotonic() + 5
    while (left := {pid for pid in made if is_running(pid)}) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_states_put_away_come_back() -> None:
    async with PythonEnvironment(config("namespaces", max_episodes=8)) as environment:
        episodes = []
        for n in range(20):
            episodes.append(await environment.reset(task()))
            await run(episodes[-1], f"x = {n}")
        assert [await text(episode, "x") for episode in episodes] == [f"{n}\n" for n in range(20)]


@pytest.mark.parametrize("tier", TIERS)
async def test_a_dead_box_is_made_again_and_states_come_back(tier: str) -> None:
    before = folders()
    async with PythonEnvironment(config(tier)) as environment:
        episode = await environment.reset(task())
        await run(episode, "x = 1")
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):  # the end of one of them ends others
                os.kill(pid, signal.SIGKILL)
        assert await text(episode, "x") == "1\n"
        assert await text(await environment.reset(task()), "2") == "2\n"
    assert folders() <= before


async def test_many_episodes_at_once() -> None:
    async def one(environment: PythonEnvironment, n: int) -> str:
        episode = await environment.reset(task(seed=n))
        await run(episode, f"x = {n}")
        fork = await episode.fork()
        seen = await text(fork, "x * 2")
        await episode.close()
        await fork.close()
        return seen

    async with PythonEnvironment(config("namespaces")) as environment:
        seen = await asyncio.gather(*(one(environment, n) for n in range(64)))
    assert seen == [f"{2 * n}\n" for n in range(64)]


async def test_a_cancelled_action_leaves_the_state_as_before() -> None:
    async with PythonEnvironment(config("namespaces")) as environment:
        episode = await environment.reset(task())
        await run(episode, "x = 1")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(run(episode, "x = 2\nwhile True: pass"), 0.2)
        assert await text(episode, "x") == "1\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user already")
def test_an_ordinary_user_gets_the_same() -> None:
    """With an interpreter that such a user may read: a copy below /tmp, which is also the hardest place for one."""
    root = Path(tempfile.mkdtemp(prefix="ordinary-"))
    try:
        root.chmod(0o755)
        python = copy_interpreter(root)
        environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(root / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        for tier in TIERS:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(python), "-c", HARNESS, tier, "end"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=root)
            assert done.stdout == f"42\n {tier}\n6\n\n", done.stderr
    finally:
        shutil.rmtree(root)


def copy_interpreter(root: Path) -> Path:
    """The interpreter, its standard library, and the packages that a box needs, below `root`."""
    stdlib, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    target = root / "lib" / stdlib.name
    for folder in (root / "bin", target / "site-packages"):
        folder.mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), root / "bin" / "python3")
    copy_folder(stdlib, target, "site-packages", "test", "idlelib")
    for shared in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        shutil.copy(shared, root / "lib")
    for path in (path for name in ("numpy", "sympy", "mpmath", "typing_extensions") for path in packages.glob(f"{name}*")):
        copy_folder(path, target / "site-packages" / path.name, "tests")
    copy_folder(Path(__file__).parents[2] / "eagdata", target / "site-packages" / "eagdata")
    return root / "bin" / "python3"


def copy_folder(source: Path, target: Path, *ignored: str) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*ignored), copy_function=link_or_copy, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
