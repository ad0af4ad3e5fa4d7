"""What the endpoint was asked, what it answered, and the true bill: held in memory, and in a log that outlives the server."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request for generations, and what became of it. Times are of `time.monotonic`, which all processes share."""

    id: str
    """Of the answer: no two are alike."""
    calls: tuple[str, ...]
    """What was asked for, see `Seen.calls`."""
    at: float
    card: str | None = None
    """What went wrong; None: nothing."""
    status: int | None = None
    """None: no answer was begun."""
    prompt_tokens: int = 0
    """Billed, also where the answer was then lost on the way."""
    completion_tokens: int = 0
    sent_at: float | None = None
    """When an answer had been handed to the connection in full."""

    @property
    def answered(self) -> bool:
        """A completion was sent in full: whoever asks for it again pays twice."""
        return self.sent_at is not None and self.status == 200 and self.card in (None, "length")


@dataclass
class Books:
    """All entries, in the order in which the requests came."""

    entries: list[Entry] = field(default_factory=list)
    peak_in_flight: int = 0
    log: IO[str] | None = None

    def write(self, entry: Entry) -> None:
        """Put the state of an entry into the log."""
        if self.log:
            self.log.write(json.dumps(asdict(entry)) + "\n")
            self.log.flush()

    @classmethod
    def read(cls, path: Path) -> Books:
        """The books of a log: each entry as it was last written."""
        found: dict[str, Entry] = {}
        for line in path.read_text().splitlines():
            values = json.loads(line)
            found[values["id"]] = Entry(**{**values, "calls": tuple(values["calls"])})
        return cls(list(found.values()))

    @property
    def answers(self) -> list[Entry]:
        """Completions that were sent in full."""
        return [entry for entry in self.entries if entry.answered]

    @property
    def cards(self) -> Counter[str | None]:
        """How many requests went wrong in which way."""
        return Counter(entry.card for entry in self.entries)

    @property
    def prompt_tokens(self) -> int:
        """The bill."""
        return sum(entry.prompt_tokens for entry in self.entries)

    @property
    def completion_tokens(self) -> int:
        """The bill."""
        return sum(entry.completion_tokens for entry in self.entries)
