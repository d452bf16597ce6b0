import re
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from metalstm.errors import UserError
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
