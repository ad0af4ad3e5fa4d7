"""The funnel: what entered each stage, what left it and why, as a picture. The same funnel gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eagdata.analyze.plots import COLOURS, Drawing, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Funnel = Sequence[Mapping[str, Any]]  # Any: JSON values, read key by key
_MOST_REASONS = 3


def draw_funnel(funnel: Funnel, *, items: str) -> Drawing:
    """Bars from the input down: what stays is filled, what a stage drops is hatched, with its commonest reasons beside it.

    `funnel`: objects with `stage`, `input`, `kept`, `dropped`, `reasons`, as the ledger gives them; `items`: what is counted.
    """
    return drawn(lambda figure: _fill(figure, funnel, items), size=(9.6, 1.1 + 0.52 * (len(funnel) + 1)))


def _fill(figure: Figure, funnel: Funnel, items: str) -> None:
    axes = figure.subplots()
    entered = funnel[0]["input"] if funnel else 0
    most = max(entered, 1)
    _bar(axes, 0, kept=entered, dropped=0, most=most, said=f"{entered:,} {items}")
    for place, stage in enumerate(funnel, start=1):
        _bar(axes, place, kept=stage["kept"], dropped=stage["dropped"], most=most, said=_told(stage))
    axes.set_yticks(range(len(funnel) + 1), ["input", *(str(stage["stage"]) for stage in funnel)])
    axes.set(xlim=(0, 1.75 * most), ylim=(len(funnel) + 0.6, -0.6), xticks=[])
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)


def _bar(axes: Axes, place: int, *, kept: int, dropped: int, most: int, said: str) -> None:
    axes.barh(place, kept, height=0.7, color=COLOURS[0])
    if dropped:
        axes.barh(place, dropped, left=kept, height=0.7, color="white", edgecolor=COLOURS[1], hatch="////", linewidth=0.8)
    axes.text(kept + dropped + 0.015 * most, place, said, va="center", fontsize=8.5)


def _told(stage: Mapping[str, Any]) -> str:
    reasons = sorted(stage["reasons"].items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in reasons[:_MOST_REASONS])
    more = ", …" if len(reasons) > _MOST_REASONS else ""
    return f"{stage['kept']:,}" + (f"   \u2212{stage['dropped']:,}: {told}{more}" if stage["dropped"] else "")
