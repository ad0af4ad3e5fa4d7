"""`eagdata recipes`."""

from __future__ import annotations

import click
import yaml

from eagdata.cli.output import Output
from eagdata.cli.running import guarded


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(as_json: bool) -> None:
    """The recipes that are shipped, with what each is for."""
    output = Output(as_json=as_json)
    guarded(output, lambda: _recipes(output))


def _recipes(output: Output) -> int:
    from eagdata.recipe import shipped_recipes

    found = {name: str(yaml.safe_load(path.read_text()).get("description", "")).strip() for name, path in shipped_recipes().items()}
    output.result({"recipes": dict(found)})
    if not output.as_json:
        output.table(("recipe", "purpose"), list(found.items()))
        output.talk("run one: eagdata generate NAME   change one: eagdata init NAME")
    return 0
