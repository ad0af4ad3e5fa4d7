"""`eagdata verify`."""

from __future__ import annotations

from pathlib import Path

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded, interruptible

SHOWN = 20


@click.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--n", type=click.IntRange(min=1), help="Only the first N rows.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Executions of each row; all must come out alike.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(data: tuple[Path, ...], n: int | None, runs: int, as_json: bool, quiet: bool) -> None:
    """Re-execute rows from the Parquet alone: every action in a fresh sandbox, every observation compared, the answer judged again.

    DATA: Parquet files, folders of them, or a run folder. Exit 1 names each row that differs.
    """
    output = Output(as_json=as_json, quiet=quiet)
    guarded(output, lambda: _verify(output, data, n, runs))


def _verify(output: Output, data: tuple[Path, ...], n: int | None, runs: int) -> int:
    from eagdata.pipeline import verify

    report = interruptible(output, lambda stopping: verify(data, n=n, runs=runs, emit=output.event, stopping=stopping))
    output.result(report.to_json())
    if not output.as_json:
        for row, difference in list(report.differing.items())[:SHOWN]:
            output.data(f"✗ row {row}: {difference}")
        for row, why in list(report.faults.items())[:SHOWN]:
            output.data(f"? row {row} could not be executed here: {why}")
        more = max(0, len(report.differing) - SHOWN)
        if more:
            output.data(f"… and {more} more")
        output.talk(f"{report.verified} of {report.rows} rows verified by re-execution ({report.actions} actions)")
    return report.exit_code
