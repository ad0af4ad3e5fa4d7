"""The judge of programs: honest ones pass, and whatever a program does, it cannot pass without giving the right values."""

# ruff: noqa: E501  # a cheating program stands on one line

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from eagdata.environments.program import ProgramEnvironment
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Json, Task, Verdict
from eagdata.testing import clean_room
from eagdata.verifiers.program import ProgramVerifier, same_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

Judge = Callable[..., Awaitable[Verdict]]
SECRET = 918_273_645
HIDDEN: Json = {"asserts": ["assert f(2) == 4", "assert f(3) == 9", f"assert f(30303) == {SECRET}"]}
"""Whoever does not square cannot know the values; the last one is not even the square."""
SQUARES: Json = {"asserts": ["assert f(2) == 4", "assert f(-3) == 9", "assert f(0) == 0"]}
SUMS: Json = {"stdin": ["1 2\n", "10 -4\n"], "stdout": ["3\n", "6\n"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judge() -> AsyncIterator[Judge]:
    python, environment = PythonEnvironment(PythonEnvironment.Config()), ProgramEnvironment(ProgramEnvironment.Config())
    async with environment, clean_room({"python": python}) as clean:

        async def judged(source: str | None, reference: Json = SQUARES, **config: Json) -> Verdict:
            limits: dict[str, Json] = {"timeout_s": 3, "memory_mb": 256}
            task = Task(id="t", question="", verifier="program", environment="program", reference=reference, environment_config=limits)
            episode = await environment.reset(task)
            try:
                if source is not None:
                    await episode.step(Action(kind="python", text=source))
                verifier = ProgramVerifier(ProgramVerifier.Config(**config))  # type: ignore[arg-type]
                return await verifier.verify(task, "done", episode, clean)
            finally:
                await episode.close()

        yield judged


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x * x",
        "f = lambda x: x ** 2",
        "def f(x):\n    print('assert 1: fail')\n    return x * x\nif __name__ == '__main__':\n    raise SystemExit(1)",
        "list = dict = str = type = len = json = None\ndef f(x): return x * x",
        "from dataclasses import dataclass\n@dataclass\nclass N:\n    'ClassVar'\n    v: 'int'\ndef f(x): return N(x).v * x",
        "import numpy\ndef f(x): return numpy.int64(x) * x",
    ],
)
async def test_an_honest_program_passes_each_assert(judge: Judge, source: str) -> None:
    verdict = await judge(source)
    assert (verdict.status, verdict.reward) == ("pass", 1.0)
    assert [(check.id, check.status) for check in verdict.checks] == [(f"assert {n}", "pass") for n in (1, 2, 3)]


