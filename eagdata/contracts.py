"""The contracts of the plugin kinds. A plugin is a class with a nested `Config` and `__init__(self, config)`.

Built-in plugins and anyone's plugins register in the same way, through entry points (see `registry.py`), and pass the
same conformance kit (`eagdata.testing`). Each docstring lists every exception that an implementation may raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, TypeVar, dataclass_transform

from eagdata.errors import VerifierError
from eagdata.records import Action, Json, Leaf, Message, Node, NodeStatus, Observation, Task, ToolCall, Usage, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

C = TypeVar("C")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[C]) -> type[C]:
    """Make a plugin's `Config`: a frozen keyword-only dataclass; the recipe reader refuses keys that it lacks.

    The docstring under each attribute becomes the help text and the JSON Schema description.
    """
    cls.__pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)


class TaskSource(Protocol):
    """Where tasks come from."""

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """Yield at most `n` tasks (None: all there are), the same ones for the same seed, each with a distinct id.

        Raises: RecipeError for a file or row that cannot be used, naming file, line and field; PrerequisiteError.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a teacher is asked: one reply to `messages`. Of the task only its rendered question is in it, and in the mode `convert` the
    reasoning that is to be converted."""

    messages: tuple[Message, ...]
    seed: int
    """Differs for each node and sample; a teacher with randomness draws from it alone."""
    tools: tuple[dict[str, Json], ...] = ()
    """OpenAI function schemas, when the protocol is `tool`; else empty."""
    stop: tuple[str, ...] = ()
    sample: int = 0
    """Which sibling this is: 0 is the first attempt at its node."""
    group: int = 0
    """The same for all calls of one trace, which share a prefix; it says nothing of the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a teacher answered, as received."""

    content: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    finish_reason: str | None = None
    """`stop`, `length`, `tool_calls`, ... as the server said it; None if it said nothing."""
    usage: Usage = field(default_factory=Usage)
    """What the call used. Of several replies to one request (`n`), the first bears all of it and the others count no call."""
    model: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)
    """What else the server said and is worth keeping: `id`, `logprobs`, `service_tier`, `system_fingerprint`, ... as received."""


class Meter(Protocol):
    """Holds one call to the budget of the run. A teacher asks before each try and says how each try without a reply ended."""

    async def reserve(self, most: Usage) -> None:
        """Wait until `most`, the worst case of one try, fits into what is left; it is written down before this returns.

        Raises: BudgetSpent if it never will.
        """
        ...

    def refused(self) -> None:
        """The try was turned away (429, 5xx, no connection): nothing is billed, the reservation is void."""
        ...

    def lost(self, why: str) -> None:
        """The try was sent, and no usable reply came (time out, broken connection, garbage): it may have been billed, so the
        reservation counts as spent."""
        ...


class Unmetered:
    """A `Meter` without a budget."""

    async def reserve(self, most: Usage) -> None:
        """Always fits."""

    def refused(self) -> None:
        """Nothing to give back."""

    def lost(self, why: str) -> None:
        """Nobody counts."""


UNMETERED = Unmetered()


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a teacher waits for instead of working."""

    calls: int
    """How many calls wait: throttled, backing off, or held by a rate limit."""
    why: str
    """For people, e.g. `429 from http://localhost:8000/v1, next try in 3 s`."""


