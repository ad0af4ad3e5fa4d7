"""The `gym` environment: any object with `reset` and `step`, in the shape of Gymnasium or of OpenEnv, lives in the box and is forked there.

    kind: gym
    target: FrozenLake-v1          # an id of Gymnasium, or package.module:factory, or a module of the task's own files
    kwargs: {is_slippery: false}

The object runs in the box's process, so its whole state is forked with it, whatever it is; one that keeps threads, sockets or child
processes alive is replayed instead. Its randomness must come from the seed it is given: what a replay does not reproduce is dropped.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from importlib.machinery import PathFinder
from typing import Literal

from eagdata.contracts import settings
from eagdata.environments.box import LIMIT_KEYS, BoxEnvironment, BoxSettings, check_keys, read_files, read_limits, wrong
from eagdata.environments.episode import Start
from eagdata.environments.sandbox.locations import module_path
from eagdata.errors import PrerequisiteError
from eagdata.records import Json, Task

_KEYS = ("target", "kwargs", "reset", "actions", "show_reward", "libraries")


class GymEnvironment(BoxEnvironment):
    """Where the actions are steps of somebody else's environment. Its rewards are kept for the verifier `reward`."""

    name = "gym"
    language = "action"

    @settings
    class Config(BoxSettings):
        """Which object, made and spoken to how; a task's own `environment_config` wins key by key."""

        target: str = ""
        """`package.module:factory`, or an id of Gymnasium. The module lies in site-packages or among the task's `files`."""
        kwargs: dict[str, Json] = field(default_factory=dict)
        """What the object is made with."""
        reset: dict[str, Json] = field(default_factory=dict)
        """What `reset` is called with, beside the task's seed."""
        actions: Literal["json", "text"] = "json"
        """`json`: an action is read as JSON, as an element of `action_space` or as the fields of the action class that `step` is
        annotated with; `text`: the object reads the text itself."""
        show_reward: bool = False
        """Show reward and end with each observation."""
        libraries: tuple[str, ...] = ()
        """Further modules to load before the first episode, so that none has to wait for them."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._own = config
        self.version = f"python {platform.python_version()}"
        with suppress(importlib.metadata.PackageNotFoundError):  # an object of another origin needs no gymnasium
            self.version += f", gymnasium {importlib.metadata.version('gymnasium')}"

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        how = "one JSON value" if self._own.actions == "json" else "one line of text"
        return (
            f"Each action is one step in an environment, written as {how}; the answer is what is observed after it. The action "
            "observe changes nothing and shows what actions there are and the present observation: begin with it. An invalid action "
            "is answered with an error and changes nothing. Once the episode has ended, no further action is taken."
        )

    def start(self, task: Task) -> Start:
        """The object to make, and the task's files. Raises: RecipeError; PrerequisiteError for a library that is not installed."""
        check_keys(task, ("files", *_KEYS, *LIMIT_KEYS))
        given: dict[str, Json] = {key: getattr(self._own, key) for key in _KEYS} | task.environment_config
        _check(task, given)
        target, files = str(given["target"]), read_files(task)
        module = target.partition(":")[0].partition(".")[0] if ":" in target else "gymnasium"
        own = {name.partition("/")[0].removesuffix(".py") for name in files}
        libraries = [*given["libraries"], *([] if module in own else [module])]  # type: ignore[misc]
        for name in libraries:
            _find(task, str(name))
        return Start(
            task_id=task.id,
            seed=task.seed,
            files=files,
            limits=read_limits(task, self.config),
            host="gym",
            settings={key: given[key] for key in _KEYS if key != "libraries"} | {"seed": task.seed},
            libraries=tuple(dict.fromkeys(str(name) for name in libraries)),
        )


def _check(task: Task, given: Mapping[str, Json]) -> None:
    """Raises: RecipeError."""
    rules = {
        "target": (isinstance(given["target"], str) and given["target"] != "", "name package.module:factory or an id of Gymnasium"),
        "kwargs": (isinstance(given["kwargs"], dict), "give an object"),
        "reset": (isinstance(given["reset"], dict), "give an object"),
        "actions": (given["actions"] in ("json", "text"), "use json or text"),
        "show_reward": (isinstance(given["show_reward"], bool), "use true or false"),
        "libraries": (isinstance(given["libraries"], list | tuple), "give a list of module names"),
    }
    for key, (good, mend) in rules.items():
        if not good:
            raise wrong(task, f"environment_config.{key} is {given[key]!r}", mend)


def _find(task: Task, module: str) -> None:
    """Raises: PrerequisiteError for a module that the box will not find: nothing but installed packages can be read there."""
    if PathFinder.find_spec(module.partition(".")[0], module_path()) is None:
        raise PrerequisiteError(
            f"task {task.id!r}: the module {module!r} is not installed where a box can read it",
            why="a box reads this environment's site-packages, and no project folder",
            mend="pip install eagdata[gym]"
            if module == "gymnasium"
            else "install its package (not editable), or give it in environment_config.files",
        )
