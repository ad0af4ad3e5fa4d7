"""Labelled pairs of reference and answer, of every kind, and the rates at which `math` is wrong about them.

    python -m tests.verifiers.answer_pairs

`answer_pairs.jsonl`: `equal` is what a careful reader would say who sees reference and answer alone; null where these two do not tell, so
that neither a pass nor a fail is right. `symbolic`: only math-verify can tell. A pair that is judged wrongly says in its `note` why
that is accepted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eagdata.records import Json, Task, Verdict
from eagdata.verifiers.math import MathVerifier
from eagdata.verifiers.written.symbolic import INSTALL

FILE = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True)
class Pair:
    kind: str
    reference: Json
    answer: str
    equal: bool | None
    note: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    symbolic: bool = False


ENDLESS = {
    "parentheses": "(" * 2000 + "5" + ")" * 2000,
    "digits": "5" * 100_000,
    "open boxes": r"\boxed{" * 14_000,
    "a tower": "^".join("2" * 1900),
    "fractions of fractions": r"\frac" * 800 + "1" * 800,
    "sums to large powers": "*".join(["(x+1)^60"] * 400),
    "many roots": "+".join([r"\sqrt{99999989}"] * 250),
    "large numbers": "+".join(["9^1500/7^1500"] * 250),
    "signs": r"\pm" * 1300 + "5",
    "words": "5 or " * 800 + "5",
    "minus": "-" * 3900 + "5",
    "relations": "<".join("x" * 1900),
    "factorials": "5" + "!" * 3000,
    "commas": "," * 3990,
    "dollars": "$" * 3999,
    "matrix": r"\begin{pmatrix}" + "1&" * 900 + r"1\end{pmatrix}",
    "braces": r"\text{" * 600,
}
"""Answers that cost a careless judge minutes or its life."""


def pairs() -> Iterator[Pair]:
    """Those of the file, and each endless answer."""
    for line in FILE.read_text().splitlines():
        yield Pair(**json.loads(line))
    for name, answer in ENDLESS.items():
        yield Pair("endless", "5", answer, equal=False, note=name)


async def judge(pair: Pair) -> Verdict:
    """The verdict on one pair."""
    verifier = MathVerifier(MathVerifier.Config(**pair.config))
    return await verifier.verify(Task(id="t", question="q", verifier="math", reference=pair.reference), pair.answer, None)


def outcome(pair: Pair, verdict: Verdict) -> str:
    """`right`, `false accept`, `false reject`, `untold` (unscored, and rightly so), or `not scored` for want of math-verify."""
    if verdict.passed:
        return "right" if pair.equal else "false accept"
    if pair.equal is None:
        return "untold" if verdict.status == "unscored" else "false reject"
    if any(INSTALL in (check.evidence or "") for check in verdict.checks):
        return "not scored"
    return "false reject" if pair.equal else "right"


async def main() -> int:
    """Print what is judged wrongly, and the rates by kind."""
    say = sys.stdout.write
    counts: dict[str, Counter[str]] = {}
    for pair in pairs():
        verdict = await judge(pair)
        found = outcome(pair, verdict)
        counts.setdefault(pair.kind, Counter())[found] += 1
        if found not in ("right", "untold"):
            evidence = verdict.checks[-1].evidence or ""
            say(f"{found}: {pair.kind}: {pair.reference!r} and {pair.answer[:60]!r}: {verdict.status} {evidence}; {pair.note}\n")
    columns = ("false accept", "false reject", "not scored", "untold")
    say(f"\n{'kind':<12}{'pairs':>6}{''.join(f'{name:>14}' for name in columns)}\n")
    for kind, found_of in [*counts.items(), ("all", sum(counts.values(), Counter[str]()))]:
        say(f"{kind:<12}{found_of.total():>6}{''.join(f'{found_of[name]:>14}' for name in columns)}\n")
    return 1 if any(found_of["false accept"] for found_of in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