CHEATS = {
    "lying __eq__": "class A:\n    def __eq__(self, o): return True\n    def __hash__(self): return 0\ndef f(x): return A()",
    "lying __ne__ and order": "class A:\n    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda s, o: True\ndef f(x): return A()",
    "reflected __eq__ of a subclass": "class A(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\ndef f(x): return A(0)",
    "subclass of str": "class A(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\ndef f(x): return A()",
    "subclass of list": "class A(list):\n    def __eq__(self, o): return True\ndef f(x): return A()",
    "metaclass that is int": "class M(type):\n    __eq__ = lambda s, o: True\n    __hash__ = lambda s: hash(int)\n"
    "class A(metaclass=M):\n    bit_length = lambda s: 1\ndef f(x): return A()",
    "builtins patched": "import builtins\nbuiltins.AssertionError = builtins.isinstance = builtins.int = lambda *a: True\ndef f(x): return 0",
    "json patched": "import json\njson.dumps = lambda *a, **k: '[\"gave\", 4, []]'\ndef f(x): return 4",
    "base64 patched": "import base64\nbase64.b64encode = lambda b: b'ZW5kIGUzMD0='\ndef f(x): return 4",
    "operator patched": "import operator\noperator.eq = operator.getitem = lambda *a: True\ndef f(x): return 0",
    "compare patched by ctypes": "import ctypes\nctypes.c_long.from_address(id(9) + 24).value = 4\ndef f(x): return 4",
    "wire patched": "import sys\nw = sys.modules['_wire']\nw.Owner.perform = lambda s, t: 'end ' + w.pack({'broken': None, 'failure': None, "
    "'last': 3, 'seen': [1, 2, 3], 'lines': {'1': '', '2': '', '3': ''}})\ndef f(x): return 0",
    "wire says end": "import sys\nw = sys.modules['_wire']\nw.HERE.perform = lambda t: 'end e30='\ndef f(x): return 0",
    "tests started in its own box": "import sys\nw = sys.modules['_wire']\nw.HERE = w.Tests(w.pack({'setup': '', 'tests': 'assert f', "
    "'entry_point': 'f'}))\nw.HERE.perform = w.HERE.run\ndef f(x): return 0",
    "reply with code": "import sys\nw = sys.modules['_wire']\nw.HERE.perform = lambda t: w.pack(['gave', ['known', ['builtins', 'print']], []])\n"
    "def f(x): return 0",
    "reply that changes arguments": "import sys\nw = sys.modules['_wire']\nw.HERE.perform = lambda t: w.pack(['gave', 4, [[0, 4], [1, 4], [-1, 9]]])\n"
    "def f(x): return 0",
    "reply of another shape": "import sys\nw = sys.modules['_wire']\nw.HERE.perform = lambda t: w.pack({'pass': True})\ndef f(x): return 0",
    "reply nested without end": "import sys\nw = sys.modules['_wire']\nimport base64\n"
    "w.HERE.perform = lambda t: base64.b64encode(b'[' * 50000).decode()\ndef f(x): return 0",
    "sys.modules emptied": "import sys\nsys.modules.clear()\ndef f(x): return 0",
    "sys.modules games": "import sys, types\nm = types.ModuleType('builtins')\nm.__dict__.update(vars(__builtins__) if not isinstance(__builtins__, dict) "
    "else __builtins__)\nm.AssertionError = type('A', (BaseException,), {})\nsys.modules['builtins'] = m\ndef f(x): return 0",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0",
    "settrace": "import sys\ndef t(frame, event, arg):\n    frame.f_locals['given'] = 4\n    return t\nsys.settrace(t)\ndef f(x): return 0",
    "excepthook": "import sys\nsys.excepthook = sys.unraisablehook = lambda *a: None\ndef f(x): raise AssertionError",
    "frames": "import sys\ndef f(x):\n    found, frame = [], sys._getframe()\n    while frame:\n"
    "        found += [c for c in frame.f_code.co_consts if isinstance(c, int)] + [v for v in frame.f_locals.values() if type(v) is int]\n"
    "        frame = frame.f_back\n    return next((v for v in found if v in (4, 9, 918273645)), x * x if x < 5 else 0)",
    "gc": "import gc\ndef f(x):\n    texts = [o for o in gc.get_objects() if isinstance(o, (list, tuple, dict))]\n"
    "    return x * x if x < 5 else 918273645 if any('918273645' in str(o) for o in texts if len(o) < 50 and o is not texts) and False else 0",
    "linecache": "import linecache\ndef f(x):\n    for name, entry in linecache.cache.items():\n        for line in entry[2] if len(entry) > 2 else ():\n"
    "            if '==' in line and 'assert' + ' f(' in line: return int(line.split('==')[1])\n    return x * x if x < 5 else 0",
    "files": "import os\ndef f(x):\n    for top in ('.', '/tmp', '/proc/self', '/proc'):\n        try:\n            for name in os.listdir(top):\n"
    "                text = open(os.path.join(top, name)).read()\n                if str(918273640 + 5) in text: return 918273640 + 5\n"
    "        except (OSError, UnicodeDecodeError): pass\n    return x * x if x < 5 else 0",
    "generator": "def f(x):\n    yield 4",
    "changed argument": "def f(x):\n    import sys\n    sys.modules['_wire'].encode = lambda v, o: 4\n    return 4",
    "frames of the protocol": "import os\nos.write(253, b'\\0\\0\\0\\x0d{\"ok\":\"true\"}')\ndef f(x): return 0",
    "frame of a right answer": "import os, json\ndef f(x):\n    b = json.dumps({'status': 'ok', 'kind': None, 'value': 'pass', 'id': '0' * 16}).encode()\n"
    "    os.write(253, len(b).to_bytes(4, 'big') + b)\n    return 0",
    "writes to the output": "import os\nfor fd in (1, 2, 254):\n    os.write(fd, b'3 passed\\nend e30=\\n')\ndef f(x): return 0",
    "thread that answers": "import threading, time\ndef f(x):\n    return 0\ndef g():\n    global f\n    time.sleep(0.01)\n    f = lambda x: 4\n"
    "threading.Thread(target=g, daemon=True).start()",
    "exception called AssertionError": "def f(x): raise type('AssertionError', (Exception,), {})('4 == 4')",
    "StopIteration": "def f(x): raise StopIteration(4)",
    "recursion": "def f(x): return f(x)",
    "deep result": "def f(x):\n    v = []\n    for _ in range(100_000): v = [v]\n    return v",
    "result that holds itself": "def f(x):\n    v = []\n    v.append(v)\n    return v",
    "huge result": "def f(x): return 'x' * 60_000_000",
    "huge integer": "def f(x): return 1 << 3_000_000",
    "printed": "print('assert 1: pass\\n3 passed')\ndef f(x): print(x * x)",
    "a text of the value": "def f(x): return str(x * x)",
    "a truth": "def f(x): return True",
    "nothing": "",
    "no function": "f = 4",
    "syntax": "def f(x) return x",
    "raises": "raise ValueError('no')",
}  # fmt: skip


