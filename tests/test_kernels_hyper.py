import pytest
import torch

from kernel_parity import assert_gradient_of_gradient, assert_layers_alike, assert_parity, build, compiled
from metalstm.nn.cells import cell

CELLS = ["metarnn", "metalstm", "metalnlstm"]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("z", ["per_gate", "shared"])
def test_the_kernel_says_what_the_loop_says(name, z):
    assert_parity(name, hyper_size=9, embedding_size=5, z=z)


@pytest.mark.parametrize("name", CELLS)
def test_single_precision(name):
    assert_parity(name, torch.float32, hyper_size=16, embedding_size=8)


@pytest.mark.parametrize("name", CELLS)
def test_layers_with_recurrent_dropout(name):
    assert_layers_alike(name, hyper_size=5, embedding_size=3)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_gradients(name):
    assert_gradient_of_gradient(name, hyper_size=5, embedding_size=3)


def test_dropout_of_the_candidate_is_left_to_the_loop_while_training():
    made = build("metalstm", 3, 4, torch.float64, hyper_size=5, embedding_size=2, dropout_candidate=0.5)
    inputs, lengths = torch.randn(5, 2, 3, dtype=torch.float64), torch.tensor([5, 5])
    assert compiled(made, inputs, lengths) is None
    made.eval()
    assert compiled(made, inputs, lengths) is not None
    torch.testing.assert_close(cell.run(made, inputs, lengths), cell.eager(made, inputs, lengths))
