"""The report on one or several data sets, as an HTML page and as Markdown: the same words and tables in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from eagdata.analyze.lengths import NOT_COMPARABLE
from eagdata.analyze.page import image, page, percent, spelt, table
from eagdata.analyze.report import Stats

_COLUMNS = ("n", "mean", "median", "q05", "q25", "q75", "q95", "max", "mode", "bandwidth_tokens")
_FIGURE = "Density on the left, violins on the right, of the tokens a row"


@dataclass(frozen=True, slots=True)
class _Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class _Words:
    text: str


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str


@dataclass(frozen=True, slots=True)
class _Table:
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str


_Block = _Heading | _Words | _Figure | _Table


def comparison_page(stats: Stats, figures: Mapping[str, bytes]) -> str:
    """One HTML page with all of it; `figures`: file name -> SVG, of those that `stats` names. The same input gives the same bytes."""
    return page(_title(stats), "\n".join(_html(block, figures) for block in _blocks(stats)))


def comparison_markdown(stats: Stats) -> str:
    """The same as Markdown; figures are linked by their names."""
    return "\n\n".join(map(_markdown, _blocks(stats))) + "\n"


def _title(stats: Stats) -> str:
    return "Token lengths of " + ", ".join(one["name"] for one in stats["sets"])


def _blocks(stats: Stats) -> Iterator[_Block]:
    yield _Heading(_title(stats), 1)
    data = [
        [one["name"], one["rows"], spelt(source["path"]), source["format"], source.get("revision") or str(source.get("sha256"))[:12]]
        for one in stats["sets"]
        for source in one["data"]
    ]
    yield _Table(("set", "rows", "data", "format", "revision or SHA-256"), data, "What was read.")
    for place, tokenizer in enumerate(stats["tokenizers"]):
        yield from _tokenizer(stats, place, tokenizer)
    yield from _references(stats)
    for one in stats["sets"]:
        yield from _outcomes(one)
    yield _Heading("How it was measured")
    yield _Table(("what", "how"), list(stats["methods"].items()), "")


def _tokenizer(stats: Stats, place: int, tokenizer: Stats) -> Iterator[_Block]:
    named = f"{tokenizer['name']}, revision {tokenizer['revision']}, special tokens {tokenizer['special_tokens']}"
    span, found = stats["span"], [(one["name"], one["lengths"][place]) for one in stats["sets"]]
    yield _Heading(f"Tokenizer {named}")
    yield _Figure(tokenizer["figure"])
    told = f"Tokens a row, span {span}; {named}."
    yield _Table(("set", *_COLUMNS), [[name, *_values(lengths["spans"][span])] for name, lengths in found], told)
    cuts = [[name, *map(percent, lengths["cut_share"].values())] for name, lengths in found]
    yield _Table(
        ("set", *(f"> {int(cut):,}" for cut in found[0][1]["cut_share"])), cuts, "Share of rows that training at this length cuts."
    )
    if rows := [row for one in stats["differences"] if one["tokenizer"] == tokenizer["name"] for row in _differences(one)]:
        caption = f"Differences of span {span}, with {stats['methods']['intervals']}"
        yield _Table(("set", "against", "statistic", "difference", "low", "high"), rows, caption)
    for what in ("spans", "roles"):
        if rows := [[name, key, *_values(values)] for name, lengths in found for key, values in lengths[what].items()]:
            yield _Table(("set", what.removesuffix("s"), *_COLUMNS), rows, f"Tokens a row by {what.removesuffix('s')}; {named}.")
    for grouping in dict.fromkeys(grouping for _, lengths in found for grouping in lengths["groups"]):
        rows = [
            [name, label, group["rows"], *_values(group["spans"][span])]
            for name, lengths in found
            for label, group in lengths["groups"].get(grouping, {}).items()
        ]
        yield _Table(("set", grouping, "rows", *_COLUMNS), rows, f"Tokens a row by {grouping}, span {span}; {named}.")


def _values(described: Stats) -> list[object]:
    return [described[column] for column in _COLUMNS]


def _differences(one: Stats) -> Iterator[list[object]]:
    for statistic in ("mean", "median"):
        if found := one[statistic]:
            yield [one["set"], one["base"], statistic, *(found[key] for key in ("difference", "low", "high"))]


def _references(stats: Stats) -> Iterator[_Block]:
    yield _Heading("Published elsewhere")
    yield _Words(NOT_COMPARABLE)
    rows = [list(reference.values()) for reference in stats["references"]]
    yield _Table(tuple(stats["references"][0]), rows, "Published values, for reference only.")


def _outcomes(one: Stats) -> Iterator[_Block]:
    found = one["outcomes"]
    if found:
        yield _Heading(f"Outcomes of {one['name']}")
        yield _Table(("what", "value"), list(_facts(found)), "Over all tasks, kept or not.")
    if found and found["pass_at_k"]:
        rows = [[line["k"], percent(line["pass_at_k"]), line["tasks"]] for line in found["pass_at_k"]]
        yield _Table(("k", "pass@k", "tasks with k attempts"), rows, f"pass@k: {found['pass_at_k_method']}.")
    if found and found.get("errors"):
        rows = [[kind, *counts.values()] for kind, counts in found["errors"].items()]
        yield _Table(("error", "failed actions", "tasks", "of them recovered"), rows, f"Recovered: {found['recovery_method']}.")
    if found and found.get("turns"):
        rows = [
            [kind, counts["turns"], percent(counts["turns"] / found["turns"]), counts["meaning"]]
            for kind, counts in found["mistakes"].items()
        ]
        yield _Table(("mistake", "turns", "of all turns", "meaning"), rows, "Each turn counts under the first kind that it is of.")
    if one["funnel"]:
        rows = [[stage[key] for key in ("stage", "input", "kept", "dropped", "reasons")] for stage in one["funnel"]]
        yield _Table(("stage", "input", "kept", "dropped", "reasons"), rows, f"Funnel of {one['name']}.")


def _facts(found: Stats) -> Iterator[tuple[str, object]]:
    yield "tasks", found["tasks"]
    yield "attempts whose answer was scored", found["attempts"]
    yield "tasks with a success", percent(found["solved"])
    if "cost" in found:
        yield "branches up to the first success", found["branches_to_success"]
        yield "tasks in which an action failed", found["tasks_with_errors"]
        yield "recovery rate", percent(found["recovery_rate"])
        yield "failures by boundary", found["failures"]
        yield from ((key.replace("_", " "), value) for key, value in found["cost"].items())


def _html(block: _Block, figures: Mapping[str, bytes]) -> str:
    match block:
        case _Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case _Words():
            return f"<p>{escape(block.text)}</p>"
        case _Figure():
            return image(figures[block.name], _FIGURE)
        case _Table():
            return table(block.head, block.rows, caption=block.caption)


def _markdown(block: _Block) -> str:
    match block:
        case _Heading():
            return f"{'#' * block.level} {_plain(block.text)}"
        case _Words():
            return _plain(block.text)
        case _Figure():
            return f"![{_FIGURE}]({block.name})"
        case _Table():
            rows = [[title.replace("_", " ") for title in block.head], ["---"] * len(block.head), *block.rows]
            lines = ["| " + " | ".join(_plain(spelt(cell)) for cell in row) + " |" for row in rows]
            return "\n".join([*([_plain(block.caption), ""] if block.caption else []), *lines])


def _plain(text: str) -> str:
    """Nothing in it is read as a table's border, as HTML or as a new line."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").split())
