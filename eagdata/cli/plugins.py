"""`eagdata plugins`."""

from __future__ import annotations

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.errors import EagdataError
from eagdata.records import Json


@click.command()
@click.option("--check", is_flag=True, help="Load each and look whether it has what its contract asks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(check: bool, as_json: bool) -> None:
    """Everything that is installed, by kind. Listing imports nothing."""
    output = Output(as_json=as_json)
    guarded(output, lambda: _plugins(output, check))


def _plugins(output: Output, check: bool) -> int:
    from eagdata.registry import plugins

    rows: list[dict[str, Json]] = []
    for plugin in plugins():
        row: dict[str, Json] = {
            "kind": plugin.kind,
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "target": plugin.target,
        }
        if check:
            row["state"] = _state(plugin.kind, plugin.name)
        rows.append(row)
    output.result({"plugins": list(rows)})
    if not output.as_json:
        columns = ("kind", "name", "package", "version", *(("state",) if check else ()))
        output.table(columns, [[str(row[column]) for column in columns] for row in rows])
    return 0 if all(row.get("state", "ok") == "ok" for row in rows) else 1


def _state(kind: str, name: str) -> str:
    from eagdata.registry import plugin_class
    from eagdata.testing import missing_members

    try:
        missing = missing_members(kind, plugin_class(kind, name))
    except EagdataError as error:
        return f"{error.what}: {error.why}"
    return f"lacks {', '.join(missing)}" if missing else "ok"
