"""The end of a run: length report, dataset card and, last of all, the manifest."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from eagdata import __version__
from eagdata.analyze.funnel import draw_funnel
from eagdata.analyze.lengths import length_statistics
from eagdata.analyze.plots import Series, draw_lengths
from eagdata.analyze.report import report_page
from eagdata.contracts import Tokenizer
from eagdata.exporters.trajectories import SPANS
from eagdata.pipeline.assemble import GROUPINGS, Assembly, Tally
from eagdata.pipeline.summary import Summary
from eagdata.plan import Plan
from eagdata.publish.card import dataset_card
from eagdata.publish.files import WrittenFile, write_file
from eagdata.publish.manifest import MANIFEST, write_manifest
from eagdata.records import Json

MOST_SERIES = 6
PLOTTED = "total"


def finish(plan: Plan, folder: Path, assembly: Assembly, summary: Summary, *, data: Sequence[WrittenFile], created_at: str) -> None:
    """Write `report/`, `README.md` and `manifest.json`; `data`: all shards. Raises: PrerequisiteError if the disk refuses."""
    tally = assembly.tally
    lengths = [_lengths(tally, tokenizer) for tokenizer in assembly.tokenizers]
    stats = _stats(plan, summary, tally, lengths)
    first = assembly.tokenizers[0]
    drawing = draw_lengths(_series(plan, tally, first.name), tokenizer=first.name, revision=first.revision, span=PLOTTED)
    funnel = draw_funnel(tally.ledger.funnel(), items="tasks")
    configs = Counter({file.path.parent.name: 0 for file in data})
    for file in data:
        configs[file.path.parent.name] += file.rows or 0
    written = [
        write_file(folder / "report" / "stats.json", json.dumps(stats, indent=2, sort_keys=True, ensure_ascii=False) + "\n"),
        write_file(folder / "report" / "lengths.svg", drawing.svg),
        write_file(folder / "report" / "lengths.png", drawing.png),
        write_file(folder / "report" / "funnel.svg", funnel.svg),
        write_file(folder / "report" / "funnel.png", funnel.png),
        write_file(folder / "report" / "report.html", report_page(stats, svg=drawing.svg, funnel=funnel.svg)),
        write_file(folder / "README.md", dataset_card(stats, configs=configs)),
    ]
    body = {key: value for key, value in summary.to_json().items() if key not in ("run", "paths", "time_s", "spent")}
    body |= {"name": plan.name, "eagdata_version": __version__}
    write_manifest(folder, body, files=[*data, *written], time={"created_at": created_at, "time_s": summary.time_s})


def finished_summary(plan: Plan, folder: Path, *, finished: int) -> Summary | None:
    """The summary of a run that is done: its manifest is there, counts as many tasks as the journal, and its files are as it says."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        whole = manifest["counts"]["planned"] == finished and all(_is_as_listed(folder, file) for file in manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no manifest, or one that is not ours: the rows are written anew from the journal
    if not whole or manifest["plan_digest"] != plan.digest:
        return None
    known = {key: manifest[key] for key in ("plan_digest", "counts", "teacher", "environment", "rows", "estimate", "expect")}
    exports = manifest.get("exports", {})
    return Summary(run=folder, time_s=None, missed=tuple(manifest["missed"]), gave_up=False, exports=exports, **known)


def _is_as_listed(folder: Path, file: dict[str, object]) -> bool:
    path = folder / str(file["path"])
    if not path.is_file():
        return False
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == file["sha256"]


def _lengths(tally: Tally, tokenizer: Tokenizer) -> dict[str, Json]:
    spans = {span: tally.lengths.tokens(tokenizer.name, span) for span in SPANS}
    groups = {grouping: tally.lengths.labels(grouping) for grouping in GROUPINGS}
    return length_statistics(spans, groups, tokenizer=tokenizer.name, revision=tokenizer.revision)


def _series(plan: Plan, tally: Tally, tokenizer: str) -> list[Series]:
    """The whole set, and its subsets where there are several."""
    tokens, labels = tally.lengths.tokens(tokenizer, PLOTTED), tally.lengths.labels("subset")
    found, subsets = [Series(plan.name, tokens)], sorted(set(labels))
    if len(subsets) > 1:
        found += [Series(name, array("I", (t for t, label in zip(tokens, labels, strict=True) if label == name))) for name in subsets]
    return found[:MOST_SERIES]


def _stats(plan: Plan, summary: Summary, tally: Tally, lengths: list[dict[str, Json]]) -> dict[str, Json]:
    """All that report and card show; no time is in it."""
    made: dict[str, Json] = {section: plan.plugins[section] for section in sorted(plan.plugins)}
    made |= {"linearization": plan.rows.linearization, "replay_runs": plan.verification.replay_runs, "seed": plan.seed}
    return {
        "schema_version": 1,
        "name": plan.name,
        "description": "Verified trajectories: a teacher proposed, an environment executed, and every row was executed again.",
        "plan_digest": plan.digest,
        "eagdata_version": __version__,
        "made": made,
        "counts": summary.counts,
        "funnel": cast("list[Json]", tally.ledger.funnel()),
        "rows": summary.rows,
        "teacher": summary.teacher,
        "environment": summary.environment,
        "licenses": dict(sorted(tally.licenses.items())),
        "sources": dict(sorted(tally.sources.items())),
        "lengths": cast("list[Json]", lengths),
        **({"exports": plan.resolved["exports"]} if plan.exports else {}),
    }