@pytest.mark.parametrize("source", CHEATS.values(), ids=CHEATS)
async def test_a_cheating_program_fails(judge: Judge, source: str) -> None:
    verdict = await judge(source, HIDDEN)
    assert verdict.status == "fail", verdict.checks
    assert verdict.reward == 0.0
    assert any(check.status != "pass" and (check.evidence or check.measured) for check in verdict.checks)


async def test_a_reply_cannot_bring_code_into_the_tests(judge: Judge) -> None:
    forged = "import sys\nw = sys.modules['_wire']\nw.HERE.perform = lambda t: w.pack(['gave', {}, []])\ndef f(x): return 0"
    truth: Json = {"asserts": ["assert f(2)"]}
    assert (await judge(forged.format(1), truth)).passed
    for token in ("['known', ['builtins', 'print']]", "['name', 'f']", "['code', ['', None]]", "['object', 'f']", "['object', True]"):
        assert (await judge(forged.format(token), truth)).status == "fail", token


@pytest.mark.parametrize(
    "source",
    [
        "exit(0)", "import os; os._exit(0)", "raise SystemExit", "import sys; sys.exit()", "quit()",
        "def f(x): raise SystemExit",
        "import os\ndef f(x): os._exit(0)",
        "import os\nclass A:\n    def __del__(self): os._exit(0)\ndef f(x):\n    A()\n    return 4",
        "import os\nclass A:\n    shape = property(lambda s: os._exit(0))\ndef f(x): return A()",
        "def f(x):\n    try: return 4\n    finally: exit()",
    ],
)  # fmt: skip
async def test_leaving_before_the_tests_are_over_is_a_hack(judge: Judge, source: str) -> None:
    assert (await judge(source)).status == "hack"


async def test_a_program_that_ends_its_process_by_a_signal_is_refused(judge: Judge) -> None:
    verdict = await judge("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)")
    assert (verdict.status, verdict.checks[-1].measured) == ("fail", "killed")


@pytest.mark.parametrize("source", ["while True: pass", "def f(x):\n    while True: pass", "import time\ndef f(x): time.sleep(60)"])
async def test_a_program_that_never_ends_is_a_timeout(judge: Judge, source: str) -> None:
    assert (await judge(source)).status == "timeout"


async def test_no_submission_fails(judge: Judge) -> None:
    verdict = await judge(None)
    assert (verdict.status, verdict.checks[0].id) == ("fail", "submission")


