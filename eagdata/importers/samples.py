"""Rows with several replies to one problem: OpenR1, the outputs of ToRA and of Qwen2.5-Math, distilabel with grouped generations.

    {"problem", "solution", "answer", "generations": ["...", "..."], "correctness_math_verify": [true, false], "messages": [...]}
    {"question", "gt", "code": ["...", "..."], "pred": ["7", "8"], "score": [true, false]}
    {"instruction", "generations": ["...", "..."]}

Sources: the card of open-r1/OpenR1-Math-220k; microsoft/ToRA, src/outputs; distilabel, group_generations of a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from eagdata.importers.columns import Columns, spelt
from eagdata.importers.seen import Format, Seen, SeenRow, Turn, by_row
from eagdata.importers.speech import parts, turns

_PROBLEMS = ("problem", "question", "instruction", "prompt")
_ANSWERS = ("answer", "gt")
_JUDGED = ("correctness_math_verify", "score")


def _see(columns: Columns, *, name: str, acts: bool = False) -> Seen:
    return by_row(columns, (name, *_PROBLEMS, *_ANSWERS, *_JUDGED), partial(_see_row, name=name, acts=acts))


def _see_row(row: Mapping[str, object], *, name: str, acts: bool) -> SeenRow:
    """The turns of all replies, one reply after the other."""
    replies = row[name]
    if not isinstance(replies, list) or not all(isinstance(reply, str | None) for reply in replies):
        raise TypeError(f"{name!r} is no list of texts")
    seen: list[Turn] = []
    for reply in filter(None, replies):
        seen += turns(list(parts(reply, acts=acts)))
    judged = next((row[key] for key in _JUDGED if isinstance(row.get(key), list)), [])
    verdicts = [verdict for verdict in judged if isinstance(verdict, bool)] if isinstance(judged, list) else []
    return SeenRow(
        problem=_first(row, _PROBLEMS),
        answer=_first(row, _ANSWERS),
        turns=seen,
        solve_rate=sum(verdicts) / len(verdicts) if verdicts else None,
    )


def _first(row: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((spelt(row[name]) for name in names if row.get(name) is not None), None)


GENERATIONS = Format(
    name="generations", needs=tuple(frozenset({problem, "generations"}) for problem in _PROBLEMS), see=partial(_see, name="generations")
)
TORA_SAMPLES = Format(
    name="tora_samples", needs=(frozenset({"question", "gt", "code", "pred"}),), see=partial(_see, name="code", acts=True)
)
