"""What a teacher is told before the question."""

from __future__ import annotations

import pytest

from eagdata.contracts import Reply
from eagdata.teachers.prompts import Mode, Protocol, demonstration, remaining, system_prompt, to_convert
from eagdata.teachers.turns import parse_reply


def told(mode: Mode = "explore", protocol: Protocol = "fence", *, executions: int | None = None) -> str:
    return system_prompt(
        environment_instructions="THE BOX.", answer_instructions="THE JUDGE.", language="python", protocol=protocol, mode=mode,
        executions=executions,
    )  # fmt: skip


@pytest.mark.parametrize("protocol", ["fence", "tool"])
@pytest.mark.parametrize("mode", ["explore", "convert"])
def test_every_mode_says_how_to_act_and_what_environment_and_verifier_want(mode: Mode, protocol: Protocol) -> None:
    said = told(mode, protocol)
    assert ("```python" in said) == (protocol == "fence")
    assert ("`run`" in said) == (protocol == "tool")
    assert ("reasoning" in said) == (mode == "convert")
    assert "THE BOX." in said
    assert said.endswith("THE JUDGE.")
    assert "{" not in said.replace("\\boxed{}", "")


@pytest.mark.parametrize("mode", ["explore", "convert"])
def test_the_worked_example_keeps_the_format_that_it_teaches(mode: Mode) -> None:
    turns = [message.content for message in demonstration(language="python", protocol="fence", mode=mode) if message.role == "assistant"]
    read = [parse_reply(Reply(content=content), language="python") for content in turns]
    assert all(turn.action and turn.thought for turn in read[:-1])
    assert read[-1].answer is not None
    assert demonstration(language="python", protocol="tool", mode=mode) == ()
    assert demonstration(language="sql", protocol="fence", mode=mode) == ()


def test_the_conversion_example_shows_a_slip_in_the_reasoning_that_the_output_mends() -> None:
    asked, *_, last = (message.content for message in demonstration(language="python", protocol="fence", mode="convert"))
    assert "126 jars are whole" in asked
    assert "\\boxed{116}" in last
    assert 12 * 13 - 40 == 116


def test_reasoning_stands_apart_from_the_question_and_braces_in_it_do_no_harm() -> None:
    assert (
        to_convert("Q {x}?", " {y} \\boxed{1}\n")
        == "Q {x}?\n\n<reasoning>\n{y} \\boxed{1}\n</reasoning>\n\nBegin with its first computation: a short thought, then code."
    )


def test_executions_are_stated_only_where_they_are_bounded() -> None:
    assert "at most" not in told()
    assert "run code once at most" in told(executions=1)
    assert "run code 8 times at most" in told(executions=8)
    assert remaining(2) == "(Runs left: 2.)"
    assert "final answer" in remaining(0)