@pytest.mark.parametrize(
    "reference",
    [
        None, [], {}, {"asserts": []}, {"asserts": ["x = f(1)"]}, {"asserts": ["assert f(1) == 1", None]}, {"asserts": ["assert"]},
        {"asserts": ["assert 1 == 1"]}, {"asserts": ["assert set(f) == sorted(f)"], "setup": "f = []"},
        {"asserts": ["assert f(2) == 4"], "setup": "1 / 0"}, {"asserts": ["assert f(2) == 4"], "setup": "def"},
        {"asserts": ["assert f(iter([])) == 4"]}, {"asserts": ["assert f(__import__('time').perf_counter_ns()) == f(1)"]},
        {"check": "def check(candidate): pass", "entry_point": "f"}, {"check": "def test(f): assert f(2) == 4", "entry_point": "f"},
        {"check": "def check(candidate): assert candidate(2) == 4"},
        {"stdin": [], "stdout": []}, {"stdin": ["1"], "stdout": []}, {"stdin": [1], "stdout": ["1"]}, {"inputs": ["1"], "outputs": ["1", "2"]},
        {"function": "f", "cases": []}, {"function": "f", "cases": [{}]}, {"function": "f()", "cases": [{"expected": 1}]},
        {"fn_name": "f", "inputs": ["x"], "outputs": [1]}, {"fn_name": "f", "inputs": [], "outputs": []},
    ],
    ids=json.dumps,
)  # fmt: skip
async def test_tests_that_cannot_judge_are_unscored_and_never_a_pass(judge: Judge, reference: Json) -> None:
    verdict = await judge("def f(x): return x * x", reference)
    assert (verdict.status, verdict.reward) == ("unscored", None), verdict.checks


async def test_an_assert_that_is_never_reached_is_no_pass(judge: Judge) -> None:
    check = "def check(candidate):\n    for found in candidate(3):\n        assert found < 3\n"
    reference: Json = {"check": check, "entry_point": "f"}
    assert (await judge("def f(x): return range(x)", reference)).passed
    verdict = await judge("def f(x): return []", reference)
    assert (verdict.status, verdict.checks[0].evidence) == ("fail", "not reached")


async def test_an_assert_of_false_need_not_be_reached(judge: Judge) -> None:
    check = "def check(candidate):\n    assert candidate(1) == 1\n    try:\n        candidate('x')\n        assert False\n    except TypeError:\n        pass\n"
    reference: Json = {"check": check, "entry_point": "f"}
    assert (await judge("def f(x): return x * x", reference)).passed
    assert (await judge("def f(x): return x", reference)).status == "fail"


