"""From the columns of a row to the fields of a task, as a recipe's `tasks.fields` says.

A text is
- `name`, the column, or `metadata.level`, `tests.0`: a path into a nested one. A column whose own name has the dots wins;
- `solution | boxed`, a column through a transform; `io | json | .inputs`, a path into what that gave;
- `{question}\\n{options}`, a template whose braces hold any of the above; a list fills in one element a line;
- `=python`, the text after the sign.
After a path, `?` says that a row may lack it (missing, null or empty): what would be made of it is left out.

An object or a list holds any of these, nested: `{setup: test_setup_code, asserts: test_list}`. Numbers, truth values and null stand
for themselves.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from string import Formatter

from eagdata.records import Json, canonical
from eagdata.tasks.transforms import TRANSFORMS


class Absent:
    """There is nothing to make a value of, and the recipe says that this is fine."""


_ABSENT = Absent()


def made(spec: Json, columns: Mapping[str, object]) -> Json | Absent:
    """The value that `spec` makes of a row; Absent if that rests on an optional path where there is nothing.

    Raises: ValueError that names column and cause.
    """
    if isinstance(spec, str):
        return _of_text(spec, columns)
    if isinstance(spec, dict):
        values = ((key, made(inner, columns)) for key, inner in spec.items())
        return {key: value for key, value in values if not isinstance(value, Absent)}
    if isinstance(spec, list):
        return [value for value in (made(inner, columns) for inner in spec) if not isinstance(value, Absent)]
    return spec


def check(spec: Json) -> None:
    """Raises: ValueError for a brace that is not closed, a transform that does not exist."""
    for _ in _sources(spec):
        pass


def uses(spec: Json, column: str) -> bool:
    """Whether `spec` reads `column`, or something in it."""
    return any(source.path == column or source.path.startswith(f"{column}.") for source in _sources(spec))


def as_json(value: object) -> Json:
    """The value as JSON that every later stage can hold. Raises: ValueError for dates, bytes, lone surrogates, nan and the like."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("holds a lone surrogate, which is no Unicode text") from error
        return value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(as_json(str(key))): as_json(item) for key, item in value.items()}
    raise ValueError(f"is {short(value)} ({type(value).__name__}), which is no JSON value")


def short(value: object) -> str:
    """Its repr, at most 80 characters of it."""
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + " …"


@dataclass(frozen=True, slots=True)
class _Source:
    """A column, or a path into it, and what is done to its value."""

    path: str
    optional: bool
    steps: tuple[Callable[[Json], Json | Absent], ...]
    text: str

    def read(self, columns: Mapping[str, object]) -> Json | Absent:
        try:
            found = _looked_up(columns, self.path, optional=self.optional)
            if isinstance(found, Absent):
                return found
            value: Json | Absent = as_json(found)
            for step in self.steps:
                if isinstance(value, Absent):
                    return value
                value = step(value)
        except ValueError as error:
            raise ValueError(f"column {self.text!r} {error}") from error
        return value


def _of_text(spec: str, columns: Mapping[str, object]) -> Json | Absent:
    if spec.startswith("="):
        return spec[1:]
    if "{" not in spec:
        return _source(spec).read(columns)
    return "".join(literal + (_shown(source.read(columns)) if source else "") for literal, source in _template(spec))


def _sources(spec: Json) -> Iterator[_Source]:
    if isinstance(spec, str) and not spec.startswith("="):
        if "{" in spec:
            yield from (source for _, source in _template(spec) if source)
        else:
            yield _source(spec)
    elif isinstance(spec, dict | list):
        for inner in spec.values() if isinstance(spec, dict) else spec:
            yield from _sources(inner)


@cache
def _template(text: str) -> tuple[tuple[str, _Source | None], ...]:
    """Literal text and the column after it (None at the end)."""
    return tuple((literal, None if key is None else _source(key)) for literal, key, _, _ in Formatter().parse(text))


@cache
def _source(text: str) -> _Source:
    path, *steps = (part.strip() for part in text.split(" | "))
    return _Source(path.removesuffix("?"), path.endswith("?"), tuple(map(_step, steps)), text)


def _step(name: str) -> Callable[[Json], Json | Absent]:
    if name.startswith("."):
        return partial(_inside, path=name[1:].removesuffix("?"), optional=name.endswith("?"))
    if name not in TRANSFORMS:
        near = difflib.get_close_matches(name, TRANSFORMS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(TRANSFORMS)}"
        raise ValueError(f"unknown transform {name!r}; {hint}")
    return TRANSFORMS[name]


def _inside(value: Json, *, path: str, optional: bool) -> Json | Absent:
    found = _looked_up(value, path, optional=optional)
    return found if isinstance(found, Absent) else as_json(found)


def _looked_up(value: object, path: str, *, optional: bool) -> object:
    """What stands at a dotted path. Raises: ValueError if nothing does."""
    rest: str | None = path
    while rest:
        if isinstance(value, Mapping) and rest in value:
            value, rest = value[rest], None
            break
        key, _, rest = rest.partition(".")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif optional:
            return _ABSENT
        else:
            raise ValueError(f"is missing; {_holds(value)}")
    return _ABSENT if optional and (value is None or value == "" or value == []) else value


def _holds(value: object) -> str:
    if isinstance(value, Mapping):
        return f"there are {', '.join(map(repr, value)) or 'none'}"
    return f"there is a list of {len(value)}" if isinstance(value, list) else f"there is {short(value)}"


def _shown(value: Json | Absent) -> str:
    """A value inside a template: lists one element a line."""
    if isinstance(value, list):
        return "\n".join(map(_shown, value))
    if isinstance(value, Absent):
        return ""
    return value if isinstance(value, str) else canonical(value)
