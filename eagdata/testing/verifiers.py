"""The contract of a verifier, as assertions."""

from __future__ import annotations

from collections.abc import Sequence

from eagdata.contracts import Episode, Verifier
from eagdata.records import Task


async def check_verifier(verifier: Verifier, task: Task, *, right: str, wrong: Sequence[str], episode: Episode | None = None) -> None:
    """`right` must pass, each of `wrong` must not, and no answer at all must not pass either.

    Raises: AssertionError that says which line of the contract is broken; what the verifier raises.
    """
    assert verifier.instructions().strip(), "the teacher is not told how to answer"
    verdict = await verifier.verify(task, right, episode)
    assert verdict.passed, f"the right answer {right!r} is {verdict.status!r}: {verdict.checks}"
    assert verdict.reward == 1.0, f"a pass has reward {verdict.reward}"
    for answer in (*wrong, *(("", None) if verifier.judges == "answer" else ())):
        refused = await verifier.verify(task, answer, episode)
        assert not refused.passed, f"the wrong answer {answer!r} passes"
        assert refused.reward in (None, 0.0), f"a verdict {refused.status!r} has reward {refused.reward}"
        assert refused.checks, f"a verdict {refused.status!r} gives no evidence"
