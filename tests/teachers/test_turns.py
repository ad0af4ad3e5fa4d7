from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from eagdata.boxed import last_boxed
from eagdata.contracts import Reply
from eagdata.records import ToolCall
from eagdata.teachers.prompts import STOP, demonstration, raw_system_prompt, run_tool, system_prompt
from eagdata.teachers.turns import Turn, parse_reply

REAL = Path(__file__).parents[3] / "shared" / "data" / "real_replies.jsonl"


def read(content: str, *, finish: str | None = "stop", language: str | None = "python", **more: object) -> Turn:
    reply = Reply(content=content, finish_reason=finish, **more)  # type: ignore[arg-type]
    return parse_reply(reply, language=language)


def code(turn: Turn) -> str | None:
    return turn.action.text if turn.action else None


def test_the_first_block_is_the_action_and_what_follows_never_enters() -> None:
    turn = read("I add.\n```python\nprint(2+2)\n```\nOutput:\n```output\n5\n```\n```python\nprint(3)\n```\nSo \\boxed{5}.")
    assert (turn.thought, code(turn), turn.answer) == ("I add.", "print(2+2)", None)
    assert turn.content == "I add.\n```python\nprint(2+2)\n```"


@pytest.mark.parametrize("label", ["python", "py", "Python", "python3", ""])
def test_python_goes_by_several_labels(label: str) -> None:
    assert code(read(f"```{label}\nx = 1\n```")) == "x = 1"


@pytest.mark.parametrize("label", ["output", "text", "bash", "json"])
def test_blocks_of_other_labels_are_no_action(label: str) -> None:
    assert read(f"```{label}\nx = 1\n```").void


def test_another_language_wants_its_own_label() -> None:
    assert code(read("```\nSELECT 1\n```\n```sql\nSELECT 2\n```", language="sql")) == "SELECT 2"


def test_an_invented_output_before_the_code_is_ignored() -> None:
    assert code(read("```output\n4\n```\n```python\nprint(4)\n```")) == "print(4)"


@pytest.mark.parametrize("tail", ["", "\n"])
def test_a_fence_swallowed_by_the_stop_is_put_back(tail: str) -> None:
    turn = read("Go.\n```python\nprint(1)" + tail)
    assert (code(turn), turn.content) == ("print(1)", "Go.\n```python\nprint(1)\n```")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_block_cut_by_the_limit_is_never_run(finish: str) -> None:
    turn = read("Go.\n```python\nprint(1)\nprint(", finish=finish)
    assert turn.truncated
    assert (turn.action, turn.answer, turn.void) == (None, None, False)


def test_a_closed_block_counts_even_if_the_talk_after_it_was_cut() -> None:
    assert code(read("```python\nprint(1)\n```\nand then and then", finish="length")) == "print(1)"


def test_an_answer_cut_by_the_limit_does_not_count() -> None:
    assert read("so \\boxed{4}, no wait, it", finish="length").truncated


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    assert code(read('````python\nx = """\n```\n"""\n````')) == 'x = """\n```\n"""'


def test_an_indented_block_loses_its_indentation() -> None:
    assert code(read("1. Try:\n   ```python\n   if x:\n       y()\n   ```\n")) == "if x:\n    y()"


def test_an_empty_block_is_no_action() -> None:
    assert read("```python\n\n```").void


def test_an_unlabelled_block_that_boxes_the_answer_is_an_answer() -> None:
    assert read("Done.\n```\n\\boxed{4}\n```").answer == "4"


def test_an_answer_inside_an_invented_output_does_not_count() -> None:
    assert read("```output\n\\boxed{4}\n```").void


def test_without_actions_code_is_plain_text() -> None:
    turn = read("```python\nprint(4)\n```\nIt is \\boxed{4}.", language=None)
    assert (turn.answer, turn.action, turn.content) == ("4", None, "```python\nprint(4)\n```\nIt is \\boxed{4}.")


def test_a_reply_with_neither_is_void() -> None:
    assert read("Let me think about it.").void
    assert read("").void


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\boxed{1} or \boxed{2}", "2"),
        (r"\boxed{\frac{a}{b}}", r"\frac{a}{b}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {x\}y}", r"x\}y"),
        (r"\boxed{1} then \boxed{2", "1"),
        (r"put it in \boxed{}", None),
        (r"\boxed{ } \boxed{3} \boxed{}", "3"),
        (r"\boxed{\boxed{5}}", "5"),
        ("boxed{5}", None),
    ],
)
def test_the_last_balanced_box_is_the_answer(text: str, found: str | None) -> None:
    assert last_boxed(text) == found


