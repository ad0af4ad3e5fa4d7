"""The `python` environment: a notebook-like Python whose live state can be forked.

async with PythonEnvironment(PythonEnvironment.Config()) as environment:
    episode = await environment.reset(task)
    observation = await episode.step(Action(kind="python", text="1 + 1"))
    other = await episode.fork()
"""

from __future__ import annotations

import importlib.metadata
import platform
import re

from eagdata.contracts import settings
from eagdata.environments.box import LIMIT_KEYS, BoxEnvironment, BoxSettings, check_keys, read_files, read_limits, read_text
from eagdata.environments.episode import Start
from eagdata.environments.sandbox.locations import PRELOADED
from eagdata.records import Task

_NUMERIC = re.compile(r"\b(?:numpy|sympy)\b")


class PythonEnvironment(BoxEnvironment):
    """Where Python actions run: isolated, with a lasting state, forked copy-on-write in milliseconds."""

    name = "python"
    language = "python"

    @settings
    class Config(BoxSettings):
        """Limits and isolation."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        versions = (f"{name} {importlib.metadata.version(name)}" for name in PRELOADED)
        self.version = ", ".join((f"python {platform.python_version()}", *versions))

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        return (
            "The code runs in one Python session, as in a notebook: variables, functions and imports persist from one action to the "
            "next. What is printed is shown, and so is the value of the last line if it is an expression. numpy and sympy are installed; "
            "there is no network, and no other program can be started. "
            f"An action may take {self.config.timeout_s:g} seconds and {self.config.memory_mb} MB of memory. "
            "When a line raises an exception, what ran before it stays in effect. An action that is stopped for time or memory, or that "
            "ends the interpreter, has no effect: the state is as it was before that action."
        )

    def start(self, task: Task) -> Start:
        """The task's files and set-up code. Raises: RecipeError."""
        check_keys(task, ("files", "setup", *LIMIT_KEYS))
        limits = read_limits(task, self.config)
        return Start(task_id=task.id, seed=task.seed, files=read_files(task), setup=read_text(task, "setup"), limits=limits)

    def libraries_for(self, source: str) -> tuple[str, ...]:
        """numpy and sympy, for code that names one of them."""
        return PRELOADED if _NUMERIC.search(source) else ()
