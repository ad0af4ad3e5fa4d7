"""The task gate: whether a task can tell a right answer from a wrong one, before anything is paid for it.

Each check is named, and says `pass`, `fail` with evidence, `unscored` (there is nothing to check it with), or `error`: a fault of ours,
twice, which is never held against the task.

- `reference`: the right answer passes; for a verifier of the state, what `solution` builds.
- `no_op`: no answer, or the untouched state, does not pass.
- `constant`: answers without content do not pass.
- `cheat`: the right answer among others, the question, an early exit, a printed "ok", objects that equal everything do not pass.
- `leak`: the answer does not stand in question or files (`leaks.py` says what is looked for).
- `seed`: the task is the same under another hash seed (only where `gate` is told what came out there).

Source: verifiers' `vf-validate` (gold passes, no-op fails), terminal-bench's cheat oracle, OpenEnv's validation policy `severity-v1`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from eagdata.contracts import NOWHERE, CleanRoom, Episode, Verifier
from eagdata.errors import EnvironmentFault, RecipeError, VerifierError
from eagdata.pipeline.cheats import cheating_answers, cheating_programs, garbage
from eagdata.pipeline.leaks import leak
from eagdata.records import Action, Check, Observation, Task, Verdict

_Found = tuple[str, Verdict, Observation | None]
"""What was tried, the verdict on it, and what its action showed."""


async def check_task(task: Task, *, verifier: Verifier, clean: CleanRoom = NOWHERE, language: str = "python") -> tuple[Check, ...]:
    """All checks of one task but `seed`. `language`: of the actions of its environment. Raises: PrerequisiteError."""
    return tuple([check async for check in _checks(_Bench(task, verifier, clean, language))])


async def failing(task: Task, *, verifier: Verifier, clean: CleanRoom = NOWHERE, language: str = "python") -> str | None:
    """The first check that fails, with its evidence; None if none does. A fault of ours is no failure. Raises: PrerequisiteError."""
    async with aclosing(_checks(_Bench(task, verifier, clean, language))) as checks:
        async for check in checks:
            if check.status == "fail":
                return f"{check.id}: {check.evidence}"
    return None


@dataclass(frozen=True, slots=True)
class _Bench:
    """One task, and all that it takes to try something on it."""

    task: Task
    verifier: Verifier
    clean: CleanRoom
    language: str

    async def answered(self, *answers: str | None) -> AsyncGenerator[_Found]:
        """The verdict on each answer."""
        for answer in answers:
            yield _short(answer), await self.verifier.verify(self.task, answer, None, self.clean), None

    async def acted(self, *programs: str | None, answer: str | None = None) -> AsyncGenerator[_Found]:
        """The verdict on what each action leaves behind, each in a fork of one fresh episode; None: nothing was done. Some verifiers of
        the state want an `answer` too."""
        async with self.clean.episode(self.task) as fresh:
            for program in programs:
                fork = await fresh.fork() if len(programs) > 1 else fresh
                try:
                    yield await self._acted(fork, program, answer)
                finally:
                    await fork.close()

    async def _acted(self, fork: Episode, program: str | None, answer: str | None) -> _Found:
        seen = None if program is None else await fork.step(Action(kind=self.language, text=program))
        tried = "the untouched state" if program is None else f"the action {_short(program)}"
        return tried, await self.verifier.verify(self.task, answer, fork, self.clean), seen


async def _checks(bench: _Bench) -> AsyncGenerator[Check]:
    task = bench.task
    if bench.verifier.judges == "answer":
        yield await _tried("reference", lambda: _right(bench.answered(task.answer), known=task.answer is not None))
        yield await _tried("no_op", lambda: _wrong("no_op", bench.answered(None)))
        yield await _tried("constant", lambda: _wrong("constant", bench.answered(*garbage(task))))
        yield await _tried("cheat", lambda: _wrong("cheat", bench.answered(*cheating_answers(task))))
    else:
        programs = cheating_programs(task, bench.language)
        yield await _tried("reference", lambda: _right(bench.acted(task.solution, answer=task.answer), known=task.solution is not None))
        yield await _tried("no_op", lambda: _wrong("no_op", bench.acted(None)))
        yield await _tried("cheat", lambda: _wrong("cheat", bench.acted(*programs), known=bool(programs)))
    evidence = leak(task, judges=bench.verifier.judges)
    yield Check(id="leak", status="fail" if evidence else "pass", evidence=evidence)


async def _tried(name: str, check: Callable[[], Awaitable[Check]]) -> Check:
    """A check, and if a fault of ours ends it, once more from a fresh start. Settings that cannot be used are the task's own fault."""
    for last in (False, True):
        try:
            return await check()
        except RecipeError as error:
            return Check(id=name, status="fail", evidence=str(error))
        except (EnvironmentFault, VerifierError) as error:
            if last:
                return Check(id=name, status="error", evidence=str(error))
    raise AssertionError("a loop of two rounds returns in the second")


async def _right(found: AsyncGenerator[_Found], *, known: bool) -> Check:
    """Whether the one thing that was tried passes."""
    if not known:
        return Check(id="reference", status="unscored", evidence="no right answer or solution is known")
    async with aclosing(found):
        tried, verdict, seen = await anext(found)
    if verdict.status == "error":
        raise VerifierError(f"the verifier gives 'error' for {tried}", why=_reason(verdict))
    if verdict.passed:
        return Check(id="reference", status="pass")
    shown = f"; it showed {_short(seen.text)}" if seen and seen.status != "ok" else ""
    evidence = f"{tried} should pass and is {verdict.status!r}: {_reason(verdict)}{shown}"
    return Check(id="reference", status="fail", measured=verdict.status, evidence=evidence)


async def _wrong(name: str, found: AsyncGenerator[_Found], *, known: bool = True) -> Check:
    """Whether nothing of what was tried passes."""
    if not known:
        return Check(id=name, status="unscored", evidence="no cheat is known for this kind of action")
    async with aclosing(found):
        async for tried, verdict, _ in found:
            if verdict.passed:
                return Check(id=name, status="fail", measured="pass", evidence=f"{tried} passes")
    return Check(id=name, status="pass")


def _reason(verdict: Verdict) -> str:
    """What the last check of a verdict says."""
    if not verdict.checks:
        return "the verifier gives no evidence"
    last = verdict.checks[-1]
    return ": ".join(filter(None, (last.id, _short(last.evidence or last.measured or ""))))


def _short(text: str | None) -> str:
    if text is None:
        return "no answer"
    return repr(text if len(text) <= 120 else f"{text[:60]} … {text[-50:]}")
