"""Plugins from their names and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from eagdata.contracts import Verifier
from eagdata.errors import RecipeError
from eagdata.records import Json, Task, canonical
from eagdata.registry import plugin_class

_MOST_VERIFIERS = 256


def build(kind: str, name: str, config: object) -> object:
    """A plugin with its settings. Raises: RecipeError, PrerequisiteError."""
    return plugin_class(kind, name)(config)


def configured(kind: str, name: str, given: Mapping[str, Json]) -> object:
    """A plugin from settings as JSON, as rows and tasks hold them. Raises: RecipeError if they are wrong; PrerequisiteError."""
    from pydantic import TypeAdapter, ValidationError

    config: type[object] = plugin_class(kind, name).Config  # type: ignore[attr-defined]
    try:
        return build(kind, name, TypeAdapter(config).validate_python(given))
    except ValidationError as error:
        raise RecipeError(
            f"the settings of {name!r} are wrong: {dict(given)!r}", why=str(error), mend="mend the task or row that names it"
        ) from error


def verifier_of(task: Task, made: dict[str, Verifier]) -> Verifier:
    """The verifier that a task names, made once per setting. Raises: RecipeError if its settings are wrong."""
    key = canonical([task.verifier, task.verifier_config])
    if key not in made:
        if len(made) >= _MOST_VERIFIERS:
            made.pop(next(iter(made)))  # tasks may come with settings of their own, each
        made[key] = cast("Verifier", configured("verifiers", task.verifier, task.verifier_config))
    return made[key]
