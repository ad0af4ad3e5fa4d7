"""`eagdata schema`: JSON Schemas, made from the code. `schemas/` holds the same, and a test says when they are stale."""

from __future__ import annotations

import json
from typing import cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.errors import RecipeError
from eagdata.records import Json

RECORDS = ("Task", "Trace")
NAMES = ("recipe", *(name.lower() for name in RECORDS))


@click.command()
@click.argument("name")
def command(name: str) -> None:
    """The JSON Schema of NAME: recipe, task or trace.

    In an editor, `# yaml-language-server: $schema=recipe.schema.json` at the head of a recipe gives completion and red lines.
    """
    output = Output()
    guarded(output, lambda: _schema(output, name))


def _schema(output: Output, name: str) -> int:
    output.data(json.dumps(schema_of(name), indent=2, ensure_ascii=False))
    return 0


def schema_of(name: str) -> dict[str, Json]:
    """The schema of a name. Raises: RecipeError for an unknown one."""
    from pydantic import TypeAdapter

    from eagdata import records

    if name == "recipe":
        return _recipe()
    for record in RECORDS:
        if name == record.lower():
            return cast("dict[str, Json]", TypeAdapter(getattr(records, record)).json_schema())
    raise RecipeError(f"no schema {name!r}", why=f"there are: {', '.join(NAMES)}", mend="e.g. eagdata schema recipe")


def _recipe() -> dict[str, Json]:
    """Sections as they are; a plugin section is one of the installed plugins, told apart by `kind`."""
    from pydantic import TypeAdapter

    from eagdata.recipe import CURATION, EXPORTS, OPTIONAL_SECTIONS, PLUGIN_SECTIONS, SECTIONS

    properties: dict[str, Json] = {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "n": {"type": "integer", "minimum": 1, "description": "How many tasks."},
        "seed": {"type": "integer", "description": "Seed of everything that is drawn."},
        "concurrency": {"type": "integer", "minimum": 1, "description": "Tasks in work at once."},
    }
    for key, section in SECTIONS.items():
        properties[key] = TypeAdapter(section).json_schema()
    for key, kind in PLUGIN_SECTIONS.items():
        properties[key] = _plugin(kind)
    properties[CURATION] = {"type": "array", "items": _plugin(CURATION), "description": "What rows go through, in this order."}
    properties[EXPORTS] = {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9_]+$", "not": {"enum": ["trajectories", "traces", "rejected"]}},
        "additionalProperties": _plugin("exporters"),
        "description": "Further sets that the run writes beside its rows, each as data/NAME.",
    }
    required: list[Json] = [section for section in PLUGIN_SECTIONS if section not in OPTIONAL_SECTIONS]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "eagdata recipe",
        "type": "object",
        "properties": properties,
        "anyOf": [{"required": required}, {"required": [CURATION]}],
        "additionalProperties": False,
    }


def _plugin(kind: str) -> dict[str, Json]:
    """One of the installed plugins: a mapping with `kind` and its settings, or its name alone."""
    from pydantic import TypeAdapter

    from eagdata.registry import names, plugin_class

    choices: list[Json] = []
    for name in names(kind):
        config = plugin_class(kind, name).Config  # type: ignore[attr-defined]
        schema = TypeAdapter(config).json_schema()
        schema["title"] = name
        schema["properties"] = {"kind": {"const": name}, **schema.get("properties", {})}
        schema["required"] = ["kind", *schema.get("required", [])]
        choices.append(schema)
    return {"oneOf": [*choices, {"enum": list(names(kind))}]}