class Teacher(Protocol):
    """The model, or program, that proposes. Resources open in `async with`."""

    name: str
    """Goes into each row: the model, or the program, that wrote the text."""
    price: str | None
    """Known once opened: its prices, their date and where they come from, in words; None: unknown, or nothing is paid."""

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        """One reply. Safe to call concurrently. Retries are the teacher's own affair.

        A teacher that costs anything calls `meter.reserve` before each try, and `refused` or `lost` after a try that brought no
        reply; the reply's own usage settles the last one.

        Raises: TeacherError once it gives up (`retryable` says whether another day may be better);
        PrerequisiteError for a missing or refused key; BudgetSpent from the meter.
        """
        ...

    def most(self, request: Request) -> Usage:
        """The most that one try of `request` can use: tokens and USD; None where nothing bounds it or its price is unknown."""
        ...

    def waiting(self) -> Waiting | None:
        """What it waits for just now; None if it is at work. Cheap: asked several times a second."""
        ...

    def sampling(self) -> dict[str, Json]:
        """The settings that shaped the replies (model, temperature, ...), for the row; never a secret."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The search asks for `samples` more children of `node` (None: of the root, before the first turn)."""

    node: int | None
    samples: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a search is told of a new node: value, kind and text of the feedback. It knows neither model nor environment."""

    node: int
    parent: int | None
    status: NodeStatus
    error: bool
    """The observation was not ok."""
    kind: str
    """Kind of the feedback: `ok`, an exception class, `timeout`, `limit`, `answer`, or the node's status."""
    solved: bool | None = None
    """For an answer: whether the verifier passed it and it may become a row; None if it was not scored or there is no answer yet."""
    score: float | None = None
    """For an answer: the verifier's reward in 0..1, where it has one. It may be 1 for an answer that can be no row."""
    text: str = ""
    """What the environment answered, if it did. The strategies that come with eagdata do not read it."""

    @classmethod
    def of(cls, index: int, node: Node, *, leaf: Leaf | None) -> Feedback:
        """What a search may know of the node at `index`, and of the answer that it is (`leaf`)."""
        seen, score, status = node.observation, leaf.verdict.reward if leaf else None, node.status
        kind, error, text = (seen.kind or seen.status, seen.status != "ok", seen.text) if seen else (status, False, "")
        solved = leaf.verified if leaf and score is not None else None
        return cls(node=index, parent=node.parent, status=status, error=error, kind=kind, solved=solved, score=score, text=text)


class Growth(Protocol):
    """One tree as its search sees it: grows by `tell`, never shrinks. 10,000 nodes take it less than a second in all."""

    view: Literal["direct", "linear_retry"]
    """Which linear view of the tree the teacher is shown at an expansion."""

    def ask(self) -> tuple[Expansion, ...]:
        """What to expand next; empty when the search is content or has nothing left to try.

        Asking twice without telling gives the same answer. A node is asked for only if it has `acted`.
        """
        ...

    def tell(self, feedback: Feedback) -> float | None:
        """Take in a new node; gives its value in 0..1, or None. Telling the same node twice changes nothing.

        Raises: ValueError if the parent was never told, the score is outside of 0..1, or a node is told again with other content.
        """
        ...


class Search(Protocol):
    """A strategy: configuration only. Knows nothing of models, environments and verifiers."""

    def start(self, *, seed: int) -> Growth:
        """An empty tree. A tree told the same feedback in the same order asks for the same next."""
        ...


class Episode(Protocol):
    """One live state of an environment, paused between actions. Gymnasium's step, with a fork."""

    async def step(self, action: Action) -> Observation:
        """Run one action. An exception in it keeps what ran before the failing line; an action that dies, is killed, times
        out or runs out of memory leaves the state as it was before it.

        Raises: EnvironmentFault if the box failed (the program failing is an observation).
        """
        ...

    async def fork(self) -> Episode:
        """An independent copy of this state; both go on by themselves. Raises: EnvironmentFault."""
        ...

    async def close(self) -> None:
        """Free it, and every process in it. Closing twice is fine; forks of it live on. Raises nothing."""
        ...


class Environment(Protocol):
    """Where actions run. Resources open in `async with`."""

    name: str
    version: str
    language: str
    """Label of the fenced block that holds an action, and the `kind` of its actions."""
    isolation: str | None
    """The tier that actions run in, once opened; None before."""

    def instructions(self) -> str:
        """What the teacher is told about acting here: plain sentences for the system prompt."""
        ...

    async def reset(self, task: Task) -> Episode:
        """A fresh episode for `task`, with its files and set-up in place. Nothing of the answer is in it.

        Raises: EnvironmentFault; RecipeError if the task's environment settings are wrong.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None: ...


class CleanRoom(Protocol):
    """Where a verifier runs what it needs to run: its own code, or the branch's from the start."""

    def episode(self, task: Task) -> AbstractAsyncContextManager[Episode]:
        """A fresh episode of the environment that `task` names, with its settings; nothing of any branch was ever in it.

        Raises: EnvironmentFault, RecipeError for wrong settings, PrerequisiteError, on entry.
        """
        ...


