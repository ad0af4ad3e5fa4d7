"""Plugins by name, from entry points. Listing imports nothing; a plugin's module is imported when it is used."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from eagdata.errors import PrerequisiteError, RecipeError

KINDS = ("tasks", "teachers", "search", "environments", "verifiers", "tokenizers", "curation", "exporters")
_PACKAGE = "eagdata"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One registered plugin, not yet imported."""

    kind: str
    name: str
    target: str
    """`module:Class`."""
    package: str
    version: str


def plugins(kind: str | None = None) -> tuple[Plugin, ...]:
    """All registered plugins (of one kind), sorted by kind and name. Imports none of them."""
    kinds = (kind,) if kind else KINDS
    return tuple(_describe(k, point) for k in kinds for _, points in sorted(_points(k).items()) for point in points)


def names(kind: str) -> tuple[str, ...]:
    """Names registered for a kind, sorted."""
    return tuple(sorted(_points(kind)))


@cache
def plugin_class(kind: str, name: str) -> type:
    """The class behind a name.

    Raises: RecipeError for an unknown name (with the nearest one) or one that two packages claim; PrerequisiteError if the
    plugin's own import fails.
    """
    found = _points(kind).get(name, ())
    if not found:
        close = difflib.get_close_matches(name, names(kind), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise RecipeError(
            f"unknown {_singular(kind)} {name!r}",
            why=f"installed are: {', '.join(names(kind)) or 'none'}",
            mend=f"{hint}list them: eagdata plugins",
        )
    if len(found) > 1:
        owners = " and ".join(sorted(_describe(kind, p).package for p in found))
        raise RecipeError(f"two packages register {_singular(kind)} {name!r}", why=f"both {owners} do", mend="uninstall one of them")
    try:
        loaded = found[0].load()
    except Exception as error:
        owner = _describe(kind, found[0]).package
        raise PrerequisiteError(
            f"{_singular(kind)} {name!r} of package {owner!r} does not load",
            why=f"{type(error).__name__}: {error}",
            mend=f"pip install --upgrade {owner}",
        ) from error
    if not isinstance(loaded, type):
        raise PrerequisiteError(f"{_singular(kind)} {name!r} is not a class", why=f"{found[0].value} is {type(loaded).__name__}")
    return loaded


@cache
def _points(kind: str) -> dict[str, tuple[EntryPoint, ...]]:
    grouped: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=f"{_PACKAGE}.{kind}"):
        # A package that is on the path twice (a checkout and its installation) registers one plugin, not two.
        grouped.setdefault(point.name, {})[point.value] = point
    return {name: tuple(points.values()) for name, points in grouped.items()}


def _describe(kind: str, point: EntryPoint) -> Plugin:
    dist = point.dist
    return Plugin(kind, point.name, point.value, dist.name if dist else "unknown", dist.version if dist else "unknown")


def _singular(kind: str) -> str:
    return {"tasks": "task source", "search": "search", "curation": "curation stage"}.get(kind, kind.removesuffix("s"))
