import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.tables import accuracy


def metrics(folder: Path, variant: str, seed: int = 1, test: float = 98.5, **changes: Any) -> Path:
    content = {
        "run": {"setting": "images", "scope": "MNIST", "variant": variant, "cell": variant.split("-")[0], "seed": seed},
        "scores": {
            "MNIST": {
                "devel": {"accuracy": 98.0, "correct": 4900, "images": 5000},
                "test": {"accuracy": test, "correct": 9850, "images": 10000},
            }
        },
        "best_epoch": 4,
        "epochs": 5,
        "cpu_seconds": 100.0,
        "parameters": 54282,
        "start": {"scale_mean": None, "scale_sd": None, "state_spread": 0.00012345},
        **changes,
    }
    path = folder / variant / f"seed-{seed}" / "metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> list[accuracy.Row]:
    scaled = {"start": {"scale_mean": 0.0003, "scale_sd": 0.0367, "state_spread": 0.0007}}
    return accuracy.gather(
        [
            metrics(tmp_path, "lstm", 1, 98.0),
            metrics(tmp_path, "lstm", 2, 99.0),
            metrics(tmp_path, "metarnn-study", 1, 90.0, **scaled),
        ]
    )


def test_a_row_is_the_mean_over_seeds(rows: list[accuracy.Row]) -> None:
    lstm, study = rows
    assert (lstm.seeds, lstm.accuracy_mean, lstm.accuracy_sd) == (2, 98.5, pytest.approx(0.7071, abs=1e-4))
    assert (study.seeds, study.accuracy_mean, study.accuracy_sd) == (1, 90.0, None)
    assert lstm.cpu_seconds_an_epoch == 20.0
    assert (lstm.study_accuracy, study.study_accuracy) == (None, "11")


def test_the_csv_reads_back(rows: list[accuracy.Row]) -> None:
    read = list(csv.DictReader(io.StringIO(accuracy.as_csv(rows))))
    assert [row["variant"] for row in read] == ["lstm", "metarnn-study"]
    assert float(read[0]["accuracy_mean"]) == 98.5
    assert float(read[0]["state_spread"]) == 0.00012345
    assert read[1]["accuracy_sd"] == ""
    assert read[0]["scale_sd"] == ""


def test_the_page_shows_both_figures_and_how_the_cell_started(rows: list[accuracy.Row]) -> None:
    page = accuracy.page("Accuracy", rows, "MNIST.svg")
    table = [line for line in page.split("\n") if line.startswith("|")]
    assert len({len(line) for line in table}) == 1
    for shown in ("98.50 ± 0.71", "90.00", "11", "0.000 ± 0.037", "1.2e-04", "54,282"):
        assert shown in page
    for note in ("stayed at 11 %", "10,000 test images", "5,000 images held back", "![Learning curves](MNIST.svg)"):
        assert note in page
    without = accuracy.page("Accuracy", rows[:1], "x.svg")
    assert "Study" not in without
    assert "| d at" not in without


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; run this training first"):
        accuracy.gather([tmp_path / "metrics.json"])
    path = metrics(tmp_path, "lstm", scores={})
    with pytest.raises(UserError, match="not the metrics of a run on images"):
        accuracy.gather([path])