class Nowhere:
    """A `CleanRoom` for verifiers that need none."""

    def episode(self, task: Task) -> AbstractAsyncContextManager[Episode]:
        """Raises: VerifierError."""
        raise VerifierError(f"task {task.id!r} is judged by running something, and there is no place for it", retryable=False)


NOWHERE = Nowhere()


class Verifier(Protocol):
    """The judge of an answer, or of the state that a branch has built."""

    judges: ClassVar[Literal["answer", "state"]]
    """`state`: the verdict is on what the branch has built; the answer's text does not matter."""

    def instructions(self) -> str:
        """How the teacher must write its final answer: one or two sentences for the system prompt."""
        ...

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        """Judge. `episode` is a private fork at the end of the branch (None for `answer` verifiers); expected values never
        enter it, and what it says may be a lie: the branch's code ran in it. Wrong is `fail`, not scorable is `unscored`:
        neither is an exception.

        Raises: VerifierError if it cannot do its work; EnvironmentFault from the episode.
        """
        ...

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether the outputs of executed actions show the answer. Source: the rule that a final answer must rest on an
        executed observation (tool-integrated reasoning filters of NeMo-Skills and SimpleTIR)."""
        ...


class Tokenizer(Protocol):
    """Counts tokens."""

    name: str
    revision: str
    """Identifies the vocabulary: hash of the rank file, or commit."""

    def count(self, text: str) -> int:
        """Number of tokens of `text` as ordinary text: special-token look-alikes are text. Never raises."""
        ...


Look = Callable[["pa.Table", "pa.Table | None"], "pa.Table"]
"""One shard of documents, and what the stage gave to all looks -> findings. Pure and picklable: a module's function, or a method of a
frozen object. It may run on another machine, and again after a loss."""


class Corpus(Protocol):
    """The documents that reached a stage, in shards on disk. Their columns: `eagdata.documents.DOCUMENTS`."""

    rows: int
    """How many there are."""
    seed: int
    """What a stage that draws draws from."""

    def each(self, name: str, look: Look, *, columns: Sequence[str], given: pa.Table | None = None) -> Iterator[pa.Table]:
        """`look(shard, given)` of every shard, in their order; a shard has `row` and the columns named, and only rows still there.

        Findings are on disk before the first is given out, as memory-mapped tables; a run that was killed does not make them
        twice. `name`: distinct within the stage. Raises: what a look raises.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What a stage came to. Rows that it does not drop it keeps."""

    drops: pa.Table
    """`eagdata.documents.DROPS`: each row at most once, with reason and evidence."""
    columns: pa.Table | None = None
    """`row` and new columns for the rows that stay; a row that is missing gets nulls."""
    report: Mapping[str, Json] = field(default_factory=dict)
    """Figures for the report: settings that mattered, counts, thresholds that were not met under `missed` (a list of texts)."""


class Stage(Protocol):
    """One step of curation. The same documents in any order give the same decisions; a second run over what it kept drops nothing."""

    fields: tuple[str, ...]
    """Columns of the rows that it reads beyond those of a document; in a shard they are called `field.NAME`."""

    def decide(self, corpus: Corpus) -> Decisions:
        """Look at the documents and say which go, and why.

        Raises: RecipeError for settings that do not fit the data (a column that is missing or of another type); PrerequisiteError.
        """
        ...


class Executor(Protocol):
    """Where the jobs of a stage run."""

    name: str

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run all jobs, each at least once until it returns; in any order, at once or not. Each writes its own result to a folder that
        all places share, whole or not at all. Raises: what a job raises; BoundaryError if its workers are gone for good."""
        ...


class Exporter(Protocol):
    """Rows in the shape that something else reads, from trajectories or from whole trees."""

    reads: ClassVar[Literal["trajectories", "traces"]]
    documents: ClassVar[bool]
    """Each row is a JSON document of its own, named by its key `id`, which is not in it; else rows go to one table. A table's exporter
    may have `schema: pa.Schema`, the columns of its rows; without it all rows are read twice."""
    cannot: ClassVar[tuple[str, ...]]
    """What the format has no place for, in words."""

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """Rows of `data/trajectories` or `data/traces` -> rows of the format, in order. Raises: RecipeError for a row that is none."""
        ...
