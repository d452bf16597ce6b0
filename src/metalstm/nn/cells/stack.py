"""Layers and directions: from one cell in one direction to an encoder of ragged batches."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import Cell
from metalstm.nn.cells.options import CellOptions


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

    def forward(self, inputs: Tensor, lengths: Tensor, corpus: Tensor | None = None) -> Tensor:
        """Outputs `[batch, time, hidden_size * directions]`, zeros on padding; forward units first.

        inputs: `[batch, time, input_size]`; what stands on padding is never read, NaN included.
        lengths: `[batch]`, at most time.
        corpus: `[batch]`, the number of each sentence's corpus, for cells that take it.
        """
        lengths = lengths.to(inputs.device)
        steps = torch.arange(inputs.shape[1], device=inputs.device).unsqueeze(1)  # [time, 1]
        padding = (steps >= lengths).unsqueeze(2)  # [time, batch, 1]
        backwards = torch.where(steps < lengths, lengths - 1 - steps, steps)  # [time, batch]

        features = inputs.transpose(0, 1).masked_fill(padding, 0.0)
        features = self._dropout(features, self.options.dropout_input)
        for depth, layer in enumerate(self.layers):
            if depth > 0:
                features = self._dropout(features, self.options.dropout_between)
            forward, *backward = cast(nn.ModuleList, layer)
            outputs = [self._read(forward, features, lengths, corpus)]
            for cell in backward:
                outputs.append(_reorder(self._read(cell, _reorder(features, backwards), lengths, corpus), backwards))
            features = torch.cat(outputs, dim=2).masked_fill(padding, 0.0)
        return features.transpose(0, 1)

    def _read(self, cell: nn.Module, features: Tensor, lengths: Tensor, corpus: Tensor | None) -> Tensor:
        """Outputs `[time, batch, hidden_size]` of one cell, with one mask a sentence on its state."""
        state_mask = None
        if self.training and self.options.dropout_recurrent > 0.0:
            ones = features.new_ones(features.shape[1], cast(int, cell.hidden_size))
            state_mask = F.dropout(ones, self.options.dropout_recurrent)
        return cast(Tensor, cell(features, lengths, state_mask, corpus))

    def _dropout(self, features: Tensor, share: float) -> Tensor:
        """Dropout on `[time, batch, features]`; the mask is the same at every step if `variational`."""
        if not self.training or share == 0.0:
            return features
        if not self.options.variational:
            return F.dropout(features, share)
        return features * F.dropout(torch.ones_like(features[0]), share)


def _reorder(features: Tensor, order: Tensor) -> Tensor:
    """`result[t, b] = features[order[t, b], b]` for `features [time, batch, size]` and `order [time, batch]`."""
    batch = features.shape[1]
    rows = order * batch + torch.arange(batch, device=order.device)
    return features.reshape(-1, features.shape[2]).index_select(0, rows.reshape(-1)).view_as(features)
