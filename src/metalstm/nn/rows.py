"""A classifier that reads an image row by row: layers of a recurrent cell, and a decision from their last state."""

from pathlib import Path
from typing import Any

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.files import atomic
from metalstm.nn.cells import recurrent
from metalstm.options import Options

_DESCRIPTION = "metalstm.rows"
"""Key of the file's metadata under which the options stand."""


class RowClassifierOptions(Options):
    """Everything about one classifier but its weights."""

    cell: str
    cell_options: dict[str, Any] = Field(default_factory=dict)
    hidden_size: int
    """Units a direction."""
    num_layers: int
    bidirectional: bool
    row_size: int
    """Pixels of a row."""
    classes: int
    pixel_mean: float = 0.0
    pixel_sd: float = 1.0
    """Of the images to learn from. An empty row, all zeros, would leave the layer norm of a cell without variance."""


class RowClassifier(nn.Module):
    """Rows, standardised -> recurrent layers -> last state of the last layer -> linear -> softmax.

    A step of time is a row, from the top; with two directions the last states of both are read.
    """

    def __init__(self, options: RowClassifierOptions) -> None:
        """Draw the weights from torch's default generator; UserError for options that the cell does not have."""
        super().__init__()
        self.options = options
        self.encoder = recurrent(
            options.cell,
            options.row_size,
            options.hidden_size,
            bidirectional=options.bidirectional,
            num_layers=options.num_layers,
            **options.cell_options,
        )
        self.output = nn.Linear(self.encoder.output_size, options.classes)

    def last_state(self, images: Tensor) -> Tensor:
        """`[batch, hidden_size * directions]` from the pixels of `images [batch, rows, row_size]`."""
        batch, rows, _ = images.shape
        inputs = (images - self.options.pixel_mean) / self.options.pixel_sd
        lengths = torch.full((batch,), rows, device=images.device)
        # All images are of one task.
        corpus = (torch.zeros_like(lengths),) if self.encoder.takes_corpus else ()
        states = self.encoder(inputs, lengths, *corpus)
        forward, backward = states[:, -1, : self.options.hidden_size], states[:, 0, self.options.hidden_size :]
        return torch.cat([forward, backward], dim=1)  # backward is empty in one direction

    def forward(self, images: Tensor) -> Tensor:
        """The scores `[batch, classes]` of `images [batch, rows, row_size]`, before the softmax."""
        scores: Tensor = self.output(self.last_state(images))
        return scores


def save(model: RowClassifier, path: Path) -> None:
    """Write weights and options into one safetensors file, atomically."""
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    content = to_bytes(weights, metadata={_DESCRIPTION: model.options.model_dump_json()})
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load(path: Path) -> RowClassifier:
    """Rebuild a classifier, in evaluation mode and on the CPU; the state of torch's generator stays as it was.

    Raises:
        UserError: there is no such file, or it is not one that `save` wrote.
    """
    try:
        with safe_open(path, framework="pt") as file:
            description = (file.metadata() or {})[_DESCRIPTION]
        with torch.random.fork_rng(devices=[]):
            model = RowClassifier(RowClassifierOptions.model_validate_json(description))
        model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name the model.safetensors of a run on images") from None
    except (SafetensorError, KeyError, ValidationError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a classifier of images ({reason}); train it again") from None
    return model.eval()