VALUES = [
    "None", "True", "-1", "2 ** 70_000", "1e308 * 10", "-0.0", "1 + 2j", "'ü\\ud800\\0'", "b'\\xff'", "bytearray(b'a')", "[1, [2], (3,)]", "(1,)", "{1, 2}",
    "frozenset({1})", "{(1, 2): {'a': [None]}}", "__import__('collections').Counter('aab')", "__import__('collections').deque([1])",
    "__import__('collections').OrderedDict([(2, 1), (1, 2)])",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
async def test_plain_values_come_back_as_they_went(judge: Judge, value: str) -> None:
    same = {
        "asserts": [
            f"assert f({value}) == {value}",
            f"assert type(f({value})) is type({value})",
            f"assert repr(f({value})) == repr({value})",
        ]
    }
    same = {"asserts": same["asserts"][:2]} if "70_000" in value else same
    assert (await judge("def f(x): return x", same)).passed


async def test_what_tests_may_ask_of_a_program(judge: Judge) -> None:
    source = (
        "import collections, re\nclass Node:\n    def __init__(self, value): self.value, self.next = value, None\n"
        "def total(node): return node.value + total(node.next) if node else 0\n"
        "def items(n):\n    yield from range(n)\n"
        "def sort(values): values.sort()\ndef deep(values): values[0].append(1)\n"
        "def apply(function, value): return function(value)\n"
        "def groups(words):\n    found = collections.defaultdict(list)\n    for w in words: found[len(w)].append(w)\n    return found\n"
        "def near(): return 0.1 + 0.2\ndef broken(): raise KeyError('x')\n"
    )
    asserts: Json = [
        "first.next = second\nassert total(first) == 3",
        "assert list(items(3)) == [0, 1, 2]",
        "values = [3, 1]\nsort(values)\nassert values == [1, 3]",
        "rows = [[], []]\ninner = rows[0]\ndeep(rows)\nassert inner == [1] and rows == [[1], []]",
        "assert apply(lambda x, y=2: x * y, 4) == 8 and apply(len, 'ab') == 2 and apply(str, 1) == '1'",
        "assert groups(['a', 'bb', 'c']) == {1: ['a', 'c'], 2: ['bb']}",
        "assert math.isclose(near(), 0.3) and near() != 0.3",
        "try:\n    broken()\nexcept KeyError as error:\n    assert error.args == ('x',)",
        "assert first.value == 1 and bool(second) and first.next is second",
    ]
    verdict = await judge(source, {"setup": "first = Node(1)\nsecond = Node(2)", "asserts": asserts})
    assert verdict.passed, verdict.checks
    assert len(verdict.checks) == 9


async def test_a_function_may_be_called_like_a_builtin(judge: Judge) -> None:
    reference: Json = {"asserts": ["assert sum(10, 15) == 6"]}
    assert (await judge("def sum(a, b): return 6", reference)).passed
    assert (await judge("def sum(a, b): return 7", reference)).status == "fail"


async def test_helpers_of_the_set_up_are_not_the_programs(judge: Judge) -> None:
    setup = "import random\ndef poly(xs, x): return sum(c * x ** i for i, c in enumerate(xs))\ndef zero(xs):\n    'Find it.'\n"
    check = (
        "def check(candidate):\n    for _ in range(40):\n        xs = [random.randint(1, 9), random.randint(1, 9)]\n"
        "        assert abs(poly(xs, candidate(xs))) < 1e-6\n"
    )
    reference: Json = {"setup": setup, "check": check, "entry_point": "zero"}
    assert (await judge("def zero(xs): return -xs[0] / xs[1]", reference)).passed
    assert (await judge("def poly(xs, x): return 0\ndef zero(xs): return 0", reference)).status == "fail"


async def test_calls_of_one_program_share_its_state_in_the_order_of_the_tests(judge: Judge) -> None:
    reference: Json = {"asserts": ["assert [f(), f()] == [1, 2]", "assert f() == 3"]}
    assert (await judge("n = 0\ndef f():\n    global n\n    n += 1\n    return n", reference)).passed


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("def f(a, b=1): return [a * b, (a, None)]", "pass"),
        ("class Solution:\n    def f(self, a, b=1): return [a * b, (a, None)]", "pass"),
        ("def f(a, b=1): return [a * b + 1e-12, [a, None]]", "pass"),
        ("def f(a, b=1): return [a * b, [a, 0]]", "fail"),
        ("def f(a, b=1): return [True, [a, None]]", "fail"),
        ("def f(a, b=1): raise ValueError", "fail"),
        ("def f(a, b=1): return {a}", "fail"),
        ("def f(a, b=1): return object()", "fail"),
        ("", "fail"),
        ("def f(a, b=1): exit()", "hack"),
    ],
)
async def test_cases_compare_values_of_json(judge: Judge, source: str, status: str) -> None:
    cases: Json = [{"args": [1], "expected": [1, [1, None]]}, {"args": [2], "kwargs": {"b": 0.5}, "expected": [1.0, [2, None]]}]
    assert (await judge(source, {"function": "f", "cases": cases})).status == status


async def test_apps_gives_a_result_bare_or_within_a_list(judge: Judge) -> None:
    reference: Json = {"fn_name": "f", "inputs": [[1], [2]], "outputs": [[1], 4]}
    assert (await judge("class Solution:\n    def f(self, x): return x * x", reference)).passed
    assert (await judge("def f(x): return [x]", reference)).status == "fail"


