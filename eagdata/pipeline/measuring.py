"""One data set, counted: tokens of every row by span and by role, what rows are grouped by, and what came of the attempts."""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from eagdata.analyze.lengths import SPANS, Floats
from eagdata.analyze.outcomes import Attempts, Outcomes, outcomes_of_attempts
from eagdata.contracts import Tokenizer
from eagdata.errors import RecipeError
from eagdata.importers.sources import Batch, open_sources
from eagdata.records import Json, Trace, from_json

MEANINGS: dict[str, Json] = {
    "span prompt": "messages before the first reply; where rows have no messages, the problem",
    "span thought": "what is thought or said on the way, all turns of a row joined; unknown where the format has no turns",
    "span action": "code and calls, without their fences",
    "span observation": "what the environment answered, as the row records it",
    "span answer": "the last thing said",
    "span total": "all messages, reasoning and calls among them; where rows have none, the problem and what follows it, without fences",
    "roles": "messages by who says them; human and gpt are user and assistant. Unknown where rows have no messages",
    "turns": "n_turns of the row; else its replies: messages of the assistant, or actions and the answer",
    "branches": "n_branches of the row: ends of the tree that it was taken from",
}
_ROLES = {"human": "user", "gpt": "assistant"}
_SPOKEN = ("thought", "action", "observation", "answer")
_USED = ("messages", "conversations", "n_turns", "n_branches")
_GROUPINGS = ("source", "family", "subset", "turns", "branches")
_UNKNOWN = "unknown"


@dataclass
class Measured:
    """Tokens and labels of all rows of one set, as columns: 100 bytes a row with two tokenizers."""

    name: str
    described: list[dict[str, Json]] = field(default_factory=list)
    outcomes: dict[str, Json] | None = None
    funnel: Json = None
    _spoke: list[bool] = field(default_factory=list)
    _tokens: dict[tuple[str, str], array[float]] = field(default_factory=dict)
    _roles: dict[tuple[str, str], array[float]] = field(default_factory=dict)
    _labels: dict[str, list[str]] = field(default_factory=lambda: {grouping: [] for grouping in _GROUPINGS})

    def add(self, parts: _Parts, labels: Mapping[str, str], tokenizers: Iterable[Tokenizer]) -> None:
        """One more row."""
        for tokenizer in tokenizers:
            counted = {span: math.nan if text is None else float(tokenizer.count(text)) for span, text in parts.texts.items()}
            roles: Counter[str] = Counter()
            for role, text in parts.spoken:
                roles[role] += tokenizer.count(text)
            if parts.spoken:
                counted["total"] = float(roles.total())
            for span in SPANS:
                self._tokens.setdefault((tokenizer.name, span), array("d")).append(counted[span])
            for role in roles:
                self._roles.setdefault((tokenizer.name, role), array("d", [_silent(spoke) for spoke in self._spoke]))
            for (name, role), column in self._roles.items():
                if name == tokenizer.name:
                    column.append(float(roles[role]) if role in roles else _silent(bool(parts.spoken)))
        for grouping in _GROUPINGS:
            self._labels[grouping].append(labels[grouping])
        self._spoke.append(bool(parts.spoken))

    @property
    def rows(self) -> int:
        return len(self._spoke)

    def tokens(self, tokenizer: str) -> dict[str, Floats]:
        """Span -> tokens of each row; NaN where it has no such span."""
        return {span: np.asarray(self._tokens[tokenizer, span], dtype=np.float64) for span in SPANS}

    def roles(self, tokenizer: str) -> dict[str, Floats]:
        """Role -> tokens of each row, for the roles that there are."""
        return {role: np.asarray(column, dtype=np.float64) for (name, role), column in self._roles.items() if name == tokenizer}

    def groups(self) -> dict[str, list[str]]:
        """Grouping -> label of each row, for those in which anything is known."""
        return {grouping: labels for grouping, labels in self._labels.items() if set(labels) != {_UNKNOWN}}

    def subsets(self, tokenizer: str, span: str) -> dict[str, Floats]:
        """Tokens of the rows of each subset, where there are several."""
        labels = np.asarray(self._labels["subset"], dtype=object)
        names = sorted(set(self._labels["subset"]))
        return {name: self.tokens(tokenizer)[span][labels == name] for name in names} if len(names) > 1 else {}


def _silent(has_messages: bool) -> float:
    """Tokens of a role that says nothing: 0 in a conversation; unknown where rows have none."""
    return 0.0 if has_messages else math.nan


@dataclass(frozen=True, slots=True)
class _Parts:
    """The texts of one row."""

    texts: Mapping[str, str | None]
    """By span; of `total`, the problem and what follows it."""
    spoken: Sequence[tuple[str, str]]
    """Role and text of each message: if there are any, they are the total."""


