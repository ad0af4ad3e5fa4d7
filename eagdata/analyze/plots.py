"""The figure of token lengths: density left, violins right, as Figure 4 of the a1 paper (arXiv 2504.14597).

Both panels draw one density, with the bandwidth that the statistics state. The same lengths give the same bytes with the
same matplotlib: no date, no program name, ids from a fixed salt. Readable in grey: each series has its own line style.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eagdata.analyze.lengths import SPECIAL_TOKENS, Floats, bandwidth, density, known, mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design (2008): told apart with any colour vision. https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES = ("solid", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)))
_POINTS = 400
_TICK_CHARACTERS = 48
_SHOWN = 0.99
"""Share of the rows of each series that is always shown."""
_STYLE = {
    "svg.hashsalt": "eagdata",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line and one violin: a name, and the tokens of each row."""

    name: str
    tokens: ArrayLike
    """NaN for a row without such a span: it is left out."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The figure in two formats."""

    svg: bytes
    png: bytes


def draw_lengths(series: Sequence[Series], *, tokenizer: str, revision: str, span: str) -> Drawing:
    """Draw up to six series; `tokenizer`, `revision` and `span` go on the axes, as lengths mean nothing without them.

    Raises: ValueError for more than six series: no seventh style could be told apart.
    """
    if len(series) > len(COLOURS):
        raise ValueError(f"{len(series)} series in one figure; at most {len(COLOURS)} can be told apart")
    label = f"tokens a row (span: {span}; tokenizer: {tokenizer}, revision {revision}; special tokens {SPECIAL_TOKENS})"
    return drawn(lambda figure: _fill(figure, series, label=label), size=(9.6, 4.2))


def drawn(fill: Callable[[Figure], None], *, size: tuple[float, float]) -> Drawing:
    """What `fill` draws on an empty figure of `size` (inches), with our style and no other."""
    import matplotlib as mpl  # heavy: 0.3 s, loaded only where a figure is drawn
    from matplotlib.figure import Figure

    with mpl.rc_context(), io.BytesIO() as svg, io.BytesIO() as png:
        mpl.rcdefaults()  # a matplotlibrc of the user must not change our bytes
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its stub lists every key as a literal
        figure = Figure(figsize=size, layout="constrained")
        fill(figure)
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
        return Drawing(svg.getvalue(), png.getvalue())


def _fill(figure: Figure, series: Sequence[Series], *, label: str) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    drawn = [(i, s.name, tokens) for i, s in enumerate(series) if (tokens := known(s.tokens)).size]
    far, beyond = _reach([tokens for _, _, tokens in drawn])
    for i, name, tokens in drawn:
        _density(left, i, name, tokens, far)
        _violin(right, i, tokens, far)
    _axes(left, right, drawn)
    if beyond:
        left.set_title(f"Density ({beyond:,} longer rows are beyond the edge)")
    if drawn:
        left.set(xlim=(0, far), ylim=(0, None))
        right.set(ylim=(0, far))
    figure.supxlabel(label, fontsize=9)


def _axes(left: Axes, right: Axes, drawn: Sequence[tuple[int, str, Floats]]) -> None:
    left.set_title("Density")
    right.set_title("Spread (dot: median; bar: middle half)")
    if not drawn:
        for axes in (left, right):
            axes.text(0.5, 0.5, "no rows", ha="center", va="center", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
        return
    left.set(ylabel="share of rows per 1,000 tokens")
    left.xaxis.set_major_formatter("{x:,.0f}")
    left.legend(frameon=False, handlelength=3.2)
    right.set(ylabel="tokens a row", xlim=(drawn[0][0] - 0.6, drawn[-1][0] + 0.6))
    right.yaxis.set_major_formatter("{x:,.0f}")
    wide = max(6, _TICK_CHARACTERS // len(drawn))
    names = ["\n".join([*textwrap.wrap(name, wide, max_lines=3), f"n = {len(tokens):,}"]) for _, name, tokens in drawn]
    right.set_xticks([i for i, _, _ in drawn], names)


def _reach(drawn: Sequence[Floats]) -> tuple[float | None, int]:
    """Where the axes end, and how many rows lie beyond: a few of many times the usual length would leave nothing to see of the others."""
    if not drawn:
        return None, 0
    usual = 1.3 * max(float(np.quantile(tokens, _SHOWN)) for tokens in drawn)
    beyond = sum(int((tokens > usual).sum()) for tokens in drawn)
    return (usual, beyond) if max(float(tokens.max()) for tokens in drawn) > 2 * usual > 0 else (None, 0)


def _curve(tokens: Floats, far: float | None) -> tuple[Floats, Floats]:
    """Points from 3 bandwidths below the shortest to 3 above the longest row, never below 0 or beyond `far`, and the density there."""
    width = bandwidth(tokens) or 1.0
    points = np.linspace(max(0.0, tokens.min() - 3 * width), min(tokens.max() + 3 * width, far or np.inf), _POINTS)
    return points, density(tokens, points, width=width)


def _density(axes: Axes, i: int, name: str, tokens: Floats, far: float | None) -> None:
    points, heights = _curve(tokens, far)
    peak = mode(tokens) or 0.0
    axes.fill_between(points, 1000 * heights, color=COLOURS[i], alpha=0.15, linewidth=0)
    axes.plot(points, 1000 * heights, color=COLOURS[i], linestyle=LINES[i], linewidth=1.8, label=f"{name} (peak at {peak:,.0f})")


def _violin(axes: Axes, i: int, tokens: Floats, far: float | None) -> None:
    points, heights = _curve(tokens, far)
    half = 0.42 * heights / heights.max()
    axes.fill_betweenx(points, i - half, i + half, facecolor=COLOURS[i], alpha=0.3, linewidth=0)
    for side in (-half, half):
        axes.plot(i + side, points, color=COLOURS[i], linestyle=LINES[i], linewidth=1.2)
    q25, median, q75 = np.quantile(tokens, (0.25, 0.5, 0.75))
    axes.plot([i, i], [q25, q75], color="#222222", linewidth=5, solid_capstyle="butt")
    axes.plot([i], [median], marker="o", markersize=5, color="white", markeredgecolor="#222222", linestyle="none")
