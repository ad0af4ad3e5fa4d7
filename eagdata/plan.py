"""The plan of a run: a recipe resolved, typed, and digested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from eagdata.contracts import settings
from eagdata.records import Json, Node, Subset, canonical, sha256

_CONDUCT = (
    "base_url", "api_key_env", "endpoints", "max_in_flight", "rpm", "tpm", "timeout_s", "deadline_s", "attempts", "wait_s",
    "slots", "threads", "prices", "price_prompt_usd_per_mtok", "price_completion_usd_per_mtok", "price_cached_usd_per_mtok",
)  # fmt: skip
_UNDIGESTED = (
    ("concurrency",), ("budget",), ("expect",), ("thresholds",),
    *((section, key) for section in ("teacher", "correction", "appeal") for key in _CONDUCT),
)  # fmt: skip
"""What may change between a run and its resumption: it shapes no reply and changes no byte of a row."""


@settings
class Limits:
    """Bounds on the growth of one trace. Reaching one ends the growth; what is verified by then is kept."""

    depth: int = 12
    """Turns on one branch."""
    nodes: int = 32
    """Turns in the whole tree: at most so many teacher calls a task."""
    correction: int = 8
    """Of those, how many the search leaves to the corrector while nothing is solved, where the recipe has one."""
    tokens: int | None = None
    """Completion tokens of the whole tree, where the teacher counts them; None: no bound."""
    wall_s: float | None = None
    """Seconds of wall time for one task; None: no bound. A run cut by the clock is not reproducible to the byte."""

    def reached(self, nodes: Sequence[Node], *, asked: int, elapsed_s: float) -> str | None:
        """Which limit forbids `asked` more turns, or None. `depth` is the rollout's own affair: it ends one branch only."""
        if len(nodes) + asked > self.nodes:
            return "nodes"
        if self.tokens is not None and sum((n.usage and n.usage.completion_tokens) or 0 for n in nodes) >= self.tokens:
            return "tokens"
        return "wall_s" if self.wall_s is not None and elapsed_s >= self.wall_s else None


@settings
class Prompt:
    """How the teacher is spoken to."""

    mode: Literal["explore", "convert"] = "explore"
    """`explore`: it is given the question alone. `convert`: also the natural-language reasoning that the task holds as
    `metadata.trace`, to be rewritten as thoughts and executed actions; rows are as if it had explored, without the reasoning."""
    protocol: Literal["fence", "tool"] = "fence"
    """One action a turn as a fenced block, or as a call of the tool `run`."""
    demonstration: bool = True
    """Show one worked example: small models then keep the format and invent no outputs."""
    prefill: str = ""
    """Text that each reply is made to begin with, e.g. the opening of a fenced block; needs a server that continues a begun reply."""
    executions: int | None = None
    """How often one branch may run code. The system prompt says it, and after each output the teacher is told what is left; a branch that
    wants more is cut. None: `limits.depth` alone bounds it, and nothing is said."""
    nudge_at_tokens: int | None = None
    """Completion tokens of one branch at which the teacher is asked, once, to check its work or to conclude; where it counts them."""

    def __post_init__(self) -> None:
        if (self.executions is not None and self.executions < 1) or (self.nudge_at_tokens is not None and self.nudge_at_tokens < 1):
            raise ValueError("executions and nudge_at_tokens must be at least 1")


@settings
class Verification:
    """What a branch must pass before it becomes a row."""

    replay_runs: int = 2
    """Re-executions from the start, in fresh sandboxes, that must give the same observations and verdict; at least 2."""

    gate: bool = True
    """Try each task before anything is paid for it: its right answer must pass, cheats and garbage must not. What fails is left out
    as `task_gate`; `eagdata doctor RECIPE` says more of it."""

    def __post_init__(self) -> None:
        if self.replay_runs < 2:
            raise ValueError("a row counts as verified only after at least 2 identical replays")


