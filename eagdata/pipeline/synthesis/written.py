"""What a synthesis leaves behind: the new tasks, the others with their reasons, the manifest; and its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson
import yaml

from eagdata import __version__
from eagdata.errors import AccountingError
from eagdata.pipeline.synthesis.fate import Fate
from eagdata.pipeline.synthesis.prompts import PROMPT
from eagdata.plan import Plan
from eagdata.publish.files import WrittenFile, write_file
from eagdata.publish.manifest import MANIFEST, write_manifest
from eagdata.records import Json, Task, Usage

TASKS, REJECTED = "tasks.jsonl", "rejected.jsonl"
_STATUSES = ("kept", "rejected", "failed", "unspent")
_FIELDS: dict[str, Json] = {
    "id": "id", "question": "question", "answer": "answer", "solution": "program", "family": "family", "source": "source",
    "license": "license?", "metadata": {"seeds": "seeds", "teacher": "teacher", "prompt": "prompt"},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SynthesisSummary:
    """The end of a synthesis."""

    run: Path
    plan_digest: str
    counts: dict[str, Json]
    """planned = kept + rejected + failed + unspent, in new tasks that were asked for; and the reasons."""
    teacher: dict[str, Json]
    spent: dict[str, Json]
    """What counts against a budget: with the calls of what is unfinished, and lost tries at their most."""
    recipe: str
    """The section `tasks` of a recipe that reads the new tasks, as YAML."""
    gave_up: bool
    """More failed than the recipe bears: resumable."""

    @property
    def exit_code(self) -> int:
        """As of `generate`: 1 where the budget ended it."""
        return 4 if self.gave_up else 1 if self.counts["unspent"] else 0

    def to_json(self) -> dict[str, Json]:
        """The object of `--json`."""
        paths: dict[str, Json] = {"tasks": str(self.run / TASKS), "rejected": str(self.run / REJECTED)}
        return {
            "schema_version": 1, "run": str(self.run), "plan_digest": self.plan_digest, "counts": self.counts, "teacher": self.teacher,
            "spent": self.spent, "recipe": self.recipe, "paths": paths | {"manifest": str(self.run / MANIFEST)},
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Kept, dropped and why, cost, paths."""
        reasons = sorted(cast("dict[str, int]", self.counts["rejected_by_reason"]).items(), key=lambda item: (-item[1], item[0]))
        cost = self.teacher["cost_usd"]
        return [
            " + ".join(f"{self.counts[part]} {part}" for part in _STATUSES) + f" = {self.counts['planned']} planned",
            *(["rejected: " + ", ".join(f"{reason} {count}" for reason, count in reasons)] if reasons else []),
            f"{self.teacher['calls']} teacher calls, cost {'unknown' if cost is None else f'{cost:.4f} USD'}",
            f"tasks: {self.run / TASKS}  the others, with reasons: {self.run / REJECTED}",
            *(["the same command with a larger budget goes on"] if self.counts["unspent"] else []),
            "the new tasks in a recipe:",
        ]


def write_synthesis(folder: Path, plan: Plan, fates: Mapping[int, Fate], *, teacher: str, against: tuple[str, ...]) -> dict[str, Json]:
    """Write both files and, last, the manifest; gives what it says of counts and calls.

    Raises: PrerequisiteError if the disk refuses; AccountingError if the counts do not add up.
    """
    usage = sum((fate.usage for fate in fates.values()), Usage())
    body: dict[str, Json] = {
        "schema_version": 1, "name": plan.name, "eagdata_version": __version__, "plan_digest": plan.digest, "against": list(against),
        "counts": _counts(plan, fates),
        "teacher": {
            "name": teacher, "calls": usage.calls, "prompt_tokens": usage.prompt_tokens if usage.calls else None,
            "completion_tokens": usage.completion_tokens if usage.calls else None, "cost_usd": usage.cost_usd,
        },
    }  # fmt: skip
    kept = [fate for fate in fates.values() if fate.status == "kept"]
    others = [fate for fate in fates.values() if fate.status in ("rejected", "failed")]
    files = [_lines(folder / TASKS, kept, teacher=teacher), _lines(folder / REJECTED, others, teacher=teacher)]
    write_manifest(folder, body, files=files, time={})
    return body


def recipe_of(folder: Path, like: Task) -> str:
    """The section `tasks` of a recipe that reads what was written to `folder`; `like`: a seed, whose judge the new tasks have."""
    judge: dict[str, Json] = {"verifier": like.verifier}
    if like.verifier_config:
        judge["verifier_config"] = like.verifier_config
    return yaml.safe_dump({"tasks": {"kind": "jsonl", "path": str(folder / TASKS), "fields": _FIELDS, **judge}}, sort_keys=False)


def _lines(path: Path, fates: list[Fate], *, teacher: str) -> WrittenFile:
    rows = (fate.row(teacher=teacher, prompt=PROMPT) for fate in fates)
    return write_file(path, b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _counts(plan: Plan, fates: Mapping[int, Fate]) -> dict[str, Json]:
    """Raises: AccountingError."""
    counts = Counter[str](fate.status for fate in fates.values())
    counts["unspent"] += plan.n - len(fates)
    if counts.total() != plan.n or counts["unspent"] < 0:
        raise AccountingError(f"{dict(counts)} is not {plan.n} planned", why="a draft was counted twice, or never")
    reasons = {status: Counter(str(fate.reason) for fate in fates.values() if fate.status == status) for status in ("rejected", "failed")}
    return {
        "planned": plan.n, **{status: counts[status] for status in _STATUSES},
        "rejected_by_reason": dict(sorted(reasons["rejected"].items())), "failed_by_boundary": dict(sorted(reasons["failed"].items())),
    }  # fmt: skip
