"""The figure is the same to the byte, says what it measures, and survives any input."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from eagdata.analyze.plots import COLOURS, Series, draw_lengths

DICE = random.Random(1)
SERIES = [Series(name, [round(DICE.lognormvariate(mu, 0.4)) for _ in range(200)]) for name, mu in (("direct", 6.5), ("refinement", 7.3))]
AXES = {"tokenizer": "o200k_base", "revision": "446a9538cb6c", "span": "total"}


def test_same_lengths_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfigure.facecolor: red\nsvg.hashsalt: other\n")
    code = (
        "import sys; from pathlib import Path; from tests.analyze.test_figure import AXES, SERIES, draw_lengths\n"
        "found = draw_lengths(SERIES, **AXES); Path('a.svg').write_bytes(found.svg); Path('a.png').write_bytes(found.png)\n"
    )
    root = Path(__file__).parents[2]
    env = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=120)
    here = draw_lengths(SERIES, **AXES)
    assert (tmp_path / "a.svg").read_bytes() == here.svg
    assert (tmp_path / "a.png").read_bytes() == here.png


def test_figure_bears_no_date_and_no_program() -> None:
    drawn = draw_lengths(SERIES, **AXES)
    assert not re.search(rb"dc:date|dc:creator|Created with", drawn.svg)
    assert Image.open(io.BytesIO(drawn.png)).info.keys() == {"dpi"}


def test_axis_states_tokenizer_revision_span_and_special_tokens() -> None:
    svg = draw_lengths(SERIES, **AXES).svg.decode()
    for stated in ("o200k_base", "446a9538cb6c", "span: total", "special tokens left out", "n = 200"):
        assert stated in svg


def test_series_differ_by_line_and_not_by_colour_alone() -> None:
    svg = draw_lengths(SERIES, **AXES).svg.decode()
    dashed = re.findall(r"stroke-dasharray: ([^;]+);[^\"]*stroke: " + COLOURS[1].lower(), svg)
    assert dashed
    assert not re.search(r"stroke-dasharray: [^;]+;[^\"]*stroke: " + COLOURS[0].lower(), svg)


@pytest.mark.parametrize("tokens", [[], [5], [5, 5, 5], [0, 1], [0, 10**6]], ids=str)
def test_few_or_odd_rows_are_drawn(tokens: list[int]) -> None:
    drawn = draw_lengths([Series("$x_{1}$ <&>", tokens), Series("other", tokens)], **AXES)
    assert Image.open(io.BytesIO(drawn.png)).size == (1440, 630)


def test_rows_without_the_span_are_left_out() -> None:
    odd = [Series("odd", [*SERIES[0].tokens, float("nan")]), Series("absent", [float("nan")]), SERIES[1]]  # type: ignore[misc]
    drawn = draw_lengths(odd, **AXES).svg.decode()
    assert drawn.count("n = 200") >= 2
    assert "absent" not in drawn


def test_a_few_very_long_rows_do_not_flatten_the_others_and_are_mentioned() -> None:
    long = [Series("long", [*SERIES[0].tokens, 10**6, 10**6])]  # type: ignore[misc]
    drawn = draw_lengths(long, **AXES).svg.decode()
    assert "2 longer rows are beyond the edge" in drawn
    assert "1,000,000" not in drawn
    assert "beyond the edge" not in draw_lengths(SERIES, **AXES).svg.decode()


def test_six_sets_with_long_names_are_told_apart() -> None:
    six = [Series(f"a data set with a long name {i}", SERIES[i % 2].tokens) for i in range(6)]
    drawn = draw_lengths(six, **AXES)
    assert all(colour.lower() in drawn.svg.decode() for colour in COLOURS)
    assert drawn == draw_lengths(six, **AXES)


def test_no_series_says_so() -> None:
    assert b"no rows" in draw_lengths([], **AXES).svg


def test_more_series_than_styles_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 6"):
        draw_lengths([Series(str(i), [1]) for i in range(7)], **AXES)


def test_drawing_leaves_no_state_behind() -> None:
    code = (
        "import sys, matplotlib as mpl\n"
        "def state(): return {key: mpl.rcParams[key] for key in mpl.rcParams if key != 'backend'}  # reading that one imports pyplot\n"
        "before = state()\n"
        "from tests.analyze.test_figure import AXES, SERIES, draw_lengths; draw_lengths(SERIES, **AXES)\n"
        "assert 'matplotlib.pyplot' not in sys.modules; assert state() == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
