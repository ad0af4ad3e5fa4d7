"""The one output sink: stdout is data, stderr is talk. Commands say what; this module knows how.

Modes: human (colours, a live line on a terminal, a plain line every 30 s elsewhere), json (one object on stdout at the
end), quiet (errors alone). `NO_COLOR` is honoured by rich.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from eagdata.errors import EagdataError
from eagdata.events import Event, Notice, Pulse, StageStarted, TraceFinished
from eagdata.records import Json

PLAIN_LINE_EVERY_S = 30.0
LIVE_LINE_EVERY_S = 0.1


class Output:
    """Where a command's words go."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._talk = Console(stderr=True, highlight=False, soft_wrap=True)
        self._data = Console(highlight=False, soft_wrap=True)
        self._progress = _Progress(self._talk)

    def event(self, event: Event) -> None:
        """Show what happened, if anyone wants to know."""
        if self.quiet:
            return
        if isinstance(event, Notice):
            self.talk(f"note: {event.text}")
        else:
            self._progress.take(event)

    def talk(self, text: str) -> None:
        """A sentence for people."""
        if not self.quiet:
            self._progress.clear()
            self._talk.print(text, markup=False)

    def data(self, text: str) -> None:
        """A line of the result."""
        self._progress.clear()
        sys.stdout.write(text + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows for people; with --json the caller gives an object instead."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._data.print(table)

    def result(self, value: Mapping[str, Json]) -> None:
        """The one JSON object of --json."""
        self._progress.clear()
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, sort_keys=False) + "\n")

    def error(self, error: EagdataError) -> None:
        """What, why, how to mend it."""
        self._progress.clear()
        if self.as_json:
            body = {"error": {"kind": error.kind, "what": error.what, "why": error.why, "mend": error.mend}}
            sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")
            return
        self._talk.print(f"[bold red]error:[/] {_escape(error.what)}")
        if error.why:
            self._talk.print(f"  [bold]why:[/]  {_escape(_indented(error.why))}")
        if error.mend:
            self._talk.print(f"  [bold]mend:[/] {_escape(_indented(error.mend))}")

    def close(self) -> None:
        self._progress.clear()


class _Progress:
    """done / total, what is waited for, verified share, failures, calls, cost, rate, time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._shown = False
        self._begin("", None)

    def _begin(self, stage: str, total: int | None) -> None:
        self.stage, self.total = stage, total
        self.kept = self.rejected = self.failed = self.calls = 0
        self.cost: float | None = 0.0
        self.last_reason: str | None = None
        self.waiting: str | None = None
        self.started = self.last_line = time.monotonic()

    def take(self, event: StageStarted | TraceFinished | Pulse) -> None:
        if isinstance(event, StageStarted):
            self._begin(event.stage, event.total)
            self.clear()
            if not self._live:
                self._console.print(f"{event.stage} …", markup=False)
            return
        if isinstance(event, Pulse):
            self.waiting = event.waiting
        else:
            self._count(event)
        now = time.monotonic()
        if now - self.last_line >= (LIVE_LINE_EVERY_S if self._live else PLAIN_LINE_EVERY_S):
            self.last_line = now
            self._show(self._line(now))

    def _count(self, event: TraceFinished) -> None:
        self.kept += event.outcome == "kept"
        self.rejected += event.outcome == "rejected"
        self.failed += event.outcome == "failed"
        self.calls += event.calls
        self.cost = None if self.cost is None or event.cost_usd is None else self.cost + event.cost_usd
        self.last_reason = event.reason or self.last_reason

    def _line(self, now: float) -> str:
        done = self.kept + self.rejected + self.failed
        rate = done / max(now - self.started, 1e-9)
        left = f", about {(self.total - done) / rate:.0f} s left" if self.total and rate else ""
        cost = "?" if self.cost is None else f"{self.cost:.2f}"
        reason = f" (last: {self.last_reason})" if self.last_reason else ""
        waiting = f"  {self.waiting}" if self.waiting else ""
        return (
            f"{self.stage} {done}/{self.total or '?'}{waiting}  verified {self.kept / max(done, 1):.0%}  rejected {self.rejected}  "
            f"failed {self.failed}{reason}  calls {self.calls}  $ {cost}  {rate:.1f}/s{left}"
        )

    def _show(self, line: str) -> None:
        if self._live:
            self._console.file.write(f"\r\x1b[2K{line[: self._console.width - 1]}")
            self._console.file.flush()
            self._shown = True
        else:
            self._console.print(line, markup=False)

    def clear(self) -> None:
        if self._shown:
            self._console.file.write("\r\x1b[2K")
            self._console.file.flush()
            self._shown = False


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _indented(text: str) -> str:
    return text.replace("\n", "\n        ")
