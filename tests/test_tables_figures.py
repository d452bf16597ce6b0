import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from metalstm.errors import UserError
from metalstm.nn.cells import names
from metalstm.tables import figures
from metalstm.tables.rows import Row

ROW = Row("g", "NCBI-disease", "stm", "lstm", 3, 83.8, 0.3, 84.0, 83.5, 85.62, -1.8, None, 960)
ROWS = [
    ROW,
    replace(ROW, cell="metalstm", f1_sd=None),
    replace(ROW, setting="mtm", f1_mean=84.5, study_f1=83.44),
    replace(ROW, corpus="mine", study_f1=None),
]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_rows_give_the_same_bytes(ending: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{ending}" for name in ("first", "second")]
    for path in paths:
        figures.f1_by_corpus(ROWS, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"<dc:date>" not in first
    assert first.startswith(b"<?xml" if ending == "svg" else b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == paths


def test_the_names_of_many_cells_find_room(tmp_path: Path) -> None:
    cells = ["lstm", "metalstm", "lstm-contextual", "rnn", "torchlstm", "metarnn", "lnlstm", "bnlstm", "metalnlstm"]
    figures.f1_by_corpus([replace(ROW, cell=cell) for cell in cells], tmp_path / "f1.png")
    picture = imread(tmp_path / "f1.png")
    assert (picture[:, [0, -1]] == 1).all()
    assert (picture[[0, -1]] == 1).all()


def test_the_legends_stand_above_the_first_corpus(tmp_path: Path) -> None:
    cells = ("lstm", "metalstm", "lstm-contextual")
    many = [replace(ROW, corpus=f"corpus-{n}", cell=cell) for n in range(30) for cell in cells]
    figures.f1_by_corpus(many, tmp_path / "f1.svg")
    picture = (tmp_path / "f1.svg").read_text()
    first, *others = (_height(picture, name) for name in ("corpus-0", "corpus-1", "STM", *cells))
    assert others[0] > first
    assert all(height < first for height in others[1:])


@pytest.mark.parametrize(("corpora", "times"), [(3, 1), (30, 2)])
def test_the_axis_of_a_tall_figure_stands_above_the_rows_too(corpora: int, times: int, tmp_path: Path) -> None:
    many = [replace(ROW, corpus=f"corpus-{n}", cell=cell) for n in range(corpora) for cell in ("lstm", "metalstm")]
    figures.f1_by_corpus(many, tmp_path / "f1.svg")
    picture = (tmp_path / "f1.svg").read_text()
    assert picture.count("<!-- strict F1 on the test split, %") == times
    assert picture.count("<!-- 84 -->") == times


def test_every_cell_has_a_shape_of_its_own() -> None:
    assert list(figures.markers_of(names()).values()) == [figures.MARKERS[name] for name in names()]
    variants = [f"lstm-{n}" for n in range(10)]
    for cells in (["lstm", *variants], [*names(), *variants]):
        assert len(set(figures.markers_of(cells).values())) == len(cells)
    assert len(figures.COLOURS) >= len(names())


SEEN = {
    "all": [],
    "protanope": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranope": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanope": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""What of red, green and blue light (linear) is left for whom: Machado, Oliveira and Fernandes 2009."""


@pytest.mark.parametrize("matrix", SEEN.values(), ids=SEEN)
def test_colours_stay_apart_for_who_sees_fewer(matrix: list[list[float]]) -> None:
    shown = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in figures.COLOURS])
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    seen = np.clip(light @ np.array(matrix or np.eye(3)).T, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(seen @ to_xyz.T / [0.9505, 1.0, 1.089]).T  # CIELAB, but for what is nearly black
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    distances = np.sqrt(((lab[:, :, None] - lab[:, None]) ** 2).sum(0))
    assert distances[~np.eye(len(shown), dtype=bool)].min() > 15


def _height(picture: str, text: str) -> float:
    """Where a text stands in an SVG, measured from its upper edge; matplotlib names each text in a comment."""
    found = re.search(rf"<!-- {text} -->\s*<g[^>]*translate\([\d.]+ ([\d.]+)\)", picture)
    assert found is not None
    return float(found[1])


def test_predictions_with_evidence_are_not_drawn(tmp_path: Path) -> None:
    vote = replace(ROW, setting="stm-vote")
    for name, rows in (("without", [ROW, vote]), ("with", [ROW, replace(ROW, setting="stm-evidence"), vote])):
        figures.f1_by_corpus(rows, tmp_path / f"{name}.svg")
    assert (tmp_path / "with.svg").read_bytes() == (tmp_path / "without.svg").read_bytes()


def test_learning_curves_with_and_without_devel_scores(tmp_path: Path) -> None:
    header = "epoch,loss,devel_f1,learning_rate\n"
    scored, unscored = tmp_path / "scored.csv", tmp_path / "unscored.csv"
    scored.write_text(header + "1,5.5,60.0,0.15\n2,3.5,70.0,0.14\n")
    unscored.write_text(header + "1,5.5,,0.15\n2,3.5,,0.14\n")
    figures.learning_curves({"a": [scored, scored], "b": [unscored]}, tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").stat().st_size > 1000


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        figures.f1_by_corpus([], tmp_path / "f1.svg")
    with pytest.raises(UserError, match="nothing to draw"):
        figures.learning_curves({}, tmp_path / "curves.svg")
    with pytest.raises(UserError, match="no such file"):
        figures.learning_curves({"a": [tmp_path / "history.csv"]}, tmp_path / "curves.svg")
    (tmp_path / "history.csv").write_text("epoch,loss\n1,x\n")
    with pytest.raises(UserError, match="not a training's history"):
        figures.learning_curves({"a": [tmp_path / "history.csv"]}, tmp_path / "curves.svg")
    assert not (tmp_path / "curves.svg").exists()
