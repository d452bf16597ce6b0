"""Layers and directions: from one cell in one direction to an encoder of ragged batches."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import Cell
from metalstm.nn.cells.compiled import EVERY, read
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
        self.input_size = input_size
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

    def forward(
        self, inputs: Tensor, lengths: Tensor, corpus: Tensor | None = None, *, learned: slice = EVERY
    ) -> Tensor:
        """Outputs `[batch, time, hidden_size * directions]`, zeros on padding; forward units first.

        inputs: `[batch, time, input_size]`; what stands on padding is never read, NaN included.
        lengths: `[batch]`, at most time.
        corpus: `[batch]`, the number of each sentence's corpus, for cells that take it.
        learned: the features of `inputs` that need a gradient; the others may be given zeros instead.

        Raises ValueError for other shapes, and for a length that is negative or above time.
        """
        if inputs.dim() != 3 or inputs.shape[2] != self.input_size or lengths.shape != inputs.shape[:1]:
            raise ValueError(
                f"inputs {list(inputs.shape)} and lengths {list(lengths.shape)} "
                f"are not [batch, time, {self.input_size}] and [batch]"
            )
        if lengths.device.type == "cpu" and not all(0 <= length <= inputs.shape[1] for length in lengths.tolist()):
            raise ValueError(f"lengths must lie between 0 and {inputs.shape[1]}")
        lengths = lengths.to(inputs.device)
        features = inputs
        for cells, dropout in self.reading():
            masks = self.state_masks(cells, inputs)
            features = read(cells, dropout(features), lengths, masks, corpus, learned)
            learned = EVERY
        return features

    def reading(self) -> Iterator[tuple[list[Cell], Dropout]]:
        """The cells of each layer, one a direction, and what is dropped of what they read."""
        dropouts = chain([self.dropout_input], repeat(self.dropout_between))
        for layer, dropout in zip(self.layers, dropouts, strict=False):
            yield cast(list[Cell], list(cast(nn.ModuleList, layer))), dropout

    def state_masks(self, cells: Sequence[Cell], inputs: Tensor) -> list[Tensor | None]:
        """Of each cell one mask `[batch, hidden_size]` on its state; inputs: `[batch, ...]` of the masks' type."""
        rate = self.options.dropout_recurrent
        if not self.training or rate == 0.0:
            return [None for _ in cells]
        return [F.dropout(inputs.new_ones(inputs.shape[0], cell.hidden_size), rate) for cell in cells]
