"""A problem and what was written about it, in a column each, or a text alone. No row is looked at on its own but for its conclusion.

    {"question": "...", "answer": "... #### 72"}        GSM8K
    {"problem": "...", "solution": "... \\boxed{2}"}     MATH
    {"question": "...", "options": ["A)1", "B)2"], "rationale": "...", "correct": "B"}
    {"instruction": "...", "input": "", "output": "..."}, {"instruction": "...", "generation": "..."}
    {"prompt": "...", "completion": "..."}               TRL; either may also be a list of messages
    {"text": "..."}

Sources: the cards of these sets; distilabel, the columns of TextGeneration; TRL, docs/source/dataset_formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from eagdata.importers.chats import see_chat
from eagdata.importers.columns import BadRow, Columns, array, spelt
from eagdata.importers.seen import END, Format, Seen, SeenRow, by_row, conclusion

_QUESTIONS = ("problem", "question")
_MORE = ("options", "choices", "input")
"""What belongs to a problem: problems that differ in it alone are not the same."""
_REPLIES = ("text", "completion", "generation", "response", "output", "generated_solution", "solution", "rationale")
"""Where there are several, what was generated comes before the reference."""
_ANSWERS = ("answer", "expected_answer", "ground_truth", "gt")


def _see(columns: Columns, *, problems: tuple[str, ...]) -> Seen:
    """Where nothing but an answer follows the problem, it is the text too, and its conclusion the reference."""
    problem, reply, answer = (_first(columns, names) for names in (problems, _REPLIES, _ANSWERS))
    used = [name for name in (problem, reply) if name]
    if (at := columns.without(used)) is not None:
        raise BadRow(at, f"it has no {' and no '.join(map(repr, used))}, as the rows before it do")
    if reply is None and answer is not None:
        text = columns.values(answer, pa.large_string())
        final = _concluded(text)
        return Seen(problem=_problem(columns, problem), answer=pc.coalesce(final, text.cast(pa.string())), final=final, text=text)
    text = columns.texts(reply) if reply else None
    return Seen(
        problem=_problem(columns, problem),
        answer=columns.values(answer, pa.string()) if answer else None,
        final=_concluded(text) if text is not None else None,
        text=text,
    )


def _problem(columns: Columns, name: str | None) -> pa.Array | None:
    if name is None:
        return None
    more = _first(columns, _MORE)
    if more is None:
        return columns.texts(name)
    rest = pc.fill_null(columns.texts(more), "")
    return pc.if_else(
        pc.equal(rest, ""), columns.texts(name), pc.binary_join_element_wise(columns.texts(name), rest, pa.scalar("\n", pa.large_string()))
    )


def _first(columns: Columns, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in columns.names), None)


def _concluded(text: pa.Array) -> pa.Array:
    ends = pc.binary_slice(text.cast(pa.large_binary()), -END, None).to_pylist()  # 4 times as fast as whole texts
    return array([conclusion(end.decode(errors="ignore")) if end else None for end in ends], pa.string())


def _see_prompt(columns: Columns) -> Seen:
    reply = _first(columns, _REPLIES)
    if reply is None or (columns.is_text("prompt") and columns.is_text(reply)):
        return _see(columns, problems=("prompt",))
    return by_row(columns, ("prompt", reply), partial(_see_messages, reply=reply))


def _see_messages(row: Mapping[str, object], *, reply: str) -> SeenRow:
    return see_chat([*_said(row["prompt"], "user"), *_said(row[reply], "assistant")])


def _said(value: object, role: str) -> list[Mapping[str, object]]:
    return value if isinstance(value, list) else [{"role": role, "content": spelt(value)}]


QUESTION = Format(name="question", needs=tuple(frozenset({name}) for name in _QUESTIONS), see=partial(_see, problems=_QUESTIONS))
INSTRUCTION = Format(name="instruction", needs=(frozenset({"instruction"}),), see=partial(_see, problems=("instruction",)))
PROMPT = Format(
    name="prompt", needs=tuple(frozenset({"prompt", reply}) for reply in ("completion", "response", "generation")), see=_see_prompt
)
TEXT = Format(name="text", needs=(frozenset({"text"}),), see=partial(_see, problems=()))
