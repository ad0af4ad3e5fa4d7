"""`eagdata curate`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.cli.sets import overrides_of
from eagdata.records import Json


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of what stays, and of the reasons.")
@click.option("--recipe", help="File or name of a recipe with a section `curation`. [default: exact and near duplicates]")
@click.option("--against", multiple=True, metavar="BENCHMARK", help="Drop rows that leak it: a file, a folder or a Hub id; repeatable.")
@click.option("--seed", type=int, help="Seed of what is drawn.")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY.PATH=VALUE", help="Override a setting, e.g. curation.1.threshold=0.9; repeatable."
)
@click.option("--executor", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where the stages run.")
@click.option("--fresh", is_flag=True, help="Delete what is in the folder first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(data: tuple[str, ...], **given: object) -> None:
    """Drop duplicates, benchmark leaks and what else a recipe names; every drop is written down with its reason.

    DATA: run folders, Parquet or JSON lines files or folders of them, or Hub dataset ids; several are joined before any stage.

    \b
    eagdata curate runs/quickstart --out curated --against aime24.jsonl
    eagdata curate pool.parquet --recipe s1k --out s1k
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _curate(output, data, given))


def _curate(output: Output, data: tuple[str, ...], given: dict[str, object]) -> int:
    from eagdata.executors import executor
    from eagdata.pipeline.curate import curate
    from eagdata.recipe import read_curation

    overrides: dict[str, Json] = overrides_of(cast("tuple[str, ...]", given["sets"]))
    if given["seed"] is not None:
        overrides["seed"] = cast("int", given["seed"])
    against = cast("tuple[str, ...]", given["against"])
    plan = read_curation(cast("str | None", given["recipe"]), overrides=overrides, against=against)
    summary = curate(
        plan, data, cast("Path", given["out"]), executor=executor(str(given["executor"])), fresh=bool(given["fresh"]), emit=output.event
    )
    output.result(summary.to_json())
    if not output.as_json:
        rows = [
            [str(stage["stage"]), *(f"{stage[key]:,}" for key in ("input", "kept", "dropped")), _told(stage)] for stage in summary.funnel
        ]
        output.table(("stage", "input", "kept", "dropped", "reasons"), rows)
        for text in summary.missed:
            output.talk(f"missed: {text}")
        output.talk(f"{summary.counts['kept']:,} of {summary.counts['input']:,} rows stay: {summary.out / 'README.md'}")
    return summary.exit_code


def _told(stage: object) -> str:
    reasons = cast("dict[str, dict[str, int]]", stage)["reasons"]
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
