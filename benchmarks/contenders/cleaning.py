"""What each contender of `benchmarks/curation.py` is asked to do, and how it says that it has: standard library only.

A contender is a script of this folder, run by its own interpreter with one argument, a `Job` as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

THRESHOLD = 0.8
SHINGLE = 5
"""Words in a run."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Name the documents that stay, or, with questions, those that hold one of them."""

    documents: str
    """Parquet with `id` and `text`, perhaps with `problem`."""
    questions: str
    """JSON lines with `id` and `question`; empty where there are none."""
    variant: str
    """Which of the settings that the script knows; empty for its own."""
    folder: str
    """Empty and on a disk: for what the contender writes."""
    result: str
    """File for what `finish` writes."""

    @classmethod
    def given(cls) -> Job:
        """The job of the command line."""
        return cls(**json.loads(sys.argv[1]))

    def asked(self) -> list[str]:
        """The questions."""
        with open(self.questions, encoding="utf-8") as lines:
            return [json.loads(line)["question"] for line in lines]

    def finish(self, ids: Iterable[str]) -> None:
        """Say which documents they are. Call it when all that a user would wait for is done."""
        # The peak of this process alone, from its own start: `ru_maxrss` would begin with that of the process which forked it.
        status = Path("/proc/self/status").read_text()
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
        Path(self.result).write_text(json.dumps({"ids": list(ids), "peak_kb": peak_kb}))
