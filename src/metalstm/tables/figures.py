"""The tables as pictures: F1 beside the study's, and learning curves; the same numbers give the same bytes."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, groupby
from pathlib import Path
from typing import Any

from metalstm.errors import UserError
from metalstm.files import atomic
from metalstm.tables.markdown import model_name
from metalstm.tables.rows import NO_CELL, VOTE, Row, base, derivation, is_vote

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7a0f3c", "#9000f0")
"""The first seven are Okabe and Ito's; people with any colour vision can tell all of them apart."""
_HALF = [(math.cos(math.pi * n / 12), math.sin(math.pi * n / 12) - 0.5) for n in range(13)]
_DOME = (*_HALF, _HALF[0])
_BOWL = tuple((x, -y) for x, y in _DOME)
_RIGHT, _LEFT = (tuple((y, x) for x, y in shape) for shape in (_DOME, _BOWL))
_BAR = ((-1.0, -0.4), (1.0, -0.4), (1.0, 0.4), (-1.0, 0.4), (-1.0, -0.4))
_POST = tuple((y, x) for x, y in _BAR)
MARKERS: dict[str, Any] = {
    **{"rnn": "v", "lstm": "o", "torchlstm": "D", "metarnn": "^", "metalstm": "s"},
    **{"metalnlstm": "P", "lnlstm": "X", "bnlstm": "*", "metamtl": ">"},
}
"""Of the cells of the registry, the same in every figure. Filled shapes, for a vote shows them hollow."""
_MORE_MARKERS: tuple[Any, ...] = ("d", (4, 1, 0), "<", _BAR, _POST, _DOME, _RIGHT, _BOWL, _LEFT, (6, 1, 0))
"""Of variants, in their order; then come those of cells that the figure has not, and then these once more."""
_LARGER: dict[Any, float] = {
    **{"*": 1.5, "d": 1.2, "P": 1.15, "X": 1.15, (4, 1, 0): 1.5, (6, 1, 0): 1.4},
    **dict.fromkeys((_BAR, _POST, _DOME, _RIGHT, _BOWL, _LEFT), 1.3),
}
"""Shapes that look smaller than they are: how much larger they are drawn."""
_SETTINGS_A_LINE = 3
_CELLS_A_LINE = 4
"""In the legend: with names as long as lstm-contextual more of them would not fit."""
_DASHES = ("-", "--", ":")
_SETTING_COLOURS = dict(zip(("stm", "mtm", "mtm-plus"), COLOURS, strict=False))
_OTHER_SETTING = "#555555"
_AXIS = 0.5
"""Inches that the axis of values takes, with its name."""
_TALL = 9.0
"""Inches of rows, from which on the axis stands above them too: a screen shows one end of the figure alone."""
_LANE = 0.17
"""Inches from one row to the next."""
_GAP = 0.6
"""Lanes between one corpus and the next."""
_NARROWEST = 6.0
"""Points of F1 that an axis shows at least."""
_STYLE: dict[Any, object] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#777777",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.hspace": 0.0,  # a share of the height, which in a tall figure is inches
    "svg.hashsalt": "metalstm",
}


def f1_by_corpus(rows: Sequence[Row], path: Path) -> None:
    """Draw F1 by corpus: ours as dots with the deviation over seeds, the study's as bars across their lanes.

    The colour tells STM from MTM, the shape one cell from another; a vote of seeds is hollow. What needs no model is
    left out, as it would stretch the axis, and so is what is derived from a setting in another way than by a vote,
    which would crowd it. The ending of `path`, .svg or .png, is the format.

    Raises:
        UserError: no row is of a model.
    """
    rows = [row for row in rows if row.cell != NO_CELL and derivation(row.setting) in ("", VOTE)]
    if not rows:
        raise UserError(f"{path}: there is nothing to draw; score a run first")
    markers = markers_of(list(dict.fromkeys(row.cell for row in rows)))
    inches = _LANE * (len(rows) + _GAP * len({row.corpus for row in rows}))
    is_tall = inches >= _TALL
    inches += _AXIS * (2 if is_tall else 1)
    settings = _setting_handles(rows)
    # Both legends stand above the axes: below, a tall figure would hide one from who looks at its first rows.
    legends = [(settings, _SETTINGS_A_LINE), *([(_cell_handles(markers), _CELLS_A_LINE)] if len(markers) > 1 else [])]
    heights = [0.1 + 0.2 * math.ceil(len(handles) / in_a_line) for handles, in_a_line in legends]
    with _figure(path, 6.4, sum(heights) + inches) as figure:
        *above, below = figure.subfigures(1 + len(legends), height_ratios=[*heights, inches])
        for part, (handles, in_a_line) in zip(above, legends, strict=True):
            part.legend(handles=handles, loc="center", ncols=in_a_line)
        axes = below.subplots()
        lane, ticks = 0.0, {}
        for number, (corpus, of_corpus) in enumerate(groupby(rows, key=lambda row: row.corpus)):
            first = lane
            for _, of_setting in groupby(of_corpus, key=lambda row: (row.setting, row.group)):
                lane = _draw_setting(axes, list(of_setting), lane, markers)
            if number % 2 == 0:
                edge = 0.5 + _GAP / 2
                axes.axhspan(first - edge, lane - 1.0 + edge, color="#f3f3f3", linewidth=0, zorder=0)
            ticks[corpus] = (first + lane - 1.0) / 2
            lane += _GAP
        axes.set_yticks(list(ticks.values()), labels=list(ticks))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(lane - 0.5 - _GAP / 2, -0.5 - _GAP / 2)
        _widen(axes)
        spread = "; whiskers: standard deviation over seeds" if any(row.f1_sd is not None for row in rows) else ""
        for axis in (axes, *([axes.secondary_xaxis("top")] if is_tall else [])):
            axis.set_xlabel(f"strict F1 on the test split, %{spread}")
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)


