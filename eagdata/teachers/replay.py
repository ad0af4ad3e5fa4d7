"""A teacher that says again what another one once said, and the recorder that writes it down.

A recording is JSON lines, `.gz` or not: {"request": <chat completions request>, "response": <its response>}, so that the log of
any OpenAI-compatible proxy serves. Lines that we write also hold "sample", the index of the sibling that was asked for; one without
"usage" is of a sibling that came with another one's request.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from eagdata.contracts import UNMETERED, Meter, Reply, Request, Teacher, Waiting, settings
from eagdata.errors import PrerequisiteError, RecipeError, TeacherError
from eagdata.records import Json, Message, Usage, canonical, sha256
from eagdata.teachers.wire import WrongShape, message_json, read_replies, reply_json


class ReplayTeacher:
    """Answers from a recording. A call is looked up by its messages and its sample index; sampling settings do not count."""

    price = None

    @settings
    class Config:
        path: str
        """The recording: JSON lines of requests and responses, `.gz` or not."""
        model: str | None = None
        """Use only what was asked of this model; none: all of the file."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[str, _Samples] = {}
        self.name = config.model or "replay"

    async def __aenter__(self) -> Self:
        """Raises: PrerequisiteError if the file cannot be read; RecipeError for a line that is no recorded call, or if there is none."""
        models = set()
        for line in _lines(Path(self._config.path)):
            if self._config.model in (None, line.model):
                self._known.setdefault(_key(line.messages), _Samples()).add(line)
                models.add(line.model)
        if not models:
            why = f"no call in it asks model {self._config.model!r}" if self._config.model else "it holds no call"
            raise RecipeError(f"{self._config.path} has nothing to replay", why=why, mend="check teacher.path and teacher.model")
        if len(models) == 1 and (only := models.pop()):
            self.name = only
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._known.clear()

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        asked: list[Json] = [message_json(message) for message in request.messages]
        samples = self._known.get(_key(asked))
        if samples is None:
            raise self._missing(self._nearest(asked))
        reply = samples.get(request.sample)
        if reply is None:
            raise self._missing(f"sample {request.sample} of that prompt is asked for; recorded are {sorted(samples.replies)}")
        return reply

    def most(self, request: Request) -> Usage:
        """Unknown: what was recorded is what it will be."""
        return Usage(calls=1, prompt_tokens=None, completion_tokens=None)

    def waiting(self) -> None:
        """Never."""

    def sampling(self) -> dict[str, Json]:
        return {"model": self.name, "recording": Path(self._config.path).name}

    def _missing(self, why: str) -> TeacherError:
        mend = "record again with the settings of this run; a recording fits only the tasks, seed and prompts that it was made with"
        return TeacherError(f"{self._config.path} holds no answer to this call", why=why, mend=mend, retryable=False)

    def _nearest(self, asked: list[Json]) -> str:
        """Where the recorded prompt that shares most with this one parts from it."""
        recorded = (line.messages for line in _lines(Path(self._config.path)) if self._config.model in (None, line.model))
        nearest = max(recorded, key=lambda messages: _shared(messages, asked), default=[])
        for place, (there, here) in enumerate(zip_longest(nearest, asked)):
            if there != here:
                return f"message {place + 1}, {_difference(there, here)}"
        return "the file has changed since it was opened"


class RecordingTeacher:
    """Another teacher, whose calls are appended to a recording as they are answered."""

    def __init__(self, teacher: Teacher, path: Path) -> None:
        self._teacher = teacher
        self._path = path
        self._out: IO[str] | None = None

    @property
    def name(self) -> str:
        return self._teacher.name

    async def __aenter__(self) -> Self:
        """Raises: PrerequisiteError if the recording cannot be written; what the teacher raises."""
        await self._teacher.__aenter__()
        try:
            self._out = _append(self._path)
        except OSError as error:
            await self._teacher.__aexit__(None, None, None)
            raise PrerequisiteError(f"cannot write to {self._path}", why=str(error), mend="give another path") from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._out:
            self._out.close()
        await self._teacher.__aexit__(kind, error, tb)

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        if self._out is None:
            raise RuntimeError("open the teacher with `async with` before asking it")
        reply = await self._teacher.propose(request, meter)
        asked: dict[str, Json] = {**self._teacher.sampling(), "model": self.name}
        asked |= {"messages": [message_json(message) for message in request.messages], "seed": request.seed}
        self._out.write(canonical({"request": asked, "response": reply_json(reply), "sample": request.sample}) + "\n")
        self._out.flush()
        return reply

    @property
    def price(self) -> str | None:
        return self._teacher.price

    def most(self, request: Request) -> Usage:
        return self._teacher.most(request)

    def waiting(self) -> Waiting | None:
        return self._teacher.waiting()

    def sampling(self) -> dict[str, Json]:
        return self._teacher.sampling()