@pytest.mark.parametrize(
    "source",
    [
        "print(sum(map(int, input().split())))",
        "import sys\nsys.stdout.write(str(sum(map(int, sys.stdin.read().split()))))\nsys.exit()",
        "import os\nos.write(1, str(sum(map(int, os.read(0, 100).split()))).encode() + b'   \\n\\n\\n')",
        "import sys, threading\ndef main(): print(sum(map(int, sys.stdin.readline().split())))\n"
        "threading.stack_size(1 << 26)\nthreading.Thread(target=main).start()",
        "import atexit, io, sys\nout = io.StringIO()\natexit.register(lambda: sys.__stdout__.write(out.getvalue()))\n"
        "print(sum(map(int, open(0).read().split())), file=out)",
        "def main():\n    a, b = map(int, input().split())\n    print(a + b)\n    print('debug', file=__import__('sys').stderr)\n"
        "if __name__ == '__main__':\n    main()",
    ],
)
async def test_a_whole_program_is_run_as_python_would(judge: Judge, source: str) -> None:
    verdict = await judge(source, SUMS)
    assert verdict.passed, verdict.checks
    assert [check.id for check in verdict.checks] == ["test 1", "test 2"]
    assert (await judge(source, {"inputs": SUMS["stdin"], "outputs": SUMS["stdout"]})).passed  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("", "fail"),
        ("print(3)", "fail"),
        ("print(sum(map(int, input().split())), end=' x')", "fail"),
        ("print('', sum(map(int, input().split())))", "fail"),
        ("print(sum(map(int, input().split())))\nraise SystemExit(1)", "fail"),
        ("print(sum(map(int, input().split())))\nraise SystemExit('done')", "fail"),
        ("print(sum(map(int, input().split())))\n1 / 0", "fail"),
        ("print(sum(map(int, input().split())), flush=True)\nimport os\nos._exit(0)", "fail"),
        ("import sys\nprint(sum(map(int, input().split())), file=sys.stderr)", "fail"),
        ("import sys\nsys.modules['_script'].run = sys.modules['_script'].read = lambda *a: 'Mw=='\nprint(4)", "fail"),
        ("import os\nos.write(253, b'\\0\\0\\0\\2{}')\nprint(3)", "fail"),
        ("open('n', 'a').write('x')\nprint(sum(map(int, input().split())) if open('n').read() == 'xx' else 0)", "fail"),
        ("while True: print('x' * 1000)", "fail"),
        ("while True: pass", "timeout"),
    ],
)
async def test_a_whole_program_is_held_to_its_whole_output(judge: Judge, source: str, status: str) -> None:
    assert (await judge(source, SUMS)).status == status


async def test_a_long_output_is_compared_to_its_end(judge: Judge) -> None:
    long = "".join(f"{n}\n" for n in range(100_000))
    source = "for n in range(100_000): print(n if n != {} else 'x')"
    assert (await judge(source.format(-1), {"stdin": [""], "stdout": [long]})).passed
    assert (await judge(source.format(50_000), {"stdin": [""], "stdout": [long]})).status == "fail"


async def test_numbers_in_an_output_may_differ_only_where_that_is_asked_for(judge: Judge) -> None:
    reference: Json = {"stdin": [""], "stdout": ["0.3333333 yes"]}
    assert (await judge("print(1 / 3, 'yes')", reference)).status == "fail"
    assert (await judge("print(1 / 3, 'yes')", reference, stdout_tolerance=1e-6)).passed
    assert (await judge("print(1 / 3, 'no')", reference, stdout_tolerance=1e-6)).status == "fail"
    assert (await judge("print(0.34, 'yes')", reference, stdout_tolerance=1e-6)).status == "fail"


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ("a\nb", "a \r\nb\n\n", True), ("", "\n", True), ("", "a", False), ("a  b", "a b", False), (" a", "a", False), ("a\n\nb", "a\nb", False),
        ("\na", "a", False), ("1.0", "1", False), ("A", "a", False), ("a\nb", "a", False), ("", "1\n2\n3", False),
    ],
)  # fmt: skip
async def test_white_space_counts_but_at_the_ends(found: str, expected: str, same: bool) -> None:
    assert same_text(found, expected) is same
    assert same_text(expected, found) is same


async def test_any_executed_program_supports_an_answer() -> None:
    verifier = ProgramVerifier(ProgramVerifier.Config())
    assert verifier.supported("done", [""])
    assert not verifier.supported("done", [])
