"""`eagdata export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.cli.sets import overrides_of

if TYPE_CHECKING:
    from eagdata.pipeline.export import Exported


@click.command()
@click.argument("format")
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .jsonl or .parquet file; a folder for `session` and `atif`.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="A setting of the format, e.g. template=qwen2.5; repeatable.")
@click.option("--fresh", is_flag=True, help="Replace what is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(format: str, data: tuple[Path, ...], **given: object) -> None:  # noqa: A002
    """Write a dataset in the shape that a trainer or a viewer reads; the formats: eagdata plugins.

    DATA: run folders, what was curated, Parquet files or folders of them. Settings for trainers, with a length that cuts no row, go to
    `trainer/` beside the file.

    \b
    eagdata export messages runs/quickstart --out sft.jsonl
    eagdata export text runs/quickstart --out sft.parquet --set template=qwen2.5
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _export(output, format, data, given))


def _export(output: Output, format: str, data: tuple[Path, ...], given: dict[str, object]) -> int:  # noqa: A002
    from eagdata.pipeline.export import export

    settings = overrides_of(cast("tuple[str, ...]", given["sets"]))
    exported = export(format, data, cast("Path", given["out"]), given=settings, fresh=bool(given["fresh"]))
    output.result(exported.to_json())
    if not output.as_json:
        for lost in exported.cannot:
            output.talk(f"not in it: {lost}")
        _tell_lengths(output, exported)
        output.talk(f"{exported.rows:,} rows of {format}, {exported.read:,} read: {exported.out}")
    return 0


def _tell_lengths(output: Output, exported: Exported) -> None:
    lengths = exported.lengths
    if lengths.unknown:
        output.talk(f"no settings for trainers: {lengths.unknown:,} rows do not say how many tokens they have")
    if exported.trainer:
        cut = ", ".join(f"{int(length):,} would cut {cast('float', share):.1%}" for length, share in lengths.cut.items())
        output.talk(f"longest row: {lengths.longest:,} tokens ({', '.join(sorted(lengths.tokenizers))}){'; ' if cut else ''}{cut}")
        output.talk(f"settings with a length of {lengths.max_length:,}: {exported.trainer[0].parent}")
