"""What a teacher is told that writes new tasks, and how its reply is read. All wording is ours; the answers of seeds are never shown.

Sources of the method: examples and a filter by similarity, Self-Instruct (Wang et al. 2022, arXiv:2212.10560); one seed that is changed
by a drawn operation, Evol-Instruct (Xu et al. 2023, WizardLM, arXiv:2304.12244); a question turned round, MetaMath (Yu et al. 2023,
arXiv:2309.12284); an answer that a program computes, PAL (Gao et al. 2022, arXiv:2211.10435).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eagdata.records import Message

PROMPT = "synthesis-1"
"""Version of the wording; each row names it."""

OPERATIONS = {
    "constrain": "Change it: add one condition that changes the answer.",
    "deepen": "Change it: solving it takes at least one more step.",
    "reverse": "Turn it round: what it asks for is given, and one of the given numbers is asked for.",
    "broaden": "Write another problem, in a different setting, that the same ideas solve.",
}
"""How one seed is changed. Evol-Instruct deepens and broadens; MetaMath reverses."""

_SYSTEM = """\
You write new problems. A problem tells all that is needed to solve it, has exactly one answer, and never states that answer.
With each problem comes a short Python program that computes the answer from what the problem tells, and prints it and nothing else.
Whoever solves the problem is told: {instructions} The program prints what belongs in the box.

Reply in this form, and write nothing after the program:
Problem: ...
```python
...
```"""

_SEVERAL = "Write one more problem that could stand among these, with a setting, a structure and numbers of its own."

_FORM = "Reply with `Problem:` and then its program."

_DEMONSTRATED = (
    "A box holds 12 pens. Tom buys 3 boxes and gives away 5 pens. How many pens has he left?",
    "A shelf has 6 rows of 9 books, and 14 of them are lent. How many books stand on the shelf?",
)
EXAMPLE = (
    "A jar holds 15 plums and costs 4 dollars. Ann has 22 dollars, buys as many jars as she can and eats 7 plums. How many plums has she "
    "left?"
)
SHOWN = (*_DEMONSTRATED, EXAMPLE)
"""The questions of the worked example: a reply that repeats one is no new task."""
_PROGRAM = "jars = 22 // 4\nprint(jars * 15 - 7)"

_LABEL = re.compile(r"(?:^|\n)[#*_>\s]*(?:new )?problem(?: \d+)?[*_ ]*:[*_\s]*(?=\S)", re.IGNORECASE)
_TRAILING = re.compile(r"\n[^\w\n]*(?:python )?(?:program|code|solution)[^\w\n]*\Z", re.IGNORECASE)


def draft_prompt(questions: Sequence[str], *, operation: str | None, instructions: str) -> tuple[Message, ...]:
    """The conversation that asks for a new task: one worked example, then the seeds. `instructions`: of the verifier."""
    shown = _DEMONSTRATED if operation is None else _DEMONSTRATED[:1]
    return (
        Message(role="system", content=_SYSTEM.format(instructions=instructions)),
        Message(role="user", content=_asked(shown, operation and "constrain")),
        Message(role="assistant", content=f"Problem: {EXAMPLE}\n```python\n{_PROGRAM}\n```"),
        Message(role="user", content=_asked(questions, operation)),
    )


def question_of(said: str) -> str | None:
    """The question in what a reply says before its program; None if nothing is marked as one."""
    labels = list(_LABEL.finditer(said))
    return _TRAILING.sub("", said[labels[-1].end() :].strip()).strip() or None if labels else None


def _asked(questions: Sequence[str], operation: str | None) -> str:
    given = "\n\n".join(f"Example {number}: {question.strip()}" for number, question in enumerate(questions, start=1))
    return f"{given}\n\n{_SEVERAL if operation is None else OPERATIONS[operation]} {_FORM}"
