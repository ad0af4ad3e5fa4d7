"""What must never pass: answers without content, and ways to pass without solving.

Sources: no-op and cheat oracles of verifiers, OpenEnv, harbor and terminal-bench (a task's cheat must score 0); the constant answers
to which reasoning-gym's scorers give full marks; "5 or 6", which math-verify takes for 5; exits and lying objects against test suites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_uppercase

from eagdata.records import Task

GARBAGE = ("", "x", "?", "I do not know", "As an attentive reader will have noticed, it follows. " * 8)
"""Answers without content."""
_OTHER = "7919"
_LETTER = re.compile(r"\(?([A-Z])\)?")
_LIAR = """
class _Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 1
    def __iter__(self): return iter([self])
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name): return self
"""
_PROGRAMS = {
    "python": ("exit(0)", "import os\nos._exit(0)", "print('ok')\nprint('all tests passed')"),
    "bash": ("exit 0", "echo ok; echo 'all tests passed'"),
    "sql": ("SELECT 'ok'",),
}


def garbage(task: Task) -> tuple[str, ...]:
    """Answers without content, but the one that happens to be this task's."""
    right = (task.answer or "").strip("$ ").casefold()
    return tuple(text for text in GARBAGE if not right or text.casefold() != right)


def cheating_answers(task: Task) -> tuple[str, ...]:
    """The question itself; the right answer among others; all options of a choice."""
    answers = [task.question]
    if task.answer:
        answers += [f"{task.answer} or {_OTHER}", f"{_OTHER} or {task.answer}", f"{task.answer}, {_OTHER}"]
    if task.answer and _LETTER.fullmatch(task.answer.strip()):
        letters = str(task.verifier_config.get("letters") or ascii_uppercase[:5])
        answers += [" or ".join(letters), ", ".join(letters)]
    return tuple(answers)


def cheating_programs(task: Task, language: str) -> tuple[str, ...]:
    """Actions that solve nothing: an exit, a report that all is well, objects that equal everything in place of what is asked for.

    Empty for a language that nothing is known of. In a notebook an exit or a report leaves the state as it was, which `no_op` tries:
    there the objects are all that is left to try.
    """
    programs = () if task.environment == "python" else _PROGRAMS.get(language, ())
    names = sorted(set(_asked_names(task))) if language == "python" else []
    lies = "".join(f"{name} = _Yes()\n" for name in names)
    return (*programs, _LIAR + lies) if lies else programs


def _asked_names(task: Task) -> Iterator[str]:
    """Names that the solution defines, or that the reference calls."""
    yield from re.findall(r"^(?:async )?(?:def|class) (\w+)", task.solution or "", re.MULTILINE)
    called = task.reference if isinstance(task.reference, dict) else {}
    yield from (name for key in ("function", "fn_name", "entry_point") if isinstance(name := called.get(key), str))