@pytest.mark.parametrize(
    ("content", "reasoning", "visible"),
    [
        ("<think>a ```python\n1\n``` </think>\n\\boxed{4}", "a ```python\n1\n```", "\\boxed{4}"),
        ("a</think>\\boxed{4}", "a", "\\boxed{4}"),
        ("\\boxed{4}", None, "\\boxed{4}"),
    ],
)
def test_thinking_left_in_the_content_becomes_reasoning(content: str, reasoning: str | None, visible: str) -> None:
    turn = read(content)
    assert (turn.reasoning, turn.content, turn.answer) == (reasoning, visible, "4")


def test_thinking_that_never_ended_is_no_reply() -> None:
    turn = read("<think>\\boxed{4} perhaps", finish="length")
    assert turn.truncated
    assert turn.content == ""


def test_a_closing_tag_inside_code_stays_there() -> None:
    assert code(read("```python\nprint('</think>')\n```")) == "print('</think>')"


def call(arguments: str, name: str = "run") -> tuple[ToolCall, ...]:
    return (ToolCall(id="c1", name=name, arguments=arguments), ToolCall(id="c2", name="run", arguments='{"code": "2"}'))


def test_a_tool_call_is_an_action_and_the_only_one() -> None:
    turn = read("I add.", tool_calls=call('{"code": "print(1)"}'), finish="tool_calls")
    assert (code(turn), turn.thought, len(turn.tool_calls or ())) == ("print(1)", "I add.", 1)


@pytest.mark.parametrize("arguments", ['{"code": "pri', "print(1)", '{"code": 3}', '{"code": " "}', "[]", "{}"])
def test_unusable_tool_calls_are_void_and_leave_no_call_unanswered(arguments: str) -> None:
    turn = read("", tool_calls=call(arguments), finish="tool_calls")
    assert turn.void
    assert turn.tool_calls is None
    assert read("", tool_calls=call('{"code": "1"}', name="browse")).void


def test_each_reply_is_exactly_one_of_four_things() -> None:
    for text in ("a", "\\boxed{1}", "```python\n1\n```", "```python\n1", "```python\n1\n```\\boxed{1}"):
        for finish in ("stop", "length", None):
            turn = read(text, finish=finish)
            assert sum((turn.action is not None, turn.answer is not None, turn.void, turn.truncated)) == 1


@pytest.mark.skipif(not REAL.exists(), reason="the recording of real models is not here")
def test_real_replies_are_read_as_their_text_says() -> None:
    kinds = {"action": 0, "answer": 0, "void": 0, "truncated": 0}
    for line in REAL.read_text().splitlines():
        recorded = json.loads(line)
        if "response_format" in recorded["request"]:
            continue
        for choice in recorded["response"]["choices"]:
            turn = read(choice["message"]["content"], finish=choice["finish_reason"])
            kind = "action" if turn.action else "answer" if turn.answer else "void" if turn.void else "truncated"
            kinds[kind] += 1
            assert turn.content.count("```output") == 0 or not turn.action or turn.content.endswith("```")
            assert kind != "truncated" or choice["finish_reason"] == "length"
    assert kinds["action"] > 600
    assert kinds["answer"] > 60
    assert kinds["void"] < 100


def prompt(**settings: object) -> str:
    given = {"language": "python", "protocol": "fence", **settings}
    return system_prompt(environment_instructions="Names persist.", answer_instructions="One number.", **given)  # type: ignore[arg-type]


def test_the_prompt_holds_the_environments_and_the_verifiers_sentences() -> None:
    for text in (prompt(), prompt(protocol="tool"), prompt(language="sql")):
        assert "Names persist." in text
        assert "One number." in text
        assert "\\boxed{}" in text


def test_the_demonstration_follows_its_own_rules_and_is_true() -> None:
    _task, first, output, last = demonstration(language="python", protocol="fence")
    turn = read(first.content)
    assert turn.action
    assert turn.content == first.content
    seen = io.StringIO()
    with contextlib.redirect_stdout(seen):
        exec(turn.action.text, {})
    assert output.content == f"Output:\n{seen.getvalue()}"
    assert read(last.content).answer == seen.getvalue().strip()
    assert demonstration(language="sql", protocol="fence") == demonstration(language="python", protocol="tool") == ()


def test_the_stop_ends_a_reply_at_its_action() -> None:
    whole = "I add.\n```python\nprint(1)\n```\nOutput: 7"
    turn = read(whole.partition(STOP[0])[0])
    assert turn.content == "I add.\n```python\nprint(1)\n```"


def test_the_raw_prompt_speaks_of_no_code() -> None:
    text = raw_system_prompt("One number.")
    assert "```" not in text
    assert "One number." in text
    assert "code" not in text


def test_the_tool_schema_names_what_the_parser_reads() -> None:
    function = run_tool("python")["function"]
    turn = read("", tool_calls=(ToolCall(id="c", name=function["name"], arguments='{"code": "1"}'),))  # type: ignore[index,call-overload,arg-type]
    assert code(turn) == "1"
