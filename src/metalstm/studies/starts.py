"""What a classifier of images makes of them before it has learned anything: how a cell starts, in numbers."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from metalstm.corpora.images import Images
from metalstm.nn.rows import RowClassifier
from metalstm.studies.rows import pixels


@dataclass(frozen=True, slots=True)
class Start:
    """Measured over images before training."""

    scale_mean: float | None
    """Of d_x and d_h, by which a hypernetwork cell scales W_x x and W_h h; None for other cells."""
    scale_sd: float | None
    """Over layers, images, rows and units."""
    state_spread: float
    """Standard deviation of the last state over the images, the mean over its units: by how much they differ there."""


@torch.no_grad()
def measure(model: RowClassifier, images: Images) -> Start:
    """The start of `model`, in evaluation mode, on all of `images` at once."""
    scales: list[Tensor] = []

    def watch(cell: nn.Module, read: tuple[Tensor, ...], _: Tensor) -> None:
        scales.append(_scales(cell, *read[:2]).flatten())

    # A cell with scales is known by its method, whatever its family is called.
    cells: list[Any] = [module for module in model.modules() if hasattr(module, "scales")]
    hooks = [cell.register_forward_hook(watch) for cell in cells]
    # A compiled layer is read without a call of its cells.
    ways = [cell.kernels for cell in cells]
    try:
        for cell in cells:
            cell.kernels = "off"
        spread = model.eval().last_state(pixels(images, torch.arange(len(images)))).std(dim=0).mean().item()
    finally:
        for hook, cell, way in zip(hooks, cells, ways, strict=True):
            hook.remove()
            cell.kernels = way
    if not scales:
        return Start(None, None, spread)
    together = torch.cat(scales)
    return Start(together.mean().item(), together.std().item(), spread)


def _scales(cell: Any, inputs: Tensor, lengths: Tensor) -> Tensor:
    """d_x and d_h at every step `[time, 2, gates, batch, hidden]`, for `inputs [time, batch, size]`."""
    state = cell.start(inputs)
    place_of_h_hat = len(state) - len(cell.hyper.start(inputs))
    found = []
    for prepared in cell.prepare(inputs, lengths):
        state = cell.step(prepared, state)
        d_x, d_h, _ = cell.scales(state[place_of_h_hat])
        found.append(torch.stack([d_x, d_h]))
    return torch.stack(found)
