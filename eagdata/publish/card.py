"""The dataset card: what is in the folder, how it came to be, what it proves and what it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import yaml

from eagdata.publish.terms import terms_of

Stats = Mapping[str, Any]  # Any: JSON values, read key by key

# Identifiers that the Hub knows: https://huggingface.co/docs/hub/repositories-licenses
_CREATIVE_COMMONS = ("cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0")
_HUB_LICENSES = {*_CREATIVE_COMMONS, "apache-2.0", "mit", "odc-by", "odbl", "pddl", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "unknown"}
# https://huggingface.co/docs/datasets/dataset_card, field size_categories
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_TAGS = ["code-execution", "eagdata", "reasoning", "search", "synthetic", "tool-use", "verified"]
_UNVERIFIED_TAGS = ["curated", "eagdata", "reasoning"]
_SUBSETS = {
    "direct": "no action on the shown path failed",
    "refinement": "shows at least one failed action, its feedback, and the recovery",
    "raw": "no action at all: the answer alone was verified",
}

_COSTS = {
    "calls": "teacher calls",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "cost_usd": "cost in USD",
    "cost_per_kept_row_usd": "cost of a kept row in USD",
}

_VERIFIED = """## What "verified" means

A row is here because its actions were run again from the start, in fresh sandboxes, at least twice (`replay_runs`) before it was
written; every observation came out the same (memory addresses, temporary paths and elapsed times aside), and the verifier passed
the result each time. It does **not** mean that each sentence of a thought is true, that the reference answer is right, or that the
path is the shortest. In the subset `raw` nothing was run: there the answer alone was verified. Turns that failed are in the text on
purpose where the subset says so; `loss` marks what may be trained on, and observations never are.

To check it yourself, with nothing but these files:

```
pip install eagdata
eagdata verify data/trajectories
```

It runs every action of every row anew and compares each observation. The isolation in which a row was proved stands in `isolation`.
"""
_PROCEDURAL = """## What this data is for

