"""What a teacher is told before the question. All wording is ours.

The shape follows measurements on 0.5B and 1.5B models over twenty easy tasks: one worked demonstration, together with a
stop at the closing fence, removed nearly all format violations and invented outputs and halved the tokens; telling the
model to test its code "with the given assert" where there is none made it invent wrong ones, so nothing here does.
"""

from __future__ import annotations

from typing import Literal

from eagdata.records import Json, Message
from eagdata.teachers.turns import TOOL_NAME

STOP = ("\n```\n",)
"""Ends a reply at the closing fence of its action, before an output can be invented. For the `fence` protocol."""

_FENCE = """\
Solve the task step by step by running code.
In each reply write a short thought and then exactly one code block:
```{language}
...
```
Stop after the block. It is run, and the next message shows what it really printed, or its error. Never write an output yourself.
After an error, say what was wrong and try something else: the same code gives the same error."""

_TOOL = """\
Solve the task step by step by running code.
In each reply write a short thought and call the tool `{tool}` exactly once.
The next message shows what the code really printed, or its error. Never write an output yourself.
After an error, say what was wrong and try something else: the same code gives the same error."""

_ANSWER = "When an output has shown you the answer, reply without code and write the final answer in \\boxed{{}}. {instructions}"

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


def system_prompt(*, environment_instructions: str, answer_instructions: str, language: str, protocol: Literal["fence", "tool"]) -> str:
    """System prompt for a teacher that acts: how to act, then the environment's and the verifier's sentences."""
    act = _FENCE.format(language=language) if protocol == "fence" else _TOOL.format(tool=TOOL_NAME)
    parts = [act, environment_instructions, _ANSWER.format(instructions=answer_instructions)]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def demonstration(*, language: str, protocol: Literal["fence", "tool"]) -> tuple[Message, ...]:
    """One worked task, as turns to stand before the question. It never enters a row.

    Empty for other protocols and languages: it would teach the wrong one, and models that call tools know their own format.
    """
    return _DEMONSTRATION if protocol == "fence" and language == "python" else ()


def raw_system_prompt(answer_instructions: str) -> str:
    """System prompt for a teacher that only thinks: no environment, no code."""
    return _RAW.format(instructions=answer_instructions).strip()


def run_tool(language: str) -> dict[str, Json]:
    """Schema of the one tool of the `tool` protocol, as the OpenAI API has it."""
    code: dict[str, Json] = {"type": "string", "description": f"The {language} code to run."}
    parameters: dict[str, Json] = {"type": "object", "properties": {"code": code}, "required": ["code"], "additionalProperties": False}
    description = f"Run {language} code in the session and see what it prints."
    return {"type": "function", "function": {"name": TOOL_NAME, "description": description, "parameters": parameters}}
