"""The verdicts of a judge that reads an answer and compares it with the reference."""

from __future__ import annotations

from eagdata.records import Check, Json, Verdict


def compared(same: bool, answer: str | None) -> Verdict:
    """The answer was read, and is the reference or not."""
    checks = (Check(id="read", status="pass"), Check(id="equal", status="pass" if same else "fail", measured=excerpt(answer)))
    return Verdict(status="pass" if same else "fail", reward=1.0 if same else 0.0, checks=checks)


def refused(check: str, answer: str | None, evidence: str) -> Verdict:
    """The answer is wrong whatever the reference: `check` says at which point it was refused, `evidence` why."""
    return Verdict(status="fail", reward=0.0, checks=(Check(id=check, status="fail", measured=excerpt(answer), evidence=evidence),))


def unscored(reference: Json, wanted: str) -> Verdict:
    """The reference cannot be compared with: it is not what was `wanted`."""
    evidence = f"the reference is {excerpt(repr(reference))}, not {wanted}"
    return Verdict(status="unscored", checks=(Check(id="reference", status="unscored", evidence=evidence),))


def excerpt(text: str | None) -> str | None:
    """At most 200 characters of `text`."""
    return text if text is None or len(text) <= 200 else f"{text[:200]} …"
