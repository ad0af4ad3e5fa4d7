"""`--set KEY.PATH=VALUE`."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from eagdata.errors import RecipeError
from eagdata.records import Json


def overrides_of(sets: Iterable[str]) -> dict[str, Json]:
    """Dotted keys of the recipe with the values, which are YAML. Raises: RecipeError."""
    found: dict[str, Json] = {}
    for item in sets:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise RecipeError(f"--set {item!r} is not KEY.PATH=VALUE", why="there is no '='", mend="e.g. --set search.width=3")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise RecipeError(f"--set {item!r}: the value is not YAML", why=str(error).splitlines()[0], mend="quote the value") from error
    return found
