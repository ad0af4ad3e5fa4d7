"""Data sets in, their lengths and outcomes out: read, counted, compared, written.

OUT/stats.json     every number
OUT/report.md, OUT/report.html
OUT/lengths.svg, OUT/lengths.png     the figure for the first tokenizer; of the others, with its place in the name
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from eagdata import __version__
from eagdata.analyze.comparison import comparison_markdown, comparison_page
from eagdata.analyze.differences import METHOD, differences
from eagdata.analyze.lengths import CUTS, NOT_COMPARABLE, REFERENCES, SPANS, SPECIAL_TOKENS, describe, length_statistics
from eagdata.analyze.plots import COLOURS, Drawing, Series, draw_lengths
from eagdata.contracts import Tokenizer
from eagdata.errors import RecipeError, StoreError
from eagdata.events import Emit, Notice, StageStarted, ignore
from eagdata.pipeline.building import build
from eagdata.pipeline.measuring import MEANINGS, Measured, measure
from eagdata.publish.files import write_file
from eagdata.records import Json
from eagdata.registry import plugin_class
from eagdata.tokenizers.hugging_face import HuggingFaceTokenizer

TOKENIZERS = ("o200k_base", "qwen25")
"""The second is the one that s1 states its lengths in."""
_HUGGING_FACE = "hf:"
_WRITTEN = ("stats.json", "report.md", "report.html", "lengths*.svg", "lengths*.png")


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What data sets came to."""

    stats: Mapping[str, Json]
    """The content of `stats.json`: no time and no place of this machine but the names of the data is in it."""
    figures: Mapping[str, Drawing] = field(repr=False)
    """By their names without suffix."""

    def write(self, out: Path, *, fresh: bool = False) -> dict[str, Json]:
        """Write all files; gives their paths. `fresh`: replace an analysis that is there.

        Raises: StoreError if there is one and `fresh` is not set; PrerequisiteError if the disk refuses.
        """
        for path in former(out, fresh=fresh):
            path.unlink()
        svgs = {f"{name}.svg": drawing.svg for name, drawing in self.figures.items()}
        files: dict[str, bytes | str] = {**svgs, **{f"{name}.png": drawing.png for name, drawing in self.figures.items()}}
        files["report.md"] = comparison_markdown(self.stats)
        files["report.html"] = comparison_page(self.stats, svgs)
        files["stats.json"] = json.dumps(self.stats, indent=2, ensure_ascii=False) + "\n"
        for name, content in files.items():
            write_file(out / name, content)
        return {name: str(out / name) for name in sorted(files)}


def former(out: Path, *, fresh: bool) -> list[Path]:
    """Files of an analysis that is in `out`. Raises: StoreError if there are some and `fresh` does not give them up."""
    found = sorted(path for pattern in _WRITTEN for path in out.glob(pattern))
    if found and not fresh:
        mend = "choose another folder with --out, or replace it: --fresh"
        raise StoreError(f"{str(out)!r} holds an analysis", why=f"{found[0].name} is there", mend=mend)
    return found


def analyze(
    data: Sequence[str], *, tokenizers: Sequence[str] = TOKENIZERS, span: str = "total", cuts: Sequence[int] = CUTS, emit: Emit = ignore
) -> Analysis:
    """Measure each of `data`, compare the sets with the first one, and draw `span` of all of them.

    `data`: as `importers.sources.open_sources` takes it, also as NAME=DATA; what has one name is one set. `tokenizers`: names of plugins,
    or `hf:` and the path or Hub id of a Hugging Face tokenizer. Raises: RecipeError, PrerequisiteError, BoundaryError.
    """
    named = _named(data)
    if len(named) > len(COLOURS):
        mend = f"give at most {len(COLOURS)}, or join some: NAME=ONE NAME=OTHER"
        raise RecipeError(f"{len(named)} data sets are too many for one figure", why="no more lines can be told apart", mend=mend)
    used = [_tokenizer(name) for name in dict.fromkeys(tokenizers)]
    revisions = {tokenizer.name: tokenizer.revision for tokenizer in used}  # read now, so that what is missing is known at once
    for tokenizer in used:
        tokenizer.count("")
        if notice := getattr(tokenizer, "notice", None):
            emit(Notice(notice))
    sets: list[Measured] = []
    for name, those in named.items():
        emit(StageStarted(name))
        sets.append(measure(name, those, used))
    figures = {_figure(place): _drawn(sets, one, revisions[one.name], span) for place, one in enumerate(used)}
    stats: dict[str, Json] = {
        "schema_version": 1,
        "eagdata_version": __version__,
        "span": span,
        "tokenizers": [
            {"name": name, "revision": revision, "special_tokens": SPECIAL_TOKENS, "figure": f"{_figure(place)}.svg"}
            for place, (name, revision) in enumerate(revisions.items())
        ],
        "sets": [_described(one, revisions, cuts) for one in sets],
        "differences": [_difference(one, sets[0], name, span) for name in revisions for one in sets[1:]],
        "references": [asdict(reference) for reference in REFERENCES],
    }
    return Analysis(stats=stats | {"methods": _methods(sets[0], revisions)}, figures=figures)


