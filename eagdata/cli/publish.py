"""`eagdata publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.publish.scan import NAMES

if TYPE_CHECKING:
    from eagdata.pipeline.publish import Publication


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("repo_id")
@click.option("--dry-run", is_flag=True, help="Files, sizes and the card; no network.")
@click.option("--public", is_flag=True, help="A new repository is public; without it, it is private, and a public one is refused.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(NAMES),
    metavar="PATTERN",
    help=f"Publish although this was found; repeatable. One of: {', '.join(NAMES)}.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(data: Path, repo_id: str, **given: object) -> None:
    """Send a finished run, or what was curated, to a dataset repository of the Hub: in one commit, or in none if it is there already.

    DATA: the folder. REPO_ID: OWNER/NAME, at the endpoint of HF_ENDPOINT. The token: HF_TOKEN, or that of `hf auth login`. All text is
    searched for secrets and personal data first; what is found stops it. An upload that was killed goes on with the same command.

    \b
    eagdata publish runs/quickstart OWNER/NAME --dry-run
    eagdata publish runs/quickstart OWNER/NAME
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _publish(output, data, repo_id, given))


def _publish(output: Output, data: Path, repo_id: str, given: dict[str, object]) -> int:
    from eagdata.pipeline.publish import prepare, publish

    prepared = prepare(data, repo_id, allow=cast("tuple[str, ...]", given["allow"]))
    if given["dry_run"]:
        _show(output, prepared)
        return 0
    pushed = publish(prepared, public=bool(given["public"]), emit=output.event)
    is_new = bool(pushed.changed or pushed.deleted)
    output.result(
        prepared.to_json()
        | {"dry_run": False, "commit": pushed.commit, "new_commit": is_new, "private": pushed.private, "created": pushed.created}
        | {"changed": list(pushed.changed), "deleted": list(pushed.deleted)}
    )
    if not output.as_json:
        if given["public"] and pushed.private:
            output.talk(f"the repository was private before and stays so; its settings: {pushed.url}/settings")
        done = f"{len(pushed.changed)} files written, {len(pushed.deleted)} deleted" if is_new else "nothing has changed, no new commit"
        output.talk(f"{done}; {'private' if pushed.private else 'public'}, commit {pushed.commit[:12]}")
        output.data(pushed.url)
    return 0


def _show(output: Output, prepared: Publication) -> None:
    output.result(prepared.to_json() | {"dry_run": True, "card": prepared.card})
    if not output.as_json:
        output.table(("file", "bytes"), [(file.path, f"{file.bytes:,}") for file in prepared.files])
        output.data("")
        output.data(prepared.card)
        allowed = ", ".join(f"{count} x {name}" for name, count in prepared.scan.counts.items())
        output.talk(
            f"{sum(file.bytes for file in prepared.files):,} bytes would go to {prepared.url}"
            + (f"; allowed: {allowed}" if allowed else "")
        )
