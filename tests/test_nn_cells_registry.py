"""Cells by name: all of them run with every common option, and mistakes are answered with one clear line."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import metalstm
from metalstm.errors import UserError
from metalstm.nn.cells import check, names, recurrent
from metalstm.nn.cells.stack import Stack

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
NEEDED = {"metamtl": {"num_tasks": 2}}
COMMON: list[dict[str, object]] = [
    {},
    {"dropout_recurrent": 0.3},
    {"dropout_between": 0.3},
    {"dropout_input": 0.3},
    {"dropout_recurrent": 0.3, "dropout_between": 0.3, "dropout_input": 0.3, "variational": True},
]


def run(module: Stack, batch: int, time: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> torch.Tensor:
    inputs = torch.randn(batch, time, 5, dtype=dtype, device=device)
    lengths = torch.randint(1, time + 1, (batch,))
    lengths[0] = time
    corpus = torch.randint(0, 2, (batch,))
    return module(inputs, lengths, corpus) if module.takes_corpus else module(inputs, lengths)


def test_the_cells_of_the_study_are_there() -> None:
    for name in ["rnn", "lstm", "torchlstm", "metarnn", "metalstm", "lnlstm", "bnlstm", "metalnlstm", "metamtl"]:
        assert name in names()


@pytest.mark.parametrize("name", names())
def test_features_that_are_not_learned_change_no_other_gradient(name: str) -> None:
    torch.manual_seed(0)
    start = recurrent(name, 5, 4, num_layers=2, **NEEDED.get(name, {})).double()
    inputs, lengths = torch.randn(3, 6, 5, dtype=torch.float64), torch.tensor([6, 2, 4])
    corpus = (torch.tensor([0, 1, 0]),) if start.takes_corpus else ()
    found = []
    for learned, wanted in ((slice(None), True), (slice(1, 3), True), (slice(1, 3), False)):
        torch.manual_seed(1)
        module, read = copy.deepcopy(start), inputs.clone().requires_grad_(wanted)
        module(read, lengths, *corpus, learned=learned).square().sum().backward()
        found.append([read.grad, *(weight.grad.clone() for weight in module.parameters() if weight.grad is not None)])
    whole, some, none = found
    assert torch.equal(some[0][:, :, 1:3], whole[0][:, :, 1:3])
    assert none[0] is None
    for a, b, c in zip(whole[1:], some[1:], none[1:], strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("common", COMMON)
@pytest.mark.parametrize(("bidirectional", "num_layers"), [(True, 1), (False, 2)])
def test_every_cell_takes_every_common_option(
    name: str, common: dict[str, object], bidirectional: bool, num_layers: int
) -> None:
    module = recurrent(name, 5, 4, bidirectional=bidirectional, num_layers=num_layers, **NEEDED.get(name, {}), **common)
    outputs = run(module, batch=3, time=6)
    assert outputs.shape == (3, 6, 8 if bidirectional else 4)
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in module.parameters())


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", DEVICES)
def test_every_cell_runs_in_either_precision_on_the_smallest_batch(name: str, dtype: torch.dtype, device: str) -> None:
    module = recurrent(name, 5, 4, num_layers=2, **NEEDED.get(name, {})).to(device, dtype)
    for batch, time in ((1, 1), (1, 4), (3, 1), (3, 4)):
        outputs = run(module, batch, time, dtype, device)
        assert outputs.dtype == dtype
        assert outputs.shape == (batch, time, 8)
        outputs.sum().backward()
        with torch.no_grad():
            assert run(module.eval(), batch, time, dtype, device).isfinite().all()
        module.train()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("kernels", ["auto", "off"])
@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((3, 5, 5), [5, 3, 9]),
        ((3, 5, 5), [5, -2, 1]),
        ((3, 5, 5), [5, 3]),
        ((3, 5, 5), [5, 3, 1, 2]),
        ((3, 5, 4), [5, 3, 1]),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_read(
    name: str, kernels: str, shape: tuple[int, ...], lengths: list[int]
) -> None:
    module = recurrent(name, 5, 4, kernels=kernels, **NEEDED.get(name, {}))
    corpus = (torch.zeros(3, dtype=torch.long),) if module.takes_corpus else ()
    with pytest.raises(ValueError, match="lengths"):
        module(torch.randn(*shape), torch.tensor(lengths), *corpus)


@pytest.mark.parametrize("name", names())
def test_a_seed_fixes_the_start(name: str) -> None:
    starts = []
    for _ in range(2):
        torch.manual_seed(7)
        starts.append(recurrent(name, 5, 4, **NEEDED.get(name, {})).state_dict())
    assert all(torch.equal(starts[0][key], starts[1][key]) for key in starts[0])


def test_layers_and_directions_share_nothing() -> None:
    module = recurrent("lstm", 5, 4, num_layers=2)
    kinds = [cell.W_h for layer in module.layers for cell in layer]
    assert len({weight.data_ptr() for weight in kinds}) == 4
    assert not torch.equal(kinds[0], kinds[1])


def test_relu_starts_from_the_identity() -> None:
    cell = recurrent("rnn", 5, 4, activation="relu").layers[0][0]
    assert torch.equal(cell.W_h, torch.eye(4))
    assert not cell.b.any()


def test_names_and_options_need_no_torch() -> None:
    program = (
        "import sys; from metalstm.nn.cells import check, names; names(); check('metalstm', {'z': 'shared'});"
        "assert 'torch' not in sys.modules"
    )
    source = str(Path(metalstm.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": source})


def test_options_have_defaults() -> None:
    assert check("metalstm", {"hyper_size": 8}).model_dump()["embedding_size"] == 16


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lstmm", {}, "no cell 'lstmm' (did you mean 'lstm'?)"),
        ("transformer", {}, f"Cells: {', '.join(names())}."),
        ("metalstm", {"hyper_sise": 3}, "no option 'hyper_sise' (did you mean 'hyper_size'?)"),
        ("metalstm", {"layers": 3}, "Its options: dropout_input, "),
        ("metalstm", {"z": "both"}, "cannot take z='both'"),
        ("metalstm", {"hyper_size": 0}, "cannot take hyper_size=0"),
        ("metalstm", {"hyper_size": "12"}, "cannot take hyper_size='12'"),
        ("lstm", {"dropout_recurrent": 1.0}, "cannot take dropout_recurrent=1.0"),
        ("metamtl", {"num_tasks": 0}, "cannot take num_tasks=0"),
        ("lstm", {"num_layers": 0}, "num_layers=0"),
    ],
)
def test_mistakes_are_answered_with_one_line(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        recurrent(name, 5, 4, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
