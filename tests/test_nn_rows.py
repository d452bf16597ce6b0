from pathlib import Path

import pytest
import torch

from metalstm.errors import UserError
from metalstm.nn import cells, rows
from metalstm.nn.rows import RowClassifier, RowClassifierOptions


def options(**changes: object) -> RowClassifierOptions:
    chosen = {"cell": "lstm", "hidden_size": 7, "num_layers": 2, "bidirectional": False, "row_size": 5, "classes": 3}
    return RowClassifierOptions(**{**chosen, **changes})


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def images(number: int = 4, height: int = 6) -> torch.Tensor:
    return torch.randint(0, 256, (number, height, 5)).float()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", cells.names())
def test_every_cell_reads_images_and_gets_a_gradient(cell: str, bidirectional: bool) -> None:
    model = RowClassifier(options(cell=cell, bidirectional=bidirectional, pixel_mean=128.0, pixel_sd=70.0))
    scores = model(images())
    assert scores.shape == (4, 3)
    torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 0])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_each_direction_has_read_all_rows() -> None:
    model = RowClassifier(options(bidirectional=True)).eval()
    given = images(1) / 255
    before = model.last_state(given)
    for row in (0, 5):
        changed = given.clone()
        changed[0, row] += 1.0
        moved = (model.last_state(changed) != before)[0]
        assert moved[:7].any()
        assert moved[7:].any()


def test_pixels_are_standardised() -> None:
    model = RowClassifier(options(pixel_mean=100.0, pixel_sd=50.0)).eval()
    plain = RowClassifier(options()).eval()
    plain.load_state_dict(model.state_dict())
    given = images()
    assert torch.allclose(model(given), plain((given - 100.0) / 50.0))


def test_a_saved_classifier_comes_back(tmp_path: Path) -> None:
    model = RowClassifier(options(cell="metalstm", cell_options={"hyper_size": 4, "start": "study"})).eval()
    rows.save(model, tmp_path / "model.safetensors")
    state = torch.get_rng_state()
    loaded = rows.load(tmp_path / "model.safetensors")
    assert torch.equal(torch.get_rng_state(), state)
    assert loaded.options == model.options
    assert not loaded.training
    given = images()
    assert torch.equal(loaded(given), model(given))


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(UserError, match="no such file"):
        rows.load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="not a classifier of images"):
        rows.load(path)