The teacher of this set is a program, not a model. Its text is of use to train search traces in the manner of
Stream of Search (arXiv 2404.03683), to rehearse a pipeline at no cost, and to test tools. It is **not** a sample of any
model's reasoning: it supports no claim about models, and its wording is far less varied than a model's.
"""


Files = Mapping[str, Mapping[str, str]]


def dataset_card(stats: Stats, *, configs: Mapping[str, int], files: Files | None = None, infos: Sequence[Mapping[str, Any]] = ()) -> str:
    """`README.md` of the folder: YAML front matter and text, the same for the same input; it holds no time.

    `stats` is the content of `stats.json`; read are `name`, `description`, `plan_digest`, `eagdata_version`, `made` (plugin names and
    settings), `counts`, `rows`, `environment`, `licenses` and `sources` (each -> rows), `lengths`, and `exports` (further set -> its
    exporter and settings) where there are some. `configs`: folder under
    `data/` -> rows, the default first; one without rows is left out, since `datasets` cannot load it. `files`: config -> split ->
    pattern, where it is not `data/CONFIG/train-*.parquet` alone. A curation has `curation`, `funnel` and `inputs` instead of `counts`.
    What only the published card says: `teachers` (name -> rows), `versions` (package -> version), and `infos`, its `dataset_info`.
    """
    parts = [
        f"# {_line(stats['name'])}",
        _line(stats.get("description", "")),
        _made(stats),
        _counts(stats["counts"]) if "counts" in stats else _curation(stats),
        _rows(stats, configs),
        _further(stats.get("exports") or {}),
        _lengths(stats.get("lengths") or []),
        _VERIFIED.strip() if stats.get("made", {}).get("verified_rows", True) else "",
    ]
    if stats.get("made", {}).get("teacher") == "procedural" or set(stats.get("teachers", ())) == {"procedural"}:
        parts.append(_PROCEDURAL.strip())
    if "teachers" in stats:
        parts.append(_teachers(stats["teachers"]))
    if "licenses" in stats:
        parts.append(_licenses(stats))
    return _front_matter(stats, configs, files or {}, infos) + "\n\n".join(filter(None, parts)) + "\n"


def _front_matter(stats: Stats, configs: Mapping[str, int], files: Files, infos: Sequence[Mapping[str, Any]]) -> str:
    rows = next(iter(configs.values()), 0)
    loadable = [name for name, count in configs.items() if count]
    meta: dict[str, Any] = {  # Any: YAML
        "pretty_name": " ".join(str(stats["name"]).split()),  # a line break could end the front matter
        "language": ["en"],
        **_license(sorted(stats.get("licenses", {}))),
        "task_categories": ["text-generation"],
        "tags": _TAGS if stats.get("made", {}).get("verified_rows", True) else _UNVERIFIED_TAGS,
        "size_categories": [next((label for bound, label in _SIZES if rows < bound), "n>10M")],
        "configs": [_config(name, files.get(name), default=name == loadable[0]) for name in loadable],
        **({"dataset_info": list(infos)} if infos else {}),
    }
    return f"---\n{yaml.safe_dump(meta, sort_keys=False, allow_unicode=True)}---\n\n"


def _config(name: str, splits: Mapping[str, str] | None, *, default: bool) -> dict[str, object]:
    named = splits or {"train": f"data/{name}/train-*.parquet"}
    return {
        "config_name": name,
        "data_files": [{"split": split, "path": path} for split, path in named.items()],
        **({"default": True} if default else {}),
    }


def _license(names: Sequence[str]) -> dict[str, str]:
    """The Hub takes one identifier; several licences, or one that it does not know, are `other` with their names."""
    if len(names) == 1 and names[0].lower() in _HUB_LICENSES:
        return {"license": names[0].lower()}
    return {"license": "other", "license_name": " ".join(" and ".join(names).split())} if names else {"license": "unknown"}


def _made(stats: Stats) -> str:
    facts = dict(stats.get("made", {}))
    if "environment" in stats:
        facts["isolation"] = stats["environment"].get("isolation")
    facts |= {_COSTS[key]: value for key, value in stats.get("teacher", {}).items() if key in _COSTS}
    facts |= {f"{name} (version)": version for name, version in stats.get("versions", {}).items()}
    rows = [
        ["plan", f"`{_line(stats.get('plan_digest'))}`"],
        ["eagdata", _line(stats.get("eagdata_version"))],
        *([key.replace("_", " "), _line(value) if key == "seed" else _cell(value)] for key, value in facts.items()),
    ]
    return "## How it was made\n\n" + _table(("", ""), rows)


def _counts(counts: Stats) -> str:
    parts = ("planned", "kept", "rejected", "failed", "unspent")
    text = "## Tasks\n\nEvery planned task is accounted for: planned = kept + rejected + failed + unspent.\n\n"
    text += _table(parts, [[_cell(counts.get(part)) for part in parts]])
    reasons = {**counts.get("rejected_by_reason", {}), **{f"failed: {k}": v for k, v in counts.get("failed_by_boundary", {}).items()}}
    if reasons:
        ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        text += "\n\n" + _table(("dropped for", "tasks"), [[_line(reason), _cell(count)] for reason, count in ordered])
    return text


def _curation(stats: Stats) -> str:
    counts = stats["curation"]
    text = "## Curation\n\nEvery row of the input is accounted for: input = kept + dropped, at each stage.\n\n"
    text += _table(("input", "kept", "dropped"), [[_cell(counts[key]) for key in ("input", "kept", "dropped")]])
    text += "\n\n![What entered each stage, and what left it](report/funnel.png)\n\n"
    lines = [[_line(stage["stage"]), *(_cell(stage[key]) for key in ("input", "kept", "dropped", "reasons"))] for stage in stats["funnel"]]
    text += _table(("stage", "input", "kept", "dropped", "reasons"), lines)
    found = [[_line(item["path"]), _line(item["format"]), _cell(item["rows"])] for item in stats["inputs"]]
    return text + "\n\n" + _table(("input", "format", "rows"), found)


def _rows(stats: Stats, configs: Mapping[str, int]) -> str:
    text = "## Rows\n\n" + _table(("config", "rows"), [[f"`{name}`", _cell(count)] for name, count in configs.items()])
    subsets = stats.get("rows", {}).get("subsets") or {}
    if subsets:
        lines = [[f"`{_line(name)}`", _cell(count), _SUBSETS.get(name, "")] for name, count in subsets.items()]
        text += "\n\n" + _table(("subset", "rows", "meaning"), lines)
    return text + ("\n\nWhat was dropped, with reason and evidence, is in the config `rejected`." if configs.get("rejected") else "")


def _further(exports: Stats) -> str:
    if not exports:
        return ""
    text = "## Further sets\n\nMade of the rows and trees above, as `eagdata export` makes them; `kind` is its format. Labels follow from "
    text += "what the verifier said of the branches. A refused branch was executed when it grew, and not again.\n\n"
    lines = [[f"`{name}`", _cell({key: value for key, value in made.items() if value is not None})] for name, made in exports.items()]
    return text + _table(("config", "settings"), lines)


def _lengths(lengths: Sequence[Stats]) -> str:
    if not lengths:
        return ""
    columns = ("n", "mean", "q05", "q25", "median", "q75", "q95", "max", "mode")
    text = "## Token lengths\n\n![Density and violins of the tokens a row](report/lengths.png)"
    for found in lengths:
        rows = [[span, *(_cell(values[c]) for c in columns)] for span, values in found["spans"].items()]
        name = f"{found['tokenizer']} (revision {found['revision']}), special tokens {found['special_tokens']}"
        text += f"\n\nTokens a row by {_line(name)}:\n\n" + _table(("span", *columns), rows)
        cuts = {cut: share for cut, share in found["cut_share"].items() if share is not None}
        if cuts:
            text += "\n\nRows longer than " + ", ".join(f"{int(cut):,}: {share:.1%}" for cut, share in cuts.items()) + "."
    return text


def _teachers(teachers: Stats) -> str:
    text = "## Teacher\n\nThe maker of a model may ask something of those who use its text, whatever the licence of the tasks.\n\n"
    lines = [[_line(name), _cell(rows), _line(terms_of(name))] for name, rows in teachers.items()]
    return text + _table(("teacher", "rows", "whose terms, and where they stand"), lines)


def _licenses(stats: Stats) -> str:
    lines = [[_line(source), _cell(count)] for source, count in stats.get("sources", {}).items()]
    text = "## Sources and licences\n\n" + _table(("source of the tasks", "rows"), lines)
    return text + "\n\n" + _table(("licence", "rows"), [[_line(name), _cell(count)] for name, count in stats.get("licenses", {}).items()])


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_line(key)}: {_cell(inner)}" for key, inner in value.items()) or "none"
    return ", ".join(map(_cell, value)) or "none" if isinstance(value, list | tuple) else _line(value)


def _line(value: object) -> str:
    """One line of Markdown that cannot break a table or bring mark-up of its own."""
    return " ".join(escape(str(value), quote=False).replace("|", "\\|").split())
