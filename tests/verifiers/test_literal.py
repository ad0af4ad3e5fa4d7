from __future__ import annotations

import pytest

from eagdata.records import Task
from eagdata.testing import check_verifier
from eagdata.verifiers.literal import LiteralVerifier

VERIFIER = LiteralVerifier(LiteralVerifier.Config())


def task(reference: str | None) -> Task:
    return Task(id="a", question="What does f() return?", verifier="literal", reference=reference)


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        ("[(4, 1), (2, 3)]", "[(4,1),(2,3)]", ["[[4, 1], [2, 3]]", "[(2, 3), (4, 1)]", "((4, 1), (2, 3))", "(4, 1), (2, 3)"]),
        ("'a b'", '"a b"', ["a b", "'a  b'", "'A b'", "b'a b'", "['a b']"]),
        ("''", '""', ["'' or 'x'", "None", "' '"]),
        ("1", "1", ["1.0", "True", "'1'", "1 or 2", "2 - 1", "[1]"]),
        ("-2.5", "-2.50", ["2.5", "-2.4999", "-2"]),
        ("True", "True", ["true", "1", "'True'", "False"]),
        ("None", "None", ["null", "False", "0", "''"]),
        ("{1: None, 'b': {2, 3}}", "{'b': {3, 2}, 1: None}", ["{1: None, 'b': [2, 3]}", "{1: None}", "{1.0: None, 'b': {2, 3}}"]),
        ("{}", "{}", ["set()", "[]"]),
        ("{'a': 1}", r"\{'a': 1\}", [r"\{'a': 2\}"]),
        ("[1, 2]", "`[1, 2]`", ["`[2, 1]`"]),
        (r"'\\d'", r"'\\d'", [r"'d'"]),
        ("(1,)", "(1,)", ["(1)", "1,2"]),
    ],
)  # fmt: skip
async def test_a_value_is_compared_with_its_types(reference: str, right: str, wrong: list[str]) -> None:
    await check_verifier(VERIFIER, task(reference), right=right, wrong=[*wrong, "f()", "__import__('os').getcwd()", "[1", "x"])


@pytest.mark.parametrize(
    "answer", ["[" * 9_000, "1+" * 9_000 + "1", "-" * 9_000 + "1", "9" * 9_000, "[" * 60 + "]" * 60, "'" + "x" * 30_000 + "'", "1j+2"]
)
async def test_an_answer_that_would_exhaust_the_reader_is_wrong(answer: str) -> None:
    assert (await VERIFIER.verify(task("1"), answer, None)).status == "fail"


@pytest.mark.parametrize("reference", [None, "f(x)", ""])
async def test_a_reference_that_is_no_literal_is_nobodys_fault(reference: str | None) -> None:
    verdict = await VERIFIER.verify(task(reference), "1", None)
    assert (verdict.status, verdict.reward) == ("unscored", None)


def test_an_output_supports_the_value_it_shows() -> None:
    assert VERIFIER.supported("{'a', 'b'}", ["{'b', 'a'}\n"])
    assert VERIFIER.supported("'two words'", ["first\ntwo words\n"])
    assert VERIFIER.supported("'x\\ny'", ["x\ny\n"])
    assert VERIFIER.supported("[1]", ["before\n[1]"])
    assert not VERIFIER.supported("[1]", ["[1, 2]", "1"])
    assert not VERIFIER.supported("f()", ["f()"])
    assert not VERIFIER.supported("1", [])