def learning_curves(
    histories: Mapping[str, Sequence[Path]], path: Path, *, score: str = "F1", examples: str = "sentences"
) -> None:
    """Draw devel score and loss by epoch, a line for each history.csv; a dot is the best epoch.

    Each name has a colour of its own, or where there are more names than colours, colour and dashes. `score` is F1 or
    accuracy, `examples` what the loss is a mean over.

    Raises:
        UserError: there is no history, or one is not what a training writes.
    """
    if not any(histories.values()):
        raise UserError(f"{path}: there is nothing to draw; train a run first")
    column = f"devel_{score.lower()}"
    with _figure(path, 7.2, 2.8 + 0.2 * math.ceil(len(histories) / 4)) as figure:
        scores, losses = figure.subplots(1, 2)
        for number, (name, files) in enumerate(histories.items()):
            rounds, colour = divmod(number, len(COLOURS))
            style = {"color": COLOURS[colour], "linewidth": 1.3, "alpha": 0.85, "linestyle": _DASHES[rounds % 3]}
            for label, file in zip([name, *[None] * len(files)], files, strict=False):
                history = _read(file, column)
                losses.plot(*_unzip(history["loss"]), label=label, **style)
                scores.plot(*_unzip(history[column]), **style)
                best = max(history[column], key=lambda point: point[1], default=None)
                if best is not None:
                    scores.plot(*best, "o", markersize=4, color=style["color"])
        for axes, heading in (
            (scores, f"{score} on the development split, %"),
            (losses, f"loss, mean over {examples}"),
        ):
            axes.set_title(heading, fontsize=9, loc="left")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
        figure.legend(loc="outside upper center", ncols=4)


def _draw_setting(axes: Any, rows: Sequence[Row], lane: float, markers: Mapping[str, Any]) -> float:
    """Draw the rows of one corpus and setting from `lane` down; return the lane below them."""
    colour = _colour(rows[0].setting)
    if rows[0].study_f1 is not None:
        axes.vlines(rows[0].study_f1, lane - 0.45, lane + len(rows) - 0.55, color=colour, alpha=0.4, linewidth=3.5)
    for row in rows:
        marker = markers[row.cell]
        style = {"color": colour, "markersize": 4.5 * _LARGER.get(marker, 1.0), "elinewidth": 1.2, "capsize": 2}
        hollow = {"markerfacecolor": "white"} if is_vote(row.setting) else {}
        axes.errorbar(row.f1_mean, lane, xerr=row.f1_sd, marker=marker, linestyle="none", **style, **hollow)
        lane += 1.0
    return lane


def _widen(axes: Any) -> None:
    """Show a few points of F1 at least, so that a small difference looks small."""
    low, high = axes.get_xlim()
    missing = max(0.0, _NARROWEST - (high - low))
    axes.set_xlim(low - missing / 2, high + missing / 2)


def _setting_handles(rows: Sequence[Row]) -> list[Any]:
    handles = [
        _handle(
            model_name(name),
            marker="o",
            color=_colour(name),
            markerfacecolor="white" if is_vote(name) else _colour(name),
        )
        for name in dict.fromkeys(row.setting for row in rows)
    ]
    if any(row.study_f1 is not None for row in rows):
        bar = {"marker": "|", "color": "#999999", "markeredgewidth": 3.5, "markersize": 9}
        handles.append(_handle("the study's, best epoch picked on test", **bar))
    return handles


def _colour(setting: str) -> str:
    return _SETTING_COLOURS.get(base(setting), _OTHER_SETTING)


def markers_of(cells: Sequence[str]) -> dict[str, Any]:
    """The shape of each cell or variant of a figure."""
    free = cycle([*_MORE_MARKERS, *(marker for cell, marker in MARKERS.items() if cell not in cells)])
    return {cell: MARKERS[cell] if cell in MARKERS else next(free) for cell in cells}


def _cell_handles(markers: Mapping[str, Any]) -> list[Any]:
    return [
        _handle(cell, marker=marker, color="#555555", markersize=5 * _LARGER.get(marker, 1.0))
        for cell, marker in markers.items()
    ]


def _handle(label: str, **style: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", label=label, **{"markersize": 5} | style)


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of so many inches, written to `path` when it is done."""
    # Figure without pyplot: no window system, no state, and a second saved at the start.
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        unchanging: dict[str, None] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=unchanging)


def _read(path: Path, score: str) -> dict[str, list[tuple[int, float]]]:
    """Epoch and value of what is drawn of a history.csv: the loss, and the column `score`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [(int(row["epoch"]), float(row[name])) for row in rows if row[name]] for name in ("loss", score)}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; train this run first") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a training's history ({error!r}); train this run again") from None


def _unzip(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [epoch for epoch, _ in points], [value for _, value in points]