def measure(name: str, data: Sequence[str], tokenizers: Sequence[Tokenizer]) -> Measured:
    """Read and count the set `name`. Raises: as `open_sources`."""
    sources = open_sources(data)
    made = Measured(name, described=sources.described)
    tried: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for batch in sources.batches():
        for document, row in _pairs(batch):
            made.add(_parts(document, row), _labels(document, row), tokenizers)
            if document["verdict"] is not None:
                tried[str(document["task"] or document["problem"])][document["verdict"] == "pass"] += 1
    folders = [Path(one) for one in data]
    traces = [path for folder in folders for path in sorted((folder / "data" / "traces").glob("*.parquet"))]
    if traces:
        made.outcomes = _outcomes(traces).to_json(rows=made.rows)
    elif any(counts[False] for counts in tried.values()):  # rows that all passed are what was kept, not what was tried
        made.outcomes = outcomes_of_attempts(Attempts(counts.total(), counts[True]) for counts in tried.values())
    made.funnel = _funnel(folders[0]) if len(folders) == 1 else None
    return made


def _pairs(batch: Batch) -> Iterator[tuple[Mapping[str, object], Mapping[str, object]]]:
    """Each document with the columns of its row that it does not show."""
    if isinstance(batch.rows, pa.Table):
        rows = batch.rows.select([name for name in _USED if name in batch.rows.column_names]).to_pylist()
        rows = rows or [{}] * len(batch.rows)
    else:
        rows = [_parsed(line) for line in batch.rows]
    return zip(batch.documents.to_pylist(), rows, strict=True)


def _parsed(line: bytes) -> Mapping[str, object]:
    try:
        return cast("Mapping[str, object]", orjson.loads(line))
    except orjson.JSONDecodeError:  # it takes no lone surrogates
        return cast("Mapping[str, object]", json.loads(line))


def _parts(document: Mapping[str, object], row: Mapping[str, object]) -> _Parts:
    spoken = [(_role(message), _said(message)) for message in _messages(row)]
    turns = cast("list[Mapping[str, str]] | None", document["turns"])
    first = next((i for i, (role, _) in enumerate(spoken) if role == "assistant"), len(spoken))
    problem, text = (cast("str | None", document[key]) for key in ("problem", "text"))
    spans = {span: None if turns is None else "\n".join(turn["text"] for turn in turns if turn["role"] == span) for span in _SPOKEN}
    prompt = "\n".join(said for _, said in spoken[:first]) if spoken else problem
    given = [part for part in (problem, text) if part is not None]
    return _Parts({"prompt": prompt, **spans, "total": "\n".join(given) if given and not spoken else None}, spoken)


def _messages(row: Mapping[str, object]) -> list[Mapping[str, object]]:
    given = next((row[key] for key in ("messages", "conversations") if row.get(key)), [])
    is_talk = isinstance(given, list) and all(isinstance(message, dict) for message in given)
    return cast("list[Mapping[str, object]]", given) if is_talk else []


def _role(message: Mapping[str, object]) -> str:
    name = str(message.get("role") or message.get("from")).lower()
    return _ROLES.get(name, name)


def _said(message: Mapping[str, object]) -> str:
    """All that a message costs, but for the marks of a chat template."""
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        content = "\n".join(str(part["text"]) for part in content if part.get("text") is not None)
    calls = [call["function"] for call in cast("list[Mapping[str, Mapping[str, object]]]", message.get("tool_calls") or [])]
    called = "".join(f"{call['name']}({call['arguments']})" for call in calls)
    return f"{message.get('reasoning_content') or ''}{content or ''}{called}"


def _labels(document: Mapping[str, object], row: Mapping[str, object]) -> dict[str, str]:
    turns, spoken = row.get("n_turns"), _messages(row)
    said = cast("list[Mapping[str, str]] | None", document["turns"])
    if turns is None and spoken:
        turns = sum(_role(message) == "assistant" for message in spoken)
    elif turns is None and said is not None:
        turns = sum(turn["role"] in ("action", "answer") for turn in said)
    found = {**document, "turns": turns, "branches": row.get("n_branches")}
    return {grouping: _UNKNOWN if found[grouping] is None else str(found[grouping]) for grouping in _GROUPINGS}


def _outcomes(files: Iterable[Path]) -> Outcomes:
    """Of all traces, a batch at a time. Raises: RecipeError for a file that holds none."""
    found = Outcomes()
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=64, columns=["trace"]):
                    for text in batch.column("trace").to_pylist():
                        found.take(from_json(Trace, text))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RecipeError(f"cannot read the traces in {path}", why=str(error), mend="give a run folder as eagdata wrote it") from error
    return found


def _funnel(folder: Path) -> Json:
    """What the run, or the curation, in `folder` said of its stages; None if it is neither."""
    try:
        stats: dict[str, Json] = json.loads((folder / "report" / "stats.json").read_text())
    except (OSError, ValueError):
        return None
    return stats.get("funnel")