def _named(data: Sequence[str]) -> dict[str, list[str]]:
    """Name -> data of each set. Without a name: the last part of the path, or all of it where two are called alike."""
    shorts = [_short(one) for one in data]
    found: dict[str, list[str]] = {}
    for one, short in zip(data, shorts, strict=True):
        name, is_named, path = one.partition("=")
        if is_named and name and not Path(one).exists():
            found.setdefault(name, []).append(path)
        else:
            found.setdefault(short if shorts.count(short) == 1 else one, []).append(one)
    return found


def _short(data: str) -> str:
    path = Path(data).resolve()
    return Path(path.name.removesuffix(".gz")).stem if path.is_file() else path.name if path.is_dir() else data


def _tokenizer(name: str) -> Tokenizer:
    if name.startswith(_HUGGING_FACE):
        return HuggingFaceTokenizer(HuggingFaceTokenizer.Config(path=name.removeprefix(_HUGGING_FACE)))
    config: type[object] = plugin_class("tokenizers", name).Config  # type: ignore[attr-defined]
    return cast("Tokenizer", build("tokenizers", name, config()))


def _figure(place: int) -> str:
    return f"lengths-{place + 1}" if place else "lengths"


def _drawn(sets: Sequence[Measured], tokenizer: Tokenizer, revision: str, span: str) -> Drawing:
    """All sets; of a single one also its subsets, as far as lines can be told apart."""
    series = [Series(one.name, one.tokens(tokenizer.name)[span]) for one in sets]
    if len(sets) == 1:
        series += [Series(name, tokens) for name, tokens in sets[0].subsets(tokenizer.name, span).items()][: len(COLOURS) - 1]
    return draw_lengths(series, tokenizer=tokenizer.name, revision=revision, span=span)


def _described(one: Measured, revisions: Mapping[str, str], cuts: Sequence[int]) -> dict[str, Json]:
    lengths: list[Json] = []
    for name, revision in revisions.items():
        tokens = one.tokens(name)
        spans = {span: tokens[span] for span in SPANS}
        found = length_statistics(spans, one.groups(), tokenizer=name, revision=revision, cuts=cuts)
        roles: dict[str, Json] = {role: describe(values) for role, values in one.roles(name).items()}
        lengths.append({key: value for key, value in found.items() if key != "references"} | {"roles": roles})
    return {
        "name": one.name,
        "rows": one.rows,
        "data": list[Json](one.described),
        "lengths": lengths,
        "outcomes": one.outcomes,
        "funnel": one.funnel,
    }


def _difference(one: Measured, base: Measured, tokenizer: str, span: str) -> dict[str, Json]:
    found = differences(one.tokens(tokenizer)[span], base.tokens(tokenizer)[span])
    return {"tokenizer": tokenizer, "span": span, "set": one.name, "base": base.name, **found}


def _methods(one: Measured, revisions: Mapping[str, str]) -> dict[str, Json]:
    first = next(iter(revisions))
    lengths = length_statistics({span: [] for span in SPANS}, {}, tokenizer=first, revision=revisions[first])
    return {
        **MEANINGS,
        "special tokens": f"{SPECIAL_TOKENS}; no chat template is applied, and a special token that stands in a text is text",
        "quantiles": lengths["quantile_method"],
        "mode": lengths["mode_method"],
        "intervals": f"95 % intervals by the {METHOD}",
        "published values": NOT_COMPARABLE,
    }
