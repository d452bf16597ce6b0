"""The tables as pictures: F1 beside the study's, and learning curves; the same bytes from the same numbers."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metalstm.errors import UserError
from metalstm.files import atomic
from metalstm.tables.gather import SETTINGS, Row

_COLOURS = {"stm": "#0072b2", "mtm": "#d55e00"}
_CURVES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31")
"""Okabe and Ito's colours, which people with any colour vision can tell apart."""
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "metalstm",
}


def f1_by_corpus(rows: Sequence[Row], path: Path) -> None:
    """Draw our F1 (dots, with the spread over seeds) and the study's (open bars) by corpus; SVG or PNG by `path`.

    Raises UserError for no rows.
    """
    if not rows:
        raise UserError(f"{path}: there is no row to draw; score a run first")
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    cells = list(dict.fromkeys(row.cell for row in rows))
    lanes = _lanes(rows, corpora)
    with _style():
        figure = _figure(7.0, 1.1 + 0.16 * (max(lanes.values()) + 2))
        axes = figure.subplots()
        for corpus, (top, bottom) in _bands(lanes).items():
            if corpora.index(corpus) % 2 == 0:
                axes.axhspan(top - 0.9, bottom + 0.9, color="#f2f2f2", linewidth=0)
    raise NotImplementedError
