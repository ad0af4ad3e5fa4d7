"""Method for the family `programs`: write the function, run the examples, try the empty case."""

from __future__ import annotations

import re

from eagdata.teachers.methods.plan import Plan, Slip, Step
from eagdata.teachers.methods.program_bodies import BODIES

_ASKED = re.compile(r"Write a Python function `(\w+)\((\w+)\)` that returns (.*?)\.\n\nExamples:\n(.*?)\n\n", re.DOTALL)


def plan(question: str) -> Plan | None:
    found = _ASKED.search(question)
    if not found:
        return None
    name, argument, wanted, shown = found.groups()
    body, parameters = next(((body, hit.groups()) for body in BODIES if (hit := body.pattern.fullmatch(wanted))), (None, ()))
    if body is None:
        return None
    steps = (
        Step(
            makes=name,
            thoughts=(*body.thoughts, f"I write `{name}` straight from its description."),
            codes=tuple(f"def {name}({argument}):\n{_indented(code, parameters)}" for code in body.codes),
            slips=tuple(_filled(slip, parameters) for slip in body.slips),
            blind=tuple(_filled(slip, parameters) for slip in body.blind),
        ),
        _examples(name, shown),
        _empty_case(name, '""' if argument == "text" else "[]", body.of_nothing),
    )
    head = (f"The function can be written down, but it has to be defined in a session to be tested: {body.thoughts[0]}", "unknown")
    return Plan(steps=steps, head=lambda: head, answer="done", closing=_CLOSING)


_CLOSING = (
    "The function is defined and passes the examples and the empty case.",
    "The examples pass and the function stands in the session.",
    "It is defined, and it does what the examples show.",
)


def _examples(name: str, shown: str) -> Step:
    examples = [line.removeprefix(f"{name}(").split(") returns ") for line in shown.splitlines()]
    cases = "".join(f"    ({value}, {result}),\n" for value, result in examples)
    return Step(
        makes="cases",
        thoughts=("The examples of the task are the first test.", "I run the given examples.", "Does it reproduce both examples?"),
        codes=(
            f"cases = [\n{cases}]\nfor argument, expected in cases:\n    result = {name}(argument)\n    print(result)\n"
            f'    assert result == expected, f"{name}({{argument!r}}) gives {{result!r}}, expected {{expected!r}}"',
        ),
    )


def _empty_case(name: str, argument: str, expected: str) -> Step:
    code = f"nothing = {name}({argument})\nprint(repr(nothing))\n"
    same = "is" if expected == "None" else "=="
    return Step(
        makes="nothing",
        thoughts=(
            "The hidden tests may hold an empty argument, so I try that as well.",
            "An empty argument is where such functions break; a last run on it.",
        ),
        codes=(f'{code}assert nothing {same} {expected}, f"the empty case gives {{nothing!r}}"',),
    )


def _indented(code: str, parameters: tuple[str, ...]) -> str:
    return "\n".join(f"    {line}" if line else "" for line in code.format(*parameters).splitlines())


def _filled(slip: Slip, parameters: tuple[str, ...]) -> Slip:
    return Slip(slip.right.format(*parameters), slip.wrong.format(*parameters), slip.lesson)