@dataclass(frozen=True, slots=True)
class _Line:
    """One recorded call."""

    model: str | None
    messages: list[Json]
    greedy: bool
    replies: tuple[Reply, ...]
    sample: int | None


@dataclass(slots=True)
class _Samples:
    """What was answered to one prompt: by the sample index that was recorded, else in the order of the file."""

    replies: dict[int, Reply] = field(default_factory=dict)
    greedy: bool = True

    def add(self, line: _Line) -> None:
        """A greedy call made again says nothing new."""
        if line.sample is not None:
            self.replies[line.sample] = line.replies[0]
            self.greedy = False
        elif not (line.greedy and self.greedy and self.replies):
            self.greedy = self.greedy and line.greedy
            for reply in line.replies:
                self.replies[len(self.replies)] = reply

    def get(self, sample: int) -> Reply | None:
        """Greedy decoding answers every sample alike."""
        return self.replies.get(0 if self.greedy else sample)


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _read(line, f"{path}:{number}")
    except (OSError, EOFError, zlib.error) as error:
        raise PrerequisiteError(f"cannot read {path}", why=str(error), mend="check teacher.path") from error


def _read(line: bytes, place: str) -> _Line:
    try:
        value = json.loads(line)
        request, sample = value["request"], value.get("sample")
        messages = [message_json(_message(message)) for message in request["messages"]]
        greedy = request.get("temperature") == 0
        replies = read_replies(value["response"])
        if sample is not None and "usage" not in value["response"]:
            replies = tuple(replace(reply, usage=Usage()) for reply in replies)
        return _Line(request.get("model"), cast("list[Json]", messages), greedy, replies, sample)
    except WrongShape as error:
        raise RecipeError(f"{place} is no recorded call", why=str(error), mend="record it again, or take the line out") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RecipeError(f"{place} is no recorded call", why=why, mend='a line is {"request": {...}, "response": {...}}') from error


def _message(raw: dict[str, Json]) -> Message:
    """A recorded message without what we would not send, so that its key is that of the message that we would."""
    calls = read_replies({"choices": [{"message": {"content": "", "tool_calls": raw.get("tool_calls")}}]})[0].tool_calls
    role, content = raw["role"], raw.get("content") or ""
    reasoning, call_id = raw.get("reasoning_content"), raw.get("tool_call_id")
    return Message(role=role, content=content, reasoning_content=reasoning, tool_calls=calls, tool_call_id=call_id)  # type: ignore[arg-type]


def _append(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.GzipFile(path, "ab"), encoding="utf-8")
    return path.open("a", encoding="utf-8")


def _key(messages: list[Json]) -> str:
    return sha256(canonical(messages))


def _shared(one: list[Json], other: list[Json]) -> tuple[int, int]:
    """Messages, then characters of the next one, that two prompts have in common from the start."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = (canonical(messages[same]) if same < len(messages) else "" for messages in (one, other))
    return same, next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _difference(there: Json, here: Json) -> str:
    """The first line in which two messages differ."""
    if not isinstance(there, dict) or not isinstance(here, dict):
        return f"recorded {'none' if there is None else 'one more'}, asked {'none' if here is None else 'one more'}"
    if there.get("role") != here.get("role"):
        return f"recorded role {there.get('role')!r}, asked {here.get('role')!r}"
    pairs = zip_longest(str(there.get("content")).split("\n"), str(here.get("content")).split("\n"))
    for number, (recorded, asked) in enumerate(pairs, start=1):
        if recorded != asked:
            return f"line {number}: recorded {_short(recorded)}, asked {_short(asked)}"
    return "its tool calls or reasoning differ"


def _short(line: str | None) -> str:
    return "nothing" if line is None else repr(line if len(line) <= 120 else line[:120] + " …")
