"""One layer whose directions each read a sentence from its own end, without padding in between."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from metalstm.nn.cells.cell import Cell

Read = Callable[[Cell, Tensor, Tensor, Tensor | None, Tensor | None], Tensor]
"""Outputs of one cell, as `Cell.forward`."""


def apart(
    read: Read,
    cells: Sequence[Cell],
    inputs: Tensor,
    lengths: Tensor,
    state_masks: Sequence[Tensor | None],
    corpus: Tensor | None,
) -> Tensor:
    """Outputs `[batch, time, hidden_size * directions]` of one cell after the other, zeros on padding.

    The first cell reads forwards, the second one backwards. inputs: `[batch, time, input_size]`; what stands on padding
    is never read. state_masks: for each cell as in `run` of `cell.py`.
    """
    batch, time = inputs.shape[:2]
    steps = torch.arange(time, device=inputs.device).unsqueeze(1)  # [time, 1]
    padding = (steps >= lengths).unsqueeze(2)  # [time, batch, 1]
    backwards = torch.where(steps < lengths, lengths - 1 - steps, steps)  # [time, batch]
    rows = (backwards * batch + torch.arange(batch, device=inputs.device)).reshape(-1)

    features = inputs.transpose(0, 1).masked_fill(padding, 0.0)
    (forward, *backward), (mask, *masks) = cells, state_masks
    outputs = [read(forward, features, lengths, mask, corpus)]
    for cell, mask in zip(backward, masks, strict=True):
        outputs.append(_reorder(read(cell, _reorder(features, rows), lengths, mask, corpus), rows))
    # a new tensor, even where one direction is all that there is
    return torch.cat(outputs, dim=2).masked_fill_(padding, 0.0).transpose(0, 1)


class _Reorder(torch.autograd.Function):
    """A permutation of rows that is its own inverse, and so its own derivative: no sums as for rows read twice."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return features.reshape(-1, features.shape[2]).index_select(0, rows).view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        return _reorder(gradients[0], rows), None


def _reorder(features: Tensor, rows: Tensor) -> Tensor:
    """`result[r] = features[rows[r]]` for `features [time, batch, size]` as rows, of which pairs change places."""
    return cast(Tensor, _Reorder.apply(features, rows))  # type: ignore[no-untyped-call]
