r"""Whether what a task shows, its question and files, already holds its answer or solution.

Three rules, each narrow, since a question may well mention its answer (an option, a number of the problem, a text to be returned):

1. `stated`: the question, a file or the set-up says in so many words what the answer is, and this is it: "answer is X", "answer: X",
   "#### X", "\boxed{X}", up to the end of the line or sentence. A worked example with another answer is none; one that happens to have
   the same answer is taken for a leak.
2. `solution`: the solution stands there as a whole, white space and case aside, if it has at least 24 characters other than white space.
3. `key file`: a file that is named answer, answers, answer_key, solution, ground_truth, expected_output or the like holds the answer as a
   word.

Not looked for: an answer that is hidden in other words, in code that computes it, in data that happens to hold it.

Source: OpenEnv's check `semantic.no_solution_leakage` and the review questions of terminal-bench and harbor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from eagdata.records import Task

LEAST_SOLUTION = 24
"""Characters, white space aside: `SELECT * FROM t` or `return x + y` may stand in a question by right."""
_STATED = re.compile(r"(?:\banswer\s*(?:is|:|=)|####|\\boxed\s*\{)[ \t]*(?=([^\n]{1,400}))", re.IGNORECASE)
_SENTENCE = re.compile(r"\.(?!\w)|[;?!]")
_KEY_FILE = re.compile(r"(?:answer|solution)s?|(?:answer|solution)_?key|ground_?truth|expected_?(?:output|answer|result)s?")


def leak(task: Task, *, judges: Literal["answer", "state"]) -> str | None:
    """Where the task gives itself away, for people; None if nowhere that these rules see. Where the state is judged, the answer's text is
    no secret."""
    answer, solution = _plain(task.answer or "") if judges == "answer" else "", "".join((task.solution or "").casefold().split())
    for place, text in _shown(task):
        said = next((found for found in _STATED.findall(text) if answer and answer in _readings(found)), None)
        if said:
            return f"{place} states the answer: {_short(said)}"
        if len(solution) >= LEAST_SOLUTION and solution in "".join(text.casefold().split()):
            return f"{place} holds the solution: {_short(task.solution or '')}"
        if place.startswith("file ") and _is_key(place) and answer and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", _plain(text)):
            return f"{place} holds the answer: {_short(task.answer or '')}"
    return None


def _shown(task: Task) -> Iterator[tuple[str, str]]:
    """What a teacher is shown or can read, with its name."""
    yield "the question", task.question
    config = task.environment_config
    if isinstance(setup := config.get("setup"), str):
        yield "the set-up", setup
    files = config.get("files")
    for name, content in files.items() if isinstance(files, dict) else ():
        if isinstance(content, str):
            yield f"file {name}", content


def _is_key(place: str) -> bool:
    return _KEY_FILE.fullmatch(PurePosixPath(place).stem.removeprefix("file ").casefold()) is not None


def _readings(said: str) -> set[str]:
    """The answers that a statement may give: all of the line, up to the end of the sentence, up to a closing brace."""
    return {_plain(part) for part in (said, _SENTENCE.split(said)[0], said.partition("}")[0], said.rpartition("}")[0])} - {""}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip("$*`'\" .")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + " …")
