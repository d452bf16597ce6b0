"""Where a training runs, and with how many digits."""

from pathlib import Path

import pytest
import torch

from metalstm.errors import UserError
from metalstm.nn.batch import collate
from metalstm.nn.cells import names
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import DropoutOptions, Kernels, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.training import checkpoints, devices
from metalstm.training.batches import Example, number
from metalstm.training.loop import fit
from metalstm.training.options import OptimiserOptions, TrainingOptions

EXAMPLES = [
    Example(("Aspirin", "helps", "."), ("S-Chemical", "O", "O"), "drugs"),
    Example(("Folic", "acid", "was", "given"), ("B-Chemical", "E-Chemical", "O", "O"), "drugs"),
]


def tagger(cell: str = "lstm", kernels: Kernels = "off") -> Tagger:
    torch.manual_seed(7)
    lexicon = Lexicon.build([(row.tokens, row.labels) for row in EXAMPLES])
    options = TaggerOptions(
        word_size=8, hidden_size=6, dropout=DropoutOptions(input=0.0, output=0.0), cell=cell, kernels=kernels
    )
    return Tagger(lexicon, options)


@pytest.mark.parametrize(
    ("name", "available", "chosen"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_the_device_that_is_meant(monkeypatch: pytest.MonkeyPatch, name: str, available: bool, chosen: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert devices.device(name).type == chosen


def test_a_graphics_processor_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="set it to cpu or auto"):
        devices.device("cuda")


@pytest.mark.parametrize("cell", names())
def test_products_in_bfloat16_leave_loss_and_gradients_in_float32_and_close(cell: str) -> None:
    model = tagger(cell)
    batch = collate(model.lexicon, [row.tokens for row in EXAMPLES], [row.labels for row in EXAMPLES])
    exact = model.loss(batch)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.loss(batch)
    mixed.backward()
    assert mixed.dtype == torch.float32
    assert mixed.item() == pytest.approx(exact.item(), rel=0.05)
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.dense_parameters())


def test_a_training_on_the_cpu_does_not_start_a_graphics_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> None:
        raise AssertionError("started")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", start)
    assert len(checkpoints.random_states()) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("mixed_precision", [False, True])
@pytest.mark.parametrize("kernels", ["auto", "off"])
@pytest.mark.parametrize("cell", names())
def test_a_tagger_learns_on_a_graphics_processor(
    tmp_path: Path, cell: str, kernels: Kernels, mixed_precision: bool
) -> None:
    model = tagger(cell, kernels).to(devices.device("cuda"))
    options = TrainingOptions(
        epochs=10, optimiser=OptimiserOptions(name="adamw", learning_rate=0.02), mixed_precision=mixed_precision
    )
    outcome = fit(
        model,
        number(EXAMPLES, model.lexicon),
        options,
        seed=1,
        devel_score=lambda _: 0.0,
        folder=tmp_path,
        identity="a run",
    )
    assert outcome.history[-1].loss < outcome.history[0].loss / 2
