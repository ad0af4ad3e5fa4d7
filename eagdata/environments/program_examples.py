"""The public examples of a task for a program: what they say, and how the outcome of one is told."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from eagdata.environments.box import wrong
from eagdata.environments.sandbox.interpreter import shorten
from eagdata.records import Json, Observation, Task

_PART_CHARS = 400
_WRONG = "WrongAnswer"


@dataclass(frozen=True, slots=True)
class Written:
    """A text that the whole program gets, and what it should write."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True)
class Called:
    """A Python expression that uses the program's functions, and an expression for its value; None: a statement that must not raise."""

    call: str
    expected: str | None
    boxed: bool = False
    """The expected value may stand within a list of one."""

    @property
    def action(self) -> str:
        """What to run for it: the value is `(True, result)` if it is as expected."""
        if self.expected is None:
            return self.call
        same = f"got == ({self.expected})" + f" or [got] == ({self.expected})" * self.boxed
        return f"(lambda got: (True if {same} else False, got))({self.call})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an example came out."""

    kind: str | None
    """None: right. Else `WrongAnswer`, an exception class, or a limit."""
    text: str = ""


def read_examples(task: Task) -> tuple[Written | Called, ...]:
    """`environment_config.examples`: texts of asserts, or objects with `stdin` and `stdout`, `call` (Python) and `expected` (a value), or
    `input`, `output` and, for functions, `fn_name`, as APPS has them.

    Raises: RecipeError.
    """
    given = task.environment_config.get("examples", [])
    if not isinstance(given, list):
        raise wrong(task, f"environment_config.examples is {given!r}", "give a list")
    return tuple(_example(task, example) for example in given)


def _example(task: Task, given: Json) -> Written | Called:
    if isinstance(given, str):
        return _asserted(given)
    if isinstance(given, dict) and given.keys() == {"stdin", "stdout"} and all(isinstance(text, str) for text in given.values()):
        return Written(str(given["stdin"]), str(given["stdout"]))
    if isinstance(given, dict) and given.keys() == {"call", "expected"} and isinstance(given["call"], str):
        return Called(given["call"], repr(given["expected"]))
    if isinstance(given, dict) and (found := _apps(given.get("fn_name"), given.get("input"), given.get("output"))):
        return found
    mend = "give {stdin, stdout}, {call, expected}, {input, output, fn_name} or the text of an assert"
    raise wrong(task, f"environment_config.examples has {given!r}", mend)


def _apps(name: Json, given: Json, expected: Json) -> Written | Called | None:
    """Texts, or lines of them; with a function's name, arguments and a result. Source: APPS (Hendrycks et al. 2021)."""
    if isinstance(name, str) and name.isidentifier() and isinstance(given, list):
        return Called(f"(globals().get({name!r}) or Solution().{name})(*{given!r})", repr(expected), boxed=True)
    stdin, stdout = ("\n".join(map(str, text)) if isinstance(text, list) else text for text in (given, expected))
    return Written(stdin, stdout) if name is None and isinstance(stdin, str) and isinstance(stdout, str) else None


def _asserted(text: str) -> Called:
    """`assert f(1) == 2` is shown as a call with an expected value."""
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        return Called(text.strip(), None)
    test = body[0].test if len(body) == 1 and isinstance(body[0], ast.Assert) else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        return Called(ast.unparse(test.left), ast.unparse(test.comparators[0]))
    return Called(text.strip(), None)


def told_call(example: Called, seen: Observation) -> Outcome:
    """What came of running `example.action`."""
    if seen.status != "ok":
        return Outcome(seen.kind, _parts(call=example.call, error=seen.text.rstrip()))
    if example.expected is None:
        return Outcome(None)
    value = seen.value or ""
    right = value.startswith("(True, ")
    printed = seen.text.removesuffix(value + "\n")
    got = value.removeprefix("(True, ").removeprefix("(False, ").removesuffix(")")
    return Outcome(
        None if right else _WRONG, "" if right else _parts(call=example.call, expected=example.expected, got=got, printed=printed)
    )


def told_run(example: Written, seen: Observation, ran: dict[str, Json] | None) -> Outcome:
    """What came of a run on `example.stdin`: `ran` holds exit status and output, None if it did not end by itself."""
    if ran is None:
        return Outcome(seen.kind, _parts(input=example.stdin, error=seen.text.rstrip()))
    stdout, stderr = str(ran["stdout"]), str(ran["stderr"])
    if ran["exit"] != 0:
        last = stderr.rstrip().rpartition("\n")[2].partition(":")[0]
        kind = last if last.isidentifier() else f"exit status {ran['exit']}"
        return Outcome(kind, _parts(input=example.stdin, got=stdout, error=stderr.rstrip()))
    if _lines(stdout) == _lines(example.stdout):
        return Outcome(None)
    return Outcome(_WRONG, _parts(input=example.stdin, expected=example.stdout, got=stdout, errors=stderr.rstrip()))


def report(outcomes: Sequence[Outcome]) -> str:
    """All outcomes, in order, and how many are right."""
    told = [f"example {number}: {outcome.kind or 'ok'}\n{outcome.text}" for number, outcome in enumerate(outcomes, start=1)]
    right = sum(outcome.kind is None for outcome in outcomes)
    return "".join(told) + f"{right} of {len(outcomes)} examples are right\n"


def _lines(text: str) -> list[str]:
    """White space at the ends of lines and empty lines at the end do not count, as for the judges of the field."""
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _parts(**parts: str) -> str:
    """Each part under its name, shortened; an empty part is left out, unless it is what was got."""
    told = ""
    for name, text in parts.items():
        short = (shorten(text, _PART_CHARS) or "").rstrip("\n")
        if "\n" in short:
            told += f"  {name}:\n" + "".join(f"    {line}\n" for line in short.split("\n"))
        elif short or name == "got":
            told += f"  {name}: {short or '(nothing)'}\n"
    return told
