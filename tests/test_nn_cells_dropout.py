"""Which values each dropout sets to zero, and for how long. A ReLU network with identity weights shows the masks."""

import torch
from torch import Tensor

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.stack import Stack

SIZE, BATCH, TIME = 20, 4, 12
LENGTHS = torch.full((BATCH,), TIME)


def transparent(num_layers: int, recurrence: float, **options: object) -> Stack:
    """h' = x + recurrence * h for positive x."""
    torch.manual_seed(0)
    module = recurrent("rnn", SIZE, SIZE, activation="relu", bidirectional=False, num_layers=num_layers, **options)
    for layer in module.layers:
        layer[0].W_x.data = torch.eye(SIZE)
        layer[0].W_h.data = torch.eye(SIZE) * recurrence
    return module


def ones() -> Tensor:
    return torch.ones(BATCH, TIME, SIZE)


def same_at_every_step(outputs: Tensor) -> bool:
    return bool((outputs == outputs[:, :1]).all())


def test_input_dropout_changes_from_step_to_step() -> None:
    outputs = transparent(1, 0.0, dropout_input=0.5)(ones(), LENGTHS)
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert not same_at_every_step(outputs)


def test_variational_input_dropout_is_one_mask_a_sentence() -> None:
    outputs = transparent(1, 0.0, dropout_input=0.5, variational=True)(ones(), LENGTHS)
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert same_at_every_step(outputs)
    assert not (outputs[0] == outputs[1]).all()


def test_dropout_between_spares_the_last_layer() -> None:
    assert torch.equal(transparent(1, 0.0, dropout_between=0.5)(ones(), LENGTHS), ones())
    outputs = transparent(2, 0.0, dropout_between=0.5)(ones(), LENGTHS)
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert not same_at_every_step(outputs)
    assert same_at_every_step(transparent(2, 0.0, dropout_between=0.5, variational=True)(ones(), LENGTHS))


def test_recurrent_dropout_is_one_mask_a_sentence() -> None:
    outputs = transparent(1, 0.5, dropout_recurrent=0.5)(ones(), LENGTHS)
    kept = (outputs[:, 1:] - 1.0) / (0.5 * outputs[:, :-1])  # h' = 1 + 0.5 * mask * h
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert same_at_every_step(kept)
    assert not (kept[0] == kept[1]).all()


def test_directions_have_masks_of_their_own() -> None:
    torch.manual_seed(0)
    module = recurrent("rnn", SIZE, SIZE, activation="relu", dropout_recurrent=0.5)
    for cell in module.layers[0]:
        cell.W_x.data = torch.eye(SIZE)
    forward, backward = module(ones(), LENGTHS).split(SIZE, dim=2)
    assert not torch.equal(forward, backward.flip(1))


def test_nothing_is_dropped_at_test_time() -> None:
    dropped = transparent(2, 0.5, dropout_input=0.5, dropout_between=0.5, dropout_recurrent=0.5).eval()
    assert torch.equal(dropped(ones(), LENGTHS), transparent(2, 0.5)(ones(), LENGTHS))
