"""The shell environment: what lasts between actions, what a branch has to itself, and what judges a workspace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from eagdata.contracts import NOWHERE, Episode
from eagdata.environments.sandbox.commands_probe import probe
from eagdata.environments.shell import ShellEnvironment
from eagdata.errors import PrerequisiteError, RecipeError, VerifierError
from eagdata.records import Action, Json, Observation, Task, Verdict
from eagdata.testing.environments import check_environment
from eagdata.verifiers.replay import judge
from eagdata.verifiers.script import ScriptVerifier

in_one_loop = pytest.mark.asyncio(loop_scope="module")
Reset = Callable[..., Awaitable[Episode]]
HERE = Path(__file__).resolve()
UNSEEN = {Path.home(), HERE.parents[2], HERE.parents[3], Path("/home"), Path("/var"), Path("/mnt")}
CONFIG = ShellEnvironment.Config(timeout_s=10, memory_mb=256, processes=64)


def task(reference: Json = None, **environment_config: Json) -> Task:
    return Task(id="t", question="?", verifier="script", reference=reference, environment="shell", environment_config=environment_config)


async def run(episode: Episode, script: str) -> Observation:
    return await episode.step(Action(kind="bash", text=script))


async def text(episode: Episode, script: str) -> str:
    return (await run(episode, script)).text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment() -> AsyncIterator[ShellEnvironment]:
    async with ShellEnvironment(CONFIG) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def reset(environment: ShellEnvironment) -> AsyncIterator[Reset]:
    """Fresh episodes of `environment`, closed after the test."""
    made: list[Episode] = []

    async def make(**settings: Json) -> Episode:
        made.append(await environment.reset(task(**settings)))
        return made[-1]

    yield make
    for episode in made:
        await episode.close()


async def judged(episode: Episode, reference: Json) -> Verdict:
    return await judge(task(reference), None, verifier=ScriptVerifier(ScriptVerifier.Config()), state=episode, clean=NOWHERE)


@in_one_loop
async def test_it_keeps_the_contract_of_an_environment() -> None:
    given = task(files={"a.txt": "1\n"}, setup="export x=5")
    await check_environment(
        ShellEnvironment(CONFIG), given, ["cat a.txt", "echo $x > b", "mkdir d; cd d", "cat ../b; pwd"], failing="false"
    )


@in_one_loop
async def test_folder_and_exported_variables_last_and_nothing_else_does(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "mkdir d; cd d; export a='x  y\nz'; b=1; f() { echo f; }; set -e; alias g=ls")
    assert await text(episode, 'pwd; echo "$a"; echo "[$b]"; f; echo $-') == (
        "/box/d\nx  y\nz\n[]\nbash: line 1: f: command not found\nhBc\n"
    )


@in_one_loop
async def test_the_state_is_kept_whatever_ends_the_script(reset: Reset) -> None:
    episode = await reset()
    for end, kind in (("exit 3", "exit 3"), ("false", "exit 1"), ("set -e; false; true", "exit 1"), ("trap 'echo bye' EXIT; true", None)):
        seen = await run(episode, f"export way='{end[:5]}'; {end}")
        assert (seen.kind, await text(episode, 'echo "$way"')) == (kind, f"{end[:5]}\n")


@in_one_loop
async def test_outputs_are_shown_in_their_order_and_the_status_where_it_is_not_0(reset: Reset) -> None:
    episode = await reset()
    seen = await run(episode, "echo one; echo two >&2; echo three > /dev/stderr; printf four; exit 7")
    assert (seen.status, seen.kind, seen.text) == ("error", "exit 7", "one\ntwo\nthree\nfour\nexit 7\n")
    assert (await run(episode, "kill -9 $$")).kind == "exit 137"
    assert (await text(episode, "if")).startswith("bash: eval: line 2: syntax error")


@in_one_loop
async def test_files_of_a_branch_are_its_own(reset: Reset) -> None:
    episode = await reset(files={"a": "1\n", "d/b": "2\n"})
    await run(
        episode, "ln a hard; ln -s a soft; mkfifo pipe; truncate -s 50M hole; chmod 640 a; touch -d @1000000000 a; echo t > /tmp/t; cd d"
    )
    branch = await episode.fork()
    look = "find .. /tmp; stat -c '%n %F %a %s %Y %h' ../a ../hard ../soft ../pipe ../hole; cat /tmp/t; pwd"
    assert await text(branch, look) == await text(episode, look)
    await run(branch, "echo changed > ../a; rm b; echo u > /tmp/t")
    assert await text(episode, "cat ../a b /tmp/t") == "1\n2\nt\n"
    assert await text(branch, "cat ../hard /tmp/t; ls") == "changed\nu\n"
    await branch.close()


@in_one_loop
async def test_branches_of_branches_have_no_depth_limit_and_are_live(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "cp /proc/uptime once")  # cannot be had by replay
    once, line = await text(episode, "echo 0 > n; cp once kept; true"), []
    for _ in range(40):
        line.append(episode := await episode.fork())
        await run(episode, "echo $(($(cat n) + 1)) > n")
    assert (await text(episode, "cat n; cmp once kept"), once) == ("40\n", "")
    for branch in line:
        await branch.close()


@in_one_loop
async def test_an_action_that_is_stopped_leaves_no_trace(environment: ShellEnvironment) -> None:
    episode = await environment.reset(task(timeout_s=3, memory_mb=128))
    await run(episode, "echo 1 > a; export x=1")
    slow = await run(episode, "echo 2 > a; export x=2; (setsid sleep 60 &); sleep 60")
    assert slow.status == "timeout"
    greedy = "echo 3 > a; for i in 1 2 3; do head -c 60000000 /dev/zero | tail | sleep 9 & done; wait"
    assert (await run(episode, greedy)).kind == "memory"
    assert await text(episode, "cat a; echo $x; ls /proc | grep -c '^[0-9]'") == "1\n1\n3\n"
    await episode.close()


@in_one_loop
async def test_no_process_lives_between_two_actions(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "setsid nohup sleep 4321 > /dev/null 2>&1 & disown")
    await run(episode, "(trap '' HUP TERM; while :; do date +%N > alive; done) > /dev/null 2>&1 & until [ -e alive ]; do :; done")
    assert (
        await text(episode, "cat alive > a; sleep 0.2; cmp alive a; ls /proc/*/cmdline | xargs grep -l '[4]321' 2> /dev/null; true") == ""
    )


@in_one_loop
async def test_setup_runs_first_and_its_failure_is_the_tasks(reset: Reset) -> None:
    episode = await reset(setup="git init -q . 2> /dev/null; echo ready > state", files={"x/y.txt": "z"})
    assert await text(episode, "cat state x/y.txt") == "ready\nz"
    with pytest.raises(RecipeError, match="setup fails"):
        await reset(setup="exit 4")
    with pytest.raises(RecipeError, match="no key 'image'"):
        await reset(image="x")


@in_one_loop
async def test_programs_of_the_machine_run(reset: Reset) -> None:
    episode = await reset()
    assert await text(episode, 'python3 -c \'import subprocess; print(subprocess.check_output(["echo", "hi"]))\'') == "b'hi\\n'\n"
    assert await text(episode, "diff <(echo a) <(echo a) && cat << END | sort -r\n1\n2\nEND") == "2\n1\n"
    assert await text(episode, "id -un; hostname; env | grep -c -i -E 'ld_|python' ; touch /usr/x") == (
        "box\nbox\n2\ntouch: cannot touch '/usr/x': Read-only file system\nexit 1\n"
    )


@in_one_loop
async def test_a_program_can_be_run_on_an_input_with_both_outputs_apart(reset: Reset) -> None:
    episode = await reset()
    await run(episode, "export PYTHONPATH=/box LD_PRELOAD=/box/x.so; ln -s /etc/passwd main.py; mkfifo in")

    async def tried(**wanted: Json) -> dict[str, Json]:
        seen = await episode.step(Action(kind="exec", text=json.dumps(wanted)))
        assert seen.status == "ok"
        found: dict[str, Json] = json.loads(seen.value or "")
        return found

    source = "import sys, os; print(sys.stdin.read()[::-1]); print('PYTHONPATH' in os.environ, file=sys.stderr); sys.exit(3)"
    found = await tried(argv=["python3", "main.py"], stdin="abc", files={"main.py": source, "in": "x"})
    assert found == {"exit": 3, "signal": None, "timeout": False, "stdout": "cba\n", "stderr": "False\n", "cut": False}
    assert (await tried(argv=["bash", "-c", "kill -11 $$"])) | {"stderr": ""} == {
        "exit": None, "signal": 11, "timeout": False, "stdout": "", "stderr": "", "cut": False,
    }  # fmt: skip
    assert (await tried(argv=["sleep", "60"], timeout_s=0.2))["timeout"] is True
    assert (await tried(argv=["no-such-program"]))["exit"] == 127
    long = await tried(argv=["seq", "100000"])
    assert long["cut"] is True
    assert str(long["stdout"]).startswith("1\n2\n")


@in_one_loop
async def test_a_script_judges_the_workspace(reset: Reset) -> None:
    episode = await reset()
    reference: Json = {"command": "bash verify.sh", "files": {"verify.sh": '[ "$(cat /box/answer)" = 42 ] && echo well done'}}
    assert (await judged(episode, reference)).status == "fail"
    await run(episode, "echo 41 > answer")
    assert (await judged(episode, reference)).status == "fail"
    await run(episode, "echo 42 > answer")
    passed = await judged(episode, reference)
    assert (passed.status, passed.reward, passed.checks[0].evidence) == ("pass", 1.0, "well done\n")
    assert (await judged(episode, {**reference, "output": "well done\n"})).status == "pass"  # type: ignore[dict-item]
    assert (await judged(episode, {**reference, "output": "well"})).status == "fail"  # type: ignore[dict-item]
    assert await text(episode, "ls /verify /box") == "/box:\nanswer\n\n/verify:\n"


POISONS = {
    "planted scripts": "for d in /box /tmp; do echo exit 0 > $d/verify.sh; done; echo exit 0 > /verify/verify.sh; mkdir -p verify",
    "the path": "mkdir bin; for n in bash test cat grep python3; do printf '#!/bin/sh\\nexit 0\\n' > bin/$n; chmod +x bin/$n; done; "
    "export PATH=/box/bin:$PATH",
    "start-up files": "echo exit 0 | tee .bashrc .bash_profile .profile rc; export BASH_ENV=/box/rc ENV=/box/rc HOME=/box",
    "functions": "cat() { echo 42; }; test() { true; }; export -f cat test; alias cat='echo 42'",
    "a preloaded library": "printf '#include <unistd.h>\\n__attribute__((constructor)) static void f(void) { _exit(0); }\\n' > e.c; "
    "gcc -shared -fPIC e.c -o e.so; export LD_PRELOAD=/box/e.so",
    "modules": "echo 'import os; os._exit(0)' | tee sitecustomize.py usercustomize.py conftest.py json.py; export PYTHONPATH=/box "
    "PYTHONSTARTUP=/box/json.py",
    "links": "ln -s /bin/true verify.sh; ln -sf /dev/null answer2; rm -rf /tmp/*; ln -s /box /tmp/verify",
    "a waiting process": "(trap '' HUP TERM; while :; do for p in /verify /box /tmp; do echo exit 0 > $p/verify.sh; done; done) 2>&1 &",
    "a stage on fire": "echo 'yes exit 0 | head -99 > /verify/verify.sh' > run",
    "a fake report": "echo pass; printf 'exit 0\\n' >&250; exit 0",
}


@in_one_loop
@pytest.mark.parametrize("poison", POISONS)
async def test_nothing_that_a_branch_leaves_moves_the_judge(reset: Reset, poison: str) -> None:
    episode = await reset()
    await run(episode, f"echo 41 > answer; {POISONS[poison]}")
    script = 'python3 -c "import json" || exit\nbash /box/run 2> /dev/null\ntest "$(cat /box/answer)" = 42'
    reference: Json = {"command": "bash verify.sh", "files": {"verify.sh": script}}
    assert (await judged(episode, reference)).status == "fail"
    await run(episode, "builtin echo 42 > /box/answer")
    assert (await judged(episode, reference)).status == "pass"


@in_one_loop
async def test_a_judge_that_hangs_dies_or_cannot_be_used_is_no_pass(environment: ShellEnvironment) -> None:
    episode = await environment.reset(task(timeout_s=1, memory_mb=64))
    assert (await judged(episode, {"command": "sleep 60"})).status == "timeout"
    assert (await judged(episode, {"command": "head -c 90000000 /dev/zero | tail | sleep 9"})).status == "fail"
    killed = await judged(episode, {"command": "kill -9 $$"})
    assert (killed.status, killed.checks[0].measured) == ("fail", "signal 9")
    assert (await judged(episode, {"command": "no-such-program"})).status == "fail"
    for reference in (None, {"command": ""}, {"command": "true", "files": {"../x": ""}}, {"command": "true", "files": {"x": 1}}):
        with pytest.raises(VerifierError):
            await judged(episode, reference)
    await episode.close()


@in_one_loop
async def test_every_wall_of_the_box_is_found_standing_by_the_self_test() -> None:
    assert [wall for wall, stands, _ in await probe() if not stands] == []


@in_one_loop
@pytest.mark.parametrize("tier", ["landlock", "process"])
async def test_a_tier_that_cannot_hold_commands_is_refused_with_the_way_out(tier: str) -> None:
    with pytest.raises(PrerequisiteError, match="needs isolation 'namespaces'") as caught:
        async with ShellEnvironment(ShellEnvironment.Config(isolation=tier, min_isolation="process")):  # type: ignore[arg-type]
            pass
    assert "eagdata doctor" in caught.value.mend


@in_one_loop
async def test_the_view_shows_no_home_and_no_project(reset: Reset) -> None:
    episode = await reset()
    seen = await text(episode, f"find {' '.join(map(str, UNSEEN))} -mindepth 1 2> /dev/null | head -3; tr '\\0' '\\n' < /proc/1/cmdline")
    assert re.sub(r"bash: .*: No such file or directory\nexit 1\n", "", seen) == ""


DYING = """
import asyncio
from eagdata.environments.shell import ShellEnvironment
from eagdata.records import Action, Task
async def main():
    async with ShellEnvironment(ShellEnvironment.Config(timeout_s=60)) as environment:
        episode = await environment.reset(Task(id="t", question="?", verifier="script", environment="shell"))
        branch = await episode.fork()
        print("ready", flush=True)
        script = "(trap '' TERM HUP; setsid sleep 7531 &); sleep 7531"
        await asyncio.gather(*(one.step(Action(kind="bash", text=script)) for one in (episode, branch)))
asyncio.run(main())
"""


def sleepers() -> int:
    return sum(b"sleep\x007531" in _command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_no_command_outlives_the_death_of_the_host_process() -> None:
    with subprocess.Popen([sys.executable, "-c", DYING], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        wait_until(lambda: sleepers() == 4)
        host.kill()
    wait_until(lambda: sleepers() == 0)


def wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)
