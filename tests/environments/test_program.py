"""The environment of whole programs: what a teacher is shown of a submission, and what state is left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from eagdata.environments.program import ProgramEnvironment, ProgramEpisode
from eagdata.errors import EnvironmentFault, PrerequisiteError, RecipeError
from eagdata.records import Action, Json, Observation, Task
from eagdata.testing import check_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

Reset = Callable[..., Awaitable[ProgramEpisode]]
SUM: Json = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 5\n", "stdout": "9"}]


def task(**environment_config: Json) -> Task:
    return Task(id="t", question="?", verifier="program", environment="program", environment_config=environment_config)


async def submit(episode: ProgramEpisode, source: str, language: str = "python") -> Observation:
    return await episode.step(Action(kind=language, text=source))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment() -> AsyncIterator[ProgramEnvironment]:
    async with ProgramEnvironment(ProgramEnvironment.Config(timeout_s=5, memory_mb=256)) as opened:
        yield opened


async def test_it_keeps_the_contract_of_an_environment() -> None:
    actions = ["def f(x): return x", "def f(x): return x + 1", "def f(x): return x * x"]
    examples = task(examples=["assert f(0) == 0"])
    await check_environment(
        ProgramEnvironment(ProgramEnvironment.Config()), examples, ["def f(x): return x", actions[2]], failing="def f(x)"
    )


async def test_each_example_is_told_with_what_differs(environment: ProgramEnvironment) -> None:
    examples: Json = ["assert f(2) == 4", {"call": "f(3)", "expected": 9}, "assert f(1)", "assert 16 == f(4)"]
    seen = await submit(
        await environment.reset(task(examples=examples)), "def f(x):\n    if x == 4: print('four')\n    return x + 2 * (x < 4)"
    )
    assert (seen.status, seen.kind) == ("error", "WrongAnswer")
    assert seen.text == (
        "example 1: ok\n"
        "example 2: WrongAnswer\n  call: f(3)\n  expected: 9\n  got: 5\n"
        "example 3: ok\n"
        "example 4: WrongAnswer\n  call: 16\n  expected: f(4)\n  got: 16\n"
        "2 of 4 examples are right\n"
    ).replace("  got: 16\n", "  got: 16\n  printed: four\n")


async def test_a_program_that_is_right_on_all_examples_is_ok(environment: ProgramEnvironment) -> None:
    seen = await submit(await environment.reset(task(examples=SUM)), "print(sum(map(int, input().split())))")
    assert (seen.status, seen.kind) == ("ok", None)
    assert seen.text == "example 1: ok\nexample 2: ok\n2 of 2 examples are right\n"


@pytest.mark.parametrize(
    ("source", "kind", "shown"),
    [
        ("print(3)", "WrongAnswer", "  input: 4 5\n  expected: 9\n  got: 3\n"),
        ("import sys\nprint('why', file=sys.stderr)", "WrongAnswer", "  got: (nothing)\n  errors: why\n"),
        ("a, b = input().split()\nprint(a - b)", "TypeError", "line 2, in <module>\n"),
        ("print(", "SyntaxError", "was never closed"),
        ("raise SystemExit(3)", "exit status 3", "  got: (nothing)\n"),
        ("while True: pass", "timeout", "Stopped after 1 s."),
        ("import os\nos._exit(0)", "exit", "ended the interpreter"),
        ("x = ' ' * 10 ** 9", "MemoryError", "MemoryError"),
    ],
)
async def test_a_failing_script_is_told_with_its_kind(environment: ProgramEnvironment, source: str, kind: str, shown: str) -> None:
    seen = await submit(await environment.reset(task(examples=SUM, timeout_s=1)), source)
    assert (seen.status, seen.kind) == ("error", kind)
    assert shown in seen.text


@pytest.mark.parametrize(
    ("source", "kind", "shown"),
    [
        ("def f(x) return x", "SyntaxError", "expected ':'"),
        ("def f(x): return x / 0", "ZeroDivisionError", "line 1, in f\n"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("def g(x): return x", "NameError", "name 'f' is not defined"),
        ("def f(x):\n    while True: pass", "timeout", "example 2: not run"),
        ("exit()", "SystemExit", ""),
    ],
)
async def test_a_failing_function_is_told_with_its_kind(environment: ProgramEnvironment, source: str, kind: str, shown: str) -> None:
    seen = await submit(await environment.reset(task(examples=["assert f(1) == 1", "assert f(2) == 2"], timeout_s=1)), source)
    assert (seen.status, seen.kind) == ("error", kind)
    assert shown in seen.text


async def test_without_examples_the_program_runs_as_a_script_and_its_output_is_shown(environment: ProgramEnvironment) -> None:
    episode = await environment.reset(task())
    seen = await submit(episode, "def f(x): return x\nif __name__ == '__main__':\n    print(f(7))")
    assert (seen.status, seen.text) == ("ok", "7\n")
    assert (await submit(episode, "1 / 0")).status == "error"


async def test_examples_of_apps_may_be_functions_or_texts(environment: ProgramEnvironment) -> None:
    examples: Json = [{"fn_name": "f", "input": [2, 3], "output": [5]}, {"fn_name": "f", "input": [0, 0], "output": 0}]
    source = "class Solution:\n    def f(self, a, b): return a + b"
    assert (await submit(await environment.reset(task(examples=examples)), source)).status == "ok"
    lines: Json = [{"input": ["1", "2"], "output": ["3"]}]
    assert (await submit(await environment.reset(task(examples=lines)), "print(int(input()) + int(input()))")).status == "ok"


async def test_examples_may_need_code_that_uses_the_program(environment: ProgramEnvironment) -> None:
    source = "class Node:\n    def __init__(self, v): self.v = v\ndef value(node): return node.v"
    episode = await environment.reset(task(examples=["assert value(root) == 5"], setup="root = Node(5)"))
    assert (await submit(episode, source)).status == "ok"


async def test_what_is_shown_is_shortened(environment: ProgramEnvironment) -> None:
    seen = await submit(await environment.reset(task(examples=SUM, output_chars=1000)), "print('x' * 100_000)")
    assert len(seen.text) < 1100
    assert "characters left out" in seen.text


async def test_the_state_is_the_last_program_and_nothing_of_earlier_ones(environment: ProgramEnvironment) -> None:
    episode = await environment.reset(task(examples=["assert f(1) == 1"]))
    ask = Action(kind="submission", text="")
    assert (await episode.step(ask)).value == "null"
    await submit(episode, "seen = 1\nopen('left', 'w').write('x')\ndef f(x): return x")
    fork = await episode.fork()
    wrong = "import os\ndef f(x): return 'seen' in globals() or os.path.exists('left')"
    assert "got: False" in (await submit(fork, wrong)).text
    assert json.loads((await fork.step(ask)).value or "") == {"language": "python", "source": wrong, "timeout_s": 5.0, "memory_mb": 256}
    assert json.loads((await episode.step(ask)).value or "")["source"].startswith("seen = 1")


async def test_a_program_cannot_answer_for_the_environment(environment: ProgramEnvironment) -> None:
    episode = await environment.reset(task(examples=["assert f(1) == 1"]))
    await submit(episode, "import os\nos.write(253, b'\\0\\0\\0\\2{}')\ndef f(x): return 1")
    assert json.loads((await episode.step(Action(kind="submission", text=""))).value or "")["source"].startswith("import os")


async def test_a_run_gives_status_and_both_outputs_whole(environment: ProgramEnvironment) -> None:
    episode = await environment.reset(task())
    await submit(episode, "import sys\nprint(input() * 300_000)\nprint('e', file=sys.stderr)\nsys.exit(7 if input() else 0)")
    ran = json.loads((await episode.step(Action(kind="run", text="ä\n\n"))).value or "")
    assert ran == {"exit": 0, "stdout": "ä" * 300_000 + "\n", "stderr": "e\n"}
    assert json.loads((await episode.step(Action(kind="run", text="x\ny\n"))).value or "")["exit"] == 7


@pytest.mark.parametrize(
    "config",
    [{"examples": "x"}, {"examples": [1]}, {"examples": [{"stdin": "1"}]}, {"examples": [{"stdin": 1, "stdout": "1"}]}, {"example": []},
     {"examples": [{"fn_name": "f(", "input": [1], "output": 1}]}, {"setup": 3}, {"timeout_s": 0}],
)  # fmt: skip
async def test_wrong_settings_of_a_task_are_refused(environment: ProgramEnvironment, config: dict[str, Json]) -> None:
    with pytest.raises(RecipeError):
        await environment.reset(task(**config))


async def test_a_closed_episode_and_an_unknown_action_are_faults(environment: ProgramEnvironment) -> None:
    episode = await environment.reset(task())
    with pytest.raises(EnvironmentFault, match="sql"):
        await submit(episode, "select 1", "sql")
    await episode.close()
    await episode.close()
    with pytest.raises(EnvironmentFault):
        await submit(episode, "1")
    with pytest.raises(EnvironmentFault):
        await episode.fork()


async def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(RecipeError, match="cobol"):
        async with ProgramEnvironment(ProgramEnvironment.Config(language="cobol")):
            pass


PROGRAMS = {
    "c": ('#include <stdio.h>\nint main(){int a,b;scanf("%d %d",&a,&b);printf("%d\\n",a+b);return 0;}', "int main(){return x;}"),
    "cpp": ("#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b<<std::endl;}", "int main(){return x;}"),
    "go": ('package main\nimport "fmt"\nfunc main(){var a,b int;fmt.Scan(&a,&b);fmt.Println(a+b)}', "package main\nfunc main(){x}"),
    "java": (
        "import java.util.*;public class Main{public static void main(String[] x){Scanner s=new Scanner(System.in);"
        "System.out.println(s.nextInt()+s.nextInt());}}",
        "public class Main{int x = y;}",
    ),
    "javascript": ("const [a,b]=require('fs').readFileSync(0,'utf8').split(' ').map(Number);console.log(a+b)", None),
    "rust": (
        "use std::io;fn main(){let mut s=String::new();io::stdin().read_line(&mut s).unwrap();"
        'println!("{}",s.split_whitespace().map(|x|x.parse::<i32>().unwrap()).sum::<i32>());}',
        "fn main(){x}",
    ),
}


@pytest.mark.parametrize("language", PROGRAMS)
async def test_other_languages_run_where_their_compiler_is(language: str) -> None:
    right, broken = PROGRAMS[language]
    try:
        async with ProgramEnvironment(ProgramEnvironment.Config(language=language)) as environment:
            assert (environment.language, environment.isolation) == (language, "namespaces")
            episode = await environment.reset(task(examples=SUM))
            seen = await submit(episode, right, language)
            assert (seen.status, seen.text) == ("ok", "example 1: ok\nexample 2: ok\n2 of 2 examples are right\n")
            ran = json.loads((await (await episode.fork()).step(Action(kind="run", text="20 22\n"))).value or "")
            assert (ran["exit"], ran["stdout"]) == (0, "42\n")
            if broken:
                seen = await submit(episode, broken, language)
                assert (seen.status, seen.kind) == ("error", "CompileError")
            with pytest.raises(RecipeError, match="functions"):
                await environment.reset(task(examples=["assert f(1) == 1"]))
            await episode.close()
    except PrerequisiteError as error:
        pytest.skip(str(error))
