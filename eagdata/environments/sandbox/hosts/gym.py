"""Runs in the box: an object with `reset` and `step`, in Gymnasium's shape or in OpenEnv's, as the state that actions change.

Sources: gymnasium 1.4, `Env.reset` and `Env.step`; openenv 0.10, `Environment`: reward and done lie on the observation, `state` is a
property.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import math
import sys
import typing
import warnings
from typing import Any  # the object, its actions and its observations are whatever its author made them

OBSERVE = "observe"
_BESIDE = ("reward", "done", "metadata")
"""Fields of an OpenEnv observation that are no part of what is seen."""


class EpisodeOver(Exception):
    """The episode has ended: no further action changes anything."""


class InvalidAction(Exception):
    """The text is no action of this environment."""


class Adapter:
    """One environment object between its actions, and the reward it gave so far."""

    def __init__(self, environment: Any, settings: dict[str, Any]) -> None:
        self._environment = environment
        self._as_json: bool = settings["actions"] == "json"
        self._show_reward: bool = settings["show_reward"]
        self._action_type = _action_type(environment)
        self._rewards: list[float | None] = []
        self._done = False
        known = inspect.signature(environment.reset).parameters.values()
        takes_seed = any(parameter.name == "seed" or parameter.kind is parameter.VAR_KEYWORD for parameter in known)
        given = environment.reset(**({"seed": settings["seed"]} if takes_seed else {}), **settings["reset"])
        self._seen = given[0] if isinstance(given, tuple) else given

    def execute(self, kind: str, text: str) -> str | None:
        """`action`: one step, or `observe`. For verifiers: `reward` gives the rewards and whether it is over, `state` the object's own.

        Raises: EpisodeOver, InvalidAction; what the object raises.
        """
        if kind == "reward":
            return json.dumps({"total": self._total(), "last": self._rewards[-1] if self._rewards else None, "done": self._done})
        if kind == "state":
            state = getattr(self._environment, "state", None)
            return json.dumps(_plain(state() if callable(state) else state))
        if text.strip() == OBSERVE:
            sys.stdout.write(f"actions: {self._described_actions()}\n")
        else:
            self._step(text.strip())
        self._show()
        return None

    def _step(self, text: str) -> None:
        if self._done:
            raise EpisodeOver(f"it ended after {len(self._rewards)} actions")
        given = self._environment.step(self._read(text))
        if isinstance(given, tuple):
            self._seen, reward, terminated, truncated, _ = given
            self._done = bool(terminated or truncated)
        else:
            self._seen, reward, self._done = given, given.reward, bool(given.done)
        number = None if reward is None else float(reward)
        self._rewards.append(None if number is None or math.isnan(number) else number)

    def _read(self, text: str) -> Any:
        """The action that a text stands for. Raises: InvalidAction."""
        if not self._as_json:
            return text
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidAction(f"no JSON: {error}") from None
        space = getattr(self._environment, "action_space", None)
        try:
            return self._made(found) if space is None else _element(space, found)
        except Exception as error:  # whatever the class, or the space, says of what it cannot take
            raise InvalidAction(f"{text[:200]} does not fit {self._described_actions()}: {error}") from None

    def _made(self, fields: Any) -> Any:
        """An OpenEnv action from its fields; what is no such class takes the JSON as it is."""
        if hasattr(self._action_type, "model_validate"):
            return self._action_type.model_validate(fields)
        return fields if self._action_type is None else self._action_type(**fields)

    def _described_actions(self) -> str:
        if not self._as_json:
            return "text"
        fields = typing.get_type_hints(self._action_type) if self._action_type is not None else {}
        known = {name: getattr(hint, "__name__", str(hint)) for name, hint in fields.items() if name not in _BESIDE and name[0] != "_"}
        return str(getattr(self._environment, "action_space", None) or json.dumps(known))

    def _show(self) -> None:
        seen = _plain(self._seen)
        if not isinstance(self._seen, dict) and isinstance(seen, dict):
            seen = {name: value for name, value in seen.items() if name not in _BESIDE}
        sys.stdout.write(f"{seen if isinstance(seen, str) else json.dumps(seen, ensure_ascii=False)}\n")
        if getattr(self._environment, "render_mode", None) == "ansi":
            sys.stdout.write(f"{self._environment.render()}\n")
        if self._show_reward and self._rewards:
            sys.stdout.write(f"reward: {json.dumps(self._rewards[-1])}, done: {json.dumps(self._done)}\n")

    def _total(self) -> float | None:
        """None as long as no reward was given."""
        known = [reward for reward in self._rewards if reward is not None]
        return sum(known) if known else None


def _element(space: Any, found: Any) -> Any:
    """The element of a space of Gymnasium that JSON stands for. Raises: ValueError, and what the space raises.

    `from_jsonable` alone would read 1.5 as 1, and takes the parts of composed spaces in another order.
    """
    parts = getattr(space, "spaces", None)
    if isinstance(parts, dict):
        if found.keys() != parts.keys():
            raise ValueError(f"the parts are {', '.join(parts)}")
        return {name: _element(part, found[name]) for name, part in parts.items()}
    if isinstance(parts, tuple):
        return tuple(_element(part, each) for part, each in zip(parts, found, strict=True))
    made = space.from_jsonable([found])[0]
    if not space.contains(made) or not _alike(found, _plain(made)):
        raise ValueError("it is no element")
    return made


def _alike(given: Any, made: Any) -> bool:
    """Whether JSON came through as it was; real numbers may have lost digits beyond those of float32."""
    if isinstance(given, list) and isinstance(made, list):
        return len(given) == len(made) and all(map(_alike, given, made))
    if isinstance(given, int | float) and isinstance(made, int | float) and not isinstance(given, bool):
        return math.isclose(given, made, rel_tol=1e-6, abs_tol=1e-6)
    return type(given) is type(made) and bool(given == made)


def _action_type(environment: Any) -> Any:
    """The class of the actions, from the annotation of `step`, if it is one that is made from fields."""
    try:
        hints = typing.get_type_hints(type(environment).step)
    except (NameError, TypeError):  # annotations that cannot be resolved tell nothing
        return None
    names = [name for name in inspect.signature(environment.step).parameters if name in hints]
    found = hints[names[0]] if names else None
    return found if hasattr(found, "model_validate") or dataclasses.is_dataclass(found) else None


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def start(settings: dict[str, Any]) -> Adapter:
    """The environment object that `target` names, reset. Raises: whatever its making raises."""
    warnings.simplefilter("ignore")  # they would stand in the first observation of a process, and in no later one
    target, kwargs = settings["target"], settings["kwargs"]
    module, colon, factory = target.partition(":")
    if not colon:
        return Adapter(importlib.import_module("gymnasium").make(target, **kwargs), settings)
    if "" not in sys.path:
        sys.path.insert(0, "")  # the task's own files
    made: Any = importlib.import_module(module)
    for name in factory.split("."):
        made = getattr(made, name)
    return Adapter(made(**kwargs), settings)
