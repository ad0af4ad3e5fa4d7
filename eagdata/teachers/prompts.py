"""What a teacher is told before the question. All wording is ours.

The shape follows measurements on 0.5B and 1.5B models over twenty easy tasks: one worked demonstration, together with a
stop at the closing fence, removed nearly all format violations and invented outputs and halved the tokens; telling the
model to test its code "with the given assert" where there is none made it invent wrong ones, so nothing here does.

`convert` is the reported way in which EAG-2K was made: a model, shown examples, rewrites the natural-language reasoning of s1's traces
into blocks of Python (reviews of arXiv 2504.14597; its prompt and its rules are not public). This prompt is ours, and differs in one
thing for certain: each block is run before the next one is written, and the teacher goes on from what was really observed.
"""

from __future__ import annotations

from typing import Literal

from eagdata.records import Json, Message
from eagdata.teachers.turns import TOOL_NAME

Mode = Literal["explore", "convert"]
Protocol = Literal["fence", "tool"]
STOP = ("\n```\n",)
"""Ends a reply at the closing fence of its action, before an output can be invented. For the `fence` protocol."""

_GOALS: dict[Mode, str] = {
    "explore": "Solve the task step by step by running code.",
    "convert": """\
With each task comes somebody's reasoning about it, written without running anything; it may hold mistakes.
Solve the task in the way of that reasoning, step by step, by running code that computes what it works out by hand.""",
}

_FENCE = """\
In each reply write a short thought and then exactly one code block:
```{language}
...
```
Stop after the block. It is run, and the next message shows what it really printed, or its error. Never write an output yourself.
After an error, say what was wrong and try something else: the same code gives the same error."""

_TOOL = """\
In each reply write a short thought and call the tool `{tool}` exactly once.
The next message shows what the code really printed, or its error. Never write an output yourself.
After an error, say what was wrong and try something else: the same code gives the same error."""

_ANSWER = "When an output has shown you the answer, reply without code and write the final answer in \\boxed{{}}. {instructions}"

_CONVERT = """\
Take the next step of the reasoning only. Compute from the numbers that the task gives: no result of the reasoning is typed into the code.
Where an output differs from the reasoning, the output is right: go on from it.
Write as your own work, for a reader who has the task alone: never speak of the reasoning."""

_GIVEN = """\
{question}

<reasoning>
{trace}
</reasoning>

Begin with its first computation: a short thought, then code."""
"""Without the last line a 1.5B model copied five of five long traces word for word, answer and all, and ran nothing."""

_EXECUTIONS = "You may run code {times} at most; then the final answer is due."

_RAW = "Solve the task. Think step by step, then write the final answer in \\boxed{{}}. {instructions}"

_DEMONSTRATION = (
    Message(role="user", content="A box holds 12 pens. Tom buys 3 boxes and gives away 5 pens. How many pens has he left?"),
    Message(
        role="assistant",
        content="I compute the pens he bought and take away those he gave.\n\n```python\nbought = 12 * 3\nprint(bought - 5)\n```",
    ),
    Message(role="user", content="Output:\n31\n"),
    Message(role="assistant", content="The output shows that 31 pens are left. The final answer is \\boxed{31}."),
)

_CONVERSION = (
    Message(
        role="user",
        content=_GIVEN.format(
            question="A shop packs 12 crates with 13 jars each. 40 jars break. How many jars are whole?",
            trace="12 crates with 13 jars are 12 * 13 = 166 jars. 40 of them break, so 166 - 40 = 126 jars are whole.",
        ),
    ),
    Message(role="assistant", content="First I count the jars in all crates.\n\n```python\njars = 12 * 13\nprint(jars)\n```"),
    Message(role="user", content="Output:\n156\n"),
    Message(role="assistant", content="Of these 156 jars I take away the 40 that break.\n\n```python\nprint(jars - 40)\n```"),
    Message(role="user", content="Output:\n116\n"),
    Message(role="assistant", content="The output shows that 116 jars are whole. The final answer is \\boxed{116}."),
)
"""The reasoning slips, and the observation wins: what a converter does not do by itself."""

NUDGE = """\
(This has become long. Check what you have found so far against the task: if it holds, conclude; if not, say which step is wrong and mend \
that step.)"""
"""Said once to a branch that has used many tokens. That a word in the middle makes a model look back at its work is known from the
`Wait` of budget forcing (s1, Muennighoff et al. 2025, section 3.1); wording and trigger are ours."""


def system_prompt(
    *, environment_instructions: str, answer_instructions: str, language: str, protocol: Protocol, mode: Mode = "explore",
    executions: int | None = None,
) -> str:  # fmt: skip
    """System prompt for a teacher that acts: what to do and how to act, then the environment's and the verifier's sentences.

    `executions`: how often it may run code; None: nothing is said of it.
    """
    act = _FENCE.format(language=language) if protocol == "fence" else _TOOL.format(tool=TOOL_NAME)
    how = _CONVERT if mode == "convert" else ""
    most = "" if executions is None else _EXECUTIONS.format(times="once" if executions == 1 else f"{executions} times")
    parts = [f"{_GOALS[mode]}\n{act}", how, environment_instructions, most, _ANSWER.format(instructions=answer_instructions)]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def demonstration(*, language: str, protocol: Protocol, mode: Mode = "explore") -> tuple[Message, ...]:
    """One worked task, as turns to stand before the question. It never enters a row.

    Empty for other protocols and languages: it would teach the wrong one, and models that call tools know their own format.
    """
    shown = _CONVERSION if mode == "convert" else _DEMONSTRATION
    return shown if protocol == "fence" and language == "python" else ()


def remaining(executions: int) -> str:
    """What is said after an output when the executions are counted."""
    return f"(Runs left: {executions}.)" if executions else "(No runs are left: reply without code and give the final answer.)"


def to_convert(question: str, trace: str) -> str:
    """The question with the natural-language reasoning that is to be converted. It never enters a row."""
    return _GIVEN.format(question=question, trace=trace.strip())


def raw_system_prompt(answer_instructions: str) -> str:
    """System prompt for a teacher that only thinks: no environment, no code."""
    return _RAW.format(instructions=answer_instructions).strip()


def run_tool(language: str) -> dict[str, Json]:
    """Schema of the one tool of the `tool` protocol, as the OpenAI API has it."""
    code: dict[str, Json] = {"type": "string", "description": f"The {language} code to run."}
    parameters: dict[str, Json] = {"type": "object", "properties": {"code": code}, "required": ["code"], "additionalProperties": False}
    description = f"Run {language} code in the session and see what it prints."
    return {"type": "function", "function": {"name": TOOL_NAME, "description": description, "parameters": parameters}}
