"""`eagdata analyze`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded

_SPANS = ("prompt", "thought", "action", "observation", "answer", "total")
_COLUMNS = ("n", "mean", "median", "q95", "mode", "bandwidth_tokens")


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    metavar="NAME",
    help="A tokenizer, or hf: and the path or Hub id of one; repeatable. The first one is for the figure. [default: o200k_base, qwen25]",
)
@click.option("--span", type=click.Choice(_SPANS), default="total", show_default=True, help="What is drawn and compared.")
@click.option("--cut", "cuts", type=click.IntRange(min=1), multiple=True, metavar="TOKENS", help="A context length; repeatable.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the figure, stats.json and the report.")
@click.option("--fresh", is_flag=True, help="Replace the analysis that is in the folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(data: tuple[str, ...], **given: object) -> None:
    """Token lengths by span and role, and outcomes, of one or several data sets: numbers, a figure, a report.

    DATA: run folders, Parquet or JSON lines files or folders of them, or Hub dataset ids; NAME=DATA names a set. Each is compared with
    the first.

    \b
    eagdata analyze runs/quickstart --out analysis
    eagdata analyze ours=runs/quickstart s1K=simplescaling/s1K --tokenizer qwen25 --span thought --out analysis
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _analyze(output, data, given))


def _analyze(output: Output, data: tuple[str, ...], given: dict[str, object]) -> int:
    from eagdata.analyze.lengths import CUTS
    from eagdata.pipeline.analyze import TOKENIZERS, analyze, former

    cuts = sorted(set(cast("tuple[int, ...]", given["cuts"]) or CUTS))
    tokenizers = cast("tuple[str, ...]", given["tokenizers"]) or TOKENIZERS
    out, is_fresh = cast("Path | None", given["out"]), bool(given["fresh"])
    if out:
        former(out, fresh=is_fresh)  # known at once, not after all has been counted
    analysis = analyze(data, tokenizers=tokenizers, span=str(given["span"]), cuts=cuts, emit=output.event)
    paths = analysis.write(out, fresh=is_fresh) if out else {}
    output.result({**analysis.stats, "paths": paths})
    if not output.as_json:
        _show(output, analysis.stats)
        if out:
            output.talk(f"report: {out / 'report.html'}  figure: {out / 'lengths.png'}  numbers: {out / 'stats.json'}")
    return 0


def _show(output: Output, stats: Mapping[str, Any]) -> None:  # Any: the content of `stats.json`
    span, lengths, cuts = stats["span"], [], []
    for place, tokenizer in enumerate(stats["tokenizers"]):
        for one in stats["sets"]:
            found, named = one["lengths"][place], [one["name"], tokenizer["name"]]
            lengths.append([*named, *(_number(found["spans"][span][key]) for key in _COLUMNS)])
            cuts.append([*named, *map(_percent, found["cut_share"].values())])
    output.talk(f"tokens a row, span {span}, special tokens {stats['tokenizers'][0]['special_tokens']}")
    output.table(("set", "tokenizer", *(key.removesuffix("_tokens") for key in _COLUMNS)), lengths)
    output.talk("share of rows that training at this length cuts")
    heads = stats["sets"][0]["lengths"][0]["cut_share"]
    output.table(("set", "tokenizer", *(f"> {int(cut):,}" for cut in heads)), cuts)
    for one in stats["differences"]:
        if found := one["mean"]:
            low, high, difference = (_number(found[key]) for key in ("low", "high", "difference"))
            output.talk(f"{one['set']} minus {one['base']}, {one['tokenizer']}: mean {difference}, 95 % interval {low} to {high}")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"