@settings
class Rows:
    """Which verified branches become rows, and how they are written."""

    linearization: Literal["direct", "linear_retry", "sos"] = "linear_retry"
    """Linear view that makes `messages`: the branch alone; with its failed siblings; or the whole search up to its first success, with
    path ids and moves back, one row a task."""
    per_task: int = 1
    """At most so many verified branches of one trace become rows."""
    subsets: dict[Subset, float] = field(default_factory=dict)
    """Shares aimed at, e.g. {direct: 0.4, refinement: 0.5, raw: 0.1}. `raw` tasks are asked without an environment.
    Empty: whatever comes; of several verified branches one that recovered from an error is preferred."""
    tokenizer: str = "o200k_base"
    """Tokenizer of the `tokens` column."""
    report_tokenizers: tuple[str, ...] = ("qwen25",)
    """Further tokenizers of the length report."""
    traces: bool = True
    """Also write `data/traces`: one row per trace, the whole tree."""
    timings: bool = False
    """Write `duration_ms` and `created_at` into the rows. Off: they are null, and the same replies give the same bytes."""

    def __post_init__(self) -> None:
        total = sum(self.subsets.values())
        if self.subsets and abs(total - 1) > 1e-6:
            raise ValueError(f"the shares add up to {total:g}, not to 1")


@settings
class Thresholds:
    """What a finished run must reach; else it exits 1 (or 4, for failures)."""

    min_kept: float = 0.0
    """Share of the planned tasks that must be kept."""
    subset_tolerance: float = 0.05
    """How far the shares of `rows.subsets` may be missed."""
    max_failed: float = 0.2
    """Share of failed tasks, among the finished, at which the run stops, once 20 have failed."""


@settings
class Budget:
    """What the run may spend on its teacher. The worst case of a call is reserved before it is sent; neither cap is ever exceeded."""

    cost_usd: float | None = None
    """USD; None: no cap. Needs a teacher whose prices are known."""
    tokens: int | None = None
    """Prompt and completion tokens together; None: no cap."""

    def __post_init__(self) -> None:
        if (self.cost_usd is not None and self.cost_usd < 0) or (self.tokens is not None and self.tokens < 0):
            raise ValueError("a budget cannot be below 0")


@settings
class Expect:
    """What a task took on an earlier run with this recipe: the estimate of `--dry-run`. None: unknown."""

    calls: float | None = None
    """Teacher calls a task."""
    prompt_tokens: float | None = None
    """Prompt tokens a task, over all its calls."""
    completion_tokens: float | None = None
    """Completion tokens a task, over all its calls."""


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """The section `curation` of a recipe, resolved."""

    name: str
    seed: int
    stages: tuple[tuple[str, object], ...]
    """Kind and `Config` of each stage, in their order."""
    resolved: dict[str, Json]
    """The whole as JSON, as `plan.json` holds it."""
    source: str
    """Where the recipe was read."""

    @property
    def digest(self) -> str:
        """SHA-256 over all that decides which rows stay: 16 hex digits."""
        return sha256(canonical(self.resolved))[:16]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe, resolved: every default filled in, every plugin's settings typed."""

    name: str
    n: int
    seed: int
    concurrency: int
    plugins: Mapping[str, str]
    """Section (`tasks`, `teacher`, `search`, `environment`, and `correction` and `appeal` where asked for) -> name of the plugin."""
    configs: Mapping[str, object]
    """Section -> the plugin's own `Config`."""
    limits: Limits
    prompt: Prompt
    verification: Verification
    rows: Rows
    thresholds: Thresholds
    budget: Budget
    expect: Expect
    curation: CurationPlan | None
    """What the rows of the run go through; None: exact duplicates alone."""
    exports: Mapping[str, tuple[str, object]]
    """Further sets that the run writes: name, which is its folder under `data`, -> exporter and its `Config`."""
    resolved: dict[str, Json]
    """The whole as JSON, as `plan.json` holds it; no secret is in it."""
    source: str
    """Where the recipe was read."""

    @property
    def digest(self) -> str:
        """SHA-256 over all that shapes the rows: 16 hex digits."""
        return sha256(canonical(digested(self.resolved)))[:16]


def digested(resolved: Mapping[str, Json]) -> dict[str, Json]:
    """The part of a resolved plan that its digest covers."""
    kept = {key: dict(value) if isinstance(value, dict) else value for key, value in resolved.items()}
    for path in _UNDIGESTED:
        at: dict[str, Json] | Json = kept
        for key in path[:-1]:
            at = at.get(key) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at.pop(path[-1], None)
    return kept


def differing_keys(one: Mapping[str, Json], other: Mapping[str, Json]) -> list[str]:
    """Dotted keys in which two resolved plans differ, as `key: one -> other`."""
    a, b = dict(_flat(digested(one))), dict(_flat(digested(other)))
    return [f"{key}: {a.get(key)!r} -> {b.get(key)!r}" for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]


def _flat(value: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value
