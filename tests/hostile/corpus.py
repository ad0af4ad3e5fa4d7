"""One hostile program and the outcome that its head calls safe, read strictly in our own form and leniently in anybody else's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from eagdata.records import Observation

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(HERE.glob("[0-9a-f][0-9a-f]-*.py"))
_STRICT = re.compile(r"# expect: (?:any|(?:ok|error|timeout|limit)(?: [\w|]+)?(?:, (?:ok|error|timeout|limit)(?: [\w|]+)?)*)$")
_NAME = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Group)\b")
_WORDS = {
    "timeout": re.compile(r"time-?\s?out|timed out|time limit", re.I),
    "limit": re.compile(r"(?<!time )\blimit|\bkill|\bmemory\b|\boom\b|\bcrash|segfault|rolled back|\bexit", re.I),
    "error": re.compile(r"\berrors?\b|\bexception|\brefus|\bdenied|\bdeny|\bblock|\bpermission\b|\bfail", re.I),
    "ok": re.compile(r"\bok\b|\bpass|\bharmless|\bsuccess|\bcontained\b|\bnormal", re.I),
}


@dataclass(frozen=True)
class Program:
    """What is run, and what may come of it."""

    name: str
    text: str
    head: str
    """Its first line."""
    expect: tuple[tuple[str, frozenset[str]], ...]
    """Allowed (status, kinds); no kinds: any kind. Empty: any outcome."""
    state: str
    may_break_itself: bool
    """All that is asked of its episode afterwards is an answer in time that is not forged."""

    @classmethod
    def read(cls, path: Path) -> Program:
        """In our form the first lines are `# expect: timeout, error PermissionError|OSError` (`any`: no outcome is unsafe, escaping
        is), `# state: rolled back|any`, and `# next: any` where the program may break its own episode for good. Of a first line in
        any other form the known words for statuses and the names of exceptions are taken, and the program may break itself.
        """
        text = path.read_text(errors="replace")
        head = text.partition("\n")[0].strip()
        ours = _STRICT.match(head) is not None
        notes = dict(re.findall(r"^# (\w+): (.+)$", text, re.M)) if ours else {}
        return cls(
            name=path.stem,
            text="poisoned = True\n" + text if ours else text,
            head=head,
            expect=_strict(head) if ours else _lenient(head) if head.startswith("#") else (),
            state=notes.get("state", ""),
            may_break_itself=not ours or notes.get("next") == "any",
        )

    def allows(self, observation: Observation) -> bool:
        """Whether this outcome is the stated one; a program that caught the exception and printed its name counts too."""
        return not self.expect or any(
            (observation.status == status and (not kinds or observation.kind in kinds)) or any(kind in observation.text for kind in kinds)
            for status, kinds in self.expect
        )

    def states_after(self, observation: Observation) -> set[str]:
        """What `attack.STATE` may be after it."""
        if self.state == "any":
            return set()
        kept, rolled_back = "(41, True)", "(41, False)"
        if self.state == "rolled back" or observation.status in ("timeout", "limit"):
            return {rolled_back}
        return {kept} if observation.status == "ok" else {kept, rolled_back}


def _strict(head: str) -> tuple[tuple[str, frozenset[str]], ...]:
    found = [one.partition(" ") for one in head.removeprefix("# expect: ").split(", ") if one != "any"]
    return tuple((status, frozenset(filter(None, kinds.split("|")))) for status, _, kinds in found)


def _lenient(head: str) -> tuple[tuple[str, frozenset[str]], ...]:
    names = frozenset(_NAME.findall(head))
    statuses = [(status, frozenset[str]()) for status, words in _WORDS.items() if words.search(_NAME.sub("", head))]
    return (*statuses, *((("error", names),) if names else ()))
