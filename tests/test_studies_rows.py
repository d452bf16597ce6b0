import csv
import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import idx
from metalstm.corpora.images import Images
from metalstm.errors import UserError
from metalstm.nn.rows import RowClassifier, RowClassifierOptions
from metalstm.studies import rows, starts
from metalstm.studies.options import RowsOptions
from metalstm.training import checkpoints
from metalstm.training.epochs import Outcome
from metalstm.training.history import IMAGES, as_csv
from metalstm.training.options import OptimiserOptions
from metalstm.training.progress import Lines

OPTIONS = RowsOptions(
    hidden_size=8, num_layers=2, epochs=4, batch_size=20, optimiser=OptimiserOptions(name="adam", learning_rate=0.02)
)

KILLED = """
import os, signal, sys
from pathlib import Path
import test_studies_rows as test
class Killer(test.Lines):
    def step(self, epoch, step, loss, speed):
        if (epoch, step) == (3, 2):
            os.kill(os.getpid(), signal.SIGKILL)
test.train(Path(sys.argv[1]), sys.argv[2], progress=Killer(sys.stderr))
"""


def some(number: int, seed: int) -> Images:
    pixels, labels = idx.bars(number, seed)
    return Images(pixels.astype(np.uint8), labels.astype(np.uint8))


def classifier(cell: str = "lstm", **options: object) -> RowClassifier:
    torch.manual_seed(5)
    architecture = RowClassifierOptions(
        cell=cell,
        cell_options=options,
        hidden_size=OPTIONS.hidden_size,
        num_layers=OPTIONS.num_layers,
        bidirectional=False,
        row_size=5,
        classes=3,
        pixel_mean=64.0,
        pixel_sd=70.0,
    )
    return RowClassifier(architecture)


def train(folder: Path, cell: str = "lstm", options: RowsOptions = OPTIONS, **others: object) -> tuple:
    model = classifier(cell)
    chosen = {"seed": 2, "folder": folder, "identity": "a run", "progress": Lines(io.StringIO()), **others}
    return model, rows.fit(model, some(200, 1), some(50, 2), options, **chosen)


def timeless(outcome: Outcome) -> list:
    return [replace(row, wall_seconds=0.0, cpu_seconds=0.0, tokens_per_second=0.0) for row in outcome.history]


def same(one: tuple, other: tuple) -> None:
    assert timeless(one[1]) == timeless(other[1])
    assert one[0].state_dict().keys() == other[0].state_dict().keys()
    for name, value in one[0].state_dict().items():
        assert torch.equal(value, other[0].state_dict()[name]), name


def test_it_learns_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    stream = io.StringIO()
    model, outcome = train(tmp_path, progress=Lines(stream, IMAGES))
    assert rows.accuracy(model, some(50, 2)) == max(row.devel_f1 for row in outcome.history) > 95.0
    assert rows.accuracy(model, some(100, 9)) > 95.0
    first = stream.getvalue().split("\n")[0]
    assert first.startswith("epoch 1/4  loss ")
    assert "  devel accuracy " in first
    assert first.endswith(" images/s")


def test_the_history_names_what_it_holds(tmp_path: Path) -> None:
    _, outcome = train(tmp_path)
    read = list(csv.DictReader(io.StringIO(as_csv(outcome.history, IMAGES))))
    assert list(read[0]) == [
        *("epoch", "loss", "devel_accuracy", "learning_rate", "wall_seconds", "cpu_seconds", "images_per_second")
    ]
    assert [float(row["devel_accuracy"]) for row in read] == [row.devel_f1 for row in outcome.history]


def test_the_seed_decides_everything(tmp_path: Path) -> None:
    first = train(tmp_path / "a")
    torch.rand(5)
    same(first, train(tmp_path / "b"))
    assert timeless(train(tmp_path / "c", seed=3)[1]) != timeless(first[1])


@pytest.mark.parametrize("cell", ["lstm", "bnlstm"])
def test_a_training_that_was_killed_goes_on_bit_for_bit(tmp_path: Path, cell: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), cell]
    # Sums have one order with one thread, here as there.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
        left = checkpoints.load(tmp_path / "killed")
        assert left is not None
        assert len(left.history) == 2
        same(train(tmp_path / "whole", cell), train(tmp_path / "killed", cell))
    finally:
        torch.set_num_threads(threads)


def test_a_loss_that_is_not_finite_says_what_to_lower(tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"optimiser": OptimiserOptions(name="sgd", learning_rate=1e38)})
    with pytest.raises(UserError, match=r"the loss is .*lower optimiser.learning_rate"):
        train(tmp_path, "rnn", options)


def test_hypernetworks_start_as_the_paper_or_as_the_study() -> None:
    images = some(50, 2)
    for cell in ("metarnn", "metalstm", "metalnlstm"):
        paper = starts.measure(classifier(cell), images)
        assert paper.scale_mean == pytest.approx(0.1)
        assert paper.scale_sd == pytest.approx(0.0, abs=1e-6)
        study = starts.measure(classifier(cell, start="study", z="shared"), images)
        assert abs(study.scale_mean) < study.scale_sd
        assert study.scale_sd > 0.01


def test_the_studys_sizes_give_the_deviation_that_its_start_implies() -> None:
    torch.manual_seed(1)
    architecture = classifier().options.model_copy(
        update={
            "cell": "metalstm",
            "hidden_size": 100,
            "cell_options": {"hyper_size": 100, "embedding_size": 16, "start": "study", "z": "shared"},
        }
    )
    start = starts.measure(RowClassifier(architecture), some(50, 2))
    # d = D z is a sum of 16 products of two factors, each uniform with variance 1 / (3 * 100), and of what h^ adds.
    assert 4 / 300 * 0.9 < start.scale_sd < 4 / 300 * 1.6


def test_other_cells_have_no_scales_and_a_spread() -> None:
    start = starts.measure(classifier("lstm"), some(50, 2))
    assert (start.scale_mean, start.scale_sd) == (None, None)
    assert start.state_spread > 0.01
