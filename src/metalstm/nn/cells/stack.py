"""Layers and directions: from one cell in one direction to an encoder of ragged batches."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import Cell
from metalstm.nn.cells.options import CellOptions
from metalstm.nn.dropout import Dropout


class Stack(nn.Module):
    """`num_layers` layers of a cell; with two directions, each reads every sentence from that sentence's own end.

    A layer reads the outputs of both directions of the layer below. Directions and layers share no weights.
    """

    def __init__(
        self,
        cell: type[Cell],
        input_size: int,
        hidden_size: int,
        options: CellOptions,
        *,
        bidirectional: bool = True,
        num_layers: int = 1,
    ) -> None:
        """`options` are those of the cell; the dropouts that all cells have in common are applied here."""
        super().__init__()
        self.takes_corpus = cell.takes_corpus
        self.options = options
        self.directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions
        self.layers = nn.ModuleList(
            nn.ModuleList(cell(size, hidden_size, options) for _ in range(self.directions))
            for size in [input_size] + [self.output_size] * (num_layers - 1)
        )
        self.dropout_input, self.dropout_between = (
            Dropout(rate, variational=options.variational, kernels=options.kernels)
            for rate in (options.dropout_input, options.dropout_between)
        )

    def forward(self, inputs: Tensor, lengths: Tensor, corpus: Tensor | None = None) -> Tensor:
        """Outputs `[batch, time, hidden_size * directions]`, zeros on padding; forward units first.

        inputs: `[batch, time, input_size]`; what stands on padding is never read, NaN included.
        lengths: `[batch]`, at most time.
        corpus: `[batch]`, the number of each sentence's corpus, for cells that take it.
        """
        lengths = lengths.to(inputs.device)
        time, batch = inputs.shape[1], inputs.shape[0]
        steps = torch.arange(time, device=inputs.device).unsqueeze(1)  # [time, 1]
        padding = (steps >= lengths).unsqueeze(2)  # [time, batch, 1]
        backwards = torch.where(steps < lengths, lengths - 1 - steps, steps)  # [time, batch]
        rows = (backwards * batch + torch.arange(batch, device=inputs.device)).reshape(-1)

        features = inputs.transpose(0, 1).masked_fill(padding, 0.0)
        features = self._dropout(features, self.dropout_input)
        for depth, layer in enumerate(self.layers):
            if depth > 0:
                features = self._dropout(features, self.dropout_between)
            forward, *backward = cast(nn.ModuleList, layer)
            outputs = [self._read(forward, features, lengths, corpus)]
            for cell in backward:
                outputs.append(_reorder(self._read(cell, _reorder(features, rows), lengths, corpus), rows))
            # a new tensor, even where one direction is all that there is
            features = torch.cat(outputs, dim=2).masked_fill_(padding, 0.0)
        return features.transpose(0, 1)

    def _read(self, cell: nn.Module, features: Tensor, lengths: Tensor, corpus: Tensor | None) -> Tensor:
        """Outputs `[time, batch, hidden_size]` of one cell, with one mask a sentence on its state."""
        state_mask = None
        if self.training and self.options.dropout_recurrent > 0.0:
            ones = features.new_ones(features.shape[1], cast(int, cell.hidden_size))
            state_mask = F.dropout(ones, self.options.dropout_recurrent)
        return cast(Tensor, cell(features, lengths, state_mask, corpus))

    def _dropout(self, features: Tensor, dropout: Dropout) -> Tensor:
        """Dropout on `[time, batch, features]`; the mask is the same at every step if it is variational."""
        return cast(Tensor, dropout(features.transpose(0, 1))).transpose(0, 1)


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
