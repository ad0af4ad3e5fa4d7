"""The ledger: how many items entered each stage, and how many were dropped there for which reason. Nothing leaves without an entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from eagdata.errors import AccountingError
from eagdata.records import Json


@dataclass(slots=True)
class _Stage:
    entered: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    undecided: set[str] = field(default_factory=set)


class Ledger:
    """Counts items through stages, in the order in which the stages were first entered. Items may stream through several at once.

    Each item is entered, then kept or dropped, once per stage; anything else is an AccountingError at once. Which items were
    dropped, and on what evidence, is the caller's to write down: the ledger is as small after a million drops as after one.
    """

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}

    def enter(self, stage: str, item: str) -> None:
        """`item` comes up for a decision. Raises: AccountingError if it already waits for one there."""
        found = self._stages.setdefault(stage, _Stage())
        if item in found.undecided:
            raise AccountingError(f"{item!r} entered stage {stage!r} twice", why="ids must differ within a stage")
        found.undecided.add(item)
        found.entered += 1

    def keep(self, stage: str, item: str) -> None:
        """Raises: AccountingError if `item` does not wait for a decision there."""
        self._decide(stage, item).kept += 1

    def drop(self, stage: str, item: str, *, reason: str) -> None:
        """Raises: AccountingError if `item` does not wait for a decision there."""
        self._decide(stage, item).dropped[reason] += 1

    def count(self, stage: str, *, entered: int, kept: int, dropped: Mapping[str, int]) -> None:
        """A whole stage at once, whose items were told apart elsewhere. Raises: AccountingError if kept + dropped is not entered."""
        found = _Stage(entered, kept, Counter(dropped))
        self._line(stage, found)
        if self._stages.setdefault(stage, found) is not found:
            raise AccountingError(f"stage {stage!r} was counted twice", why="names must differ within a funnel")

    def funnel(self) -> list[dict[str, Json]]:
        """One object a stage: stage, input, kept, dropped, reasons. Raises: AccountingError if an item is still undecided."""
        return [self._line(name, stage) for name, stage in self._stages.items()]

    def _decide(self, stage: str, item: str) -> _Stage:
        found = self._stages.get(stage)
        if found is None or item not in found.undecided:
            raise AccountingError(
                f"{item!r} does not wait for a decision in stage {stage!r}", why="it never entered, or was decided before"
            )
        found.undecided.remove(item)
        return found

    def _line(self, name: str, stage: _Stage) -> dict[str, Json]:
        dropped = stage.dropped.total()
        if stage.kept + dropped != stage.entered:
            raise AccountingError(
                f"stage {name!r}: {stage.kept} kept + {dropped} dropped is not {stage.entered} entered",
                why=f"undecided: {', '.join(sorted(stage.undecided)[:5])}",
            )
        reasons: dict[str, Json] = dict(sorted(stage.dropped.items()))
        return {"stage": name, "input": stage.entered, "kept": stage.kept, "dropped": dropped, "reasons": reasons}
