"""Images read row by row: training a classifier, and its accuracy."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from metalstm.corpora.images import Images
from metalstm.nn.rows import RowClassifier
from metalstm.studies.options import RowsOptions
from metalstm.training import epochs
from metalstm.training.epochs import Outcome, Step
from metalstm.training.history import IMAGES, Epoch
from metalstm.training.optimisers import for_parameters
from metalstm.training.progress import Reporter, for_stream

_AT_ONCE = 500
"""Images that are scored together."""


def fit(
    model: RowClassifier,
    images: Images,
    devel: Images,
    options: RowsOptions,
    *,
    seed: int,
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
) -> Outcome:
    """Train `model` in place on `images`, as `epochs.train` says; the epoch is chosen by the accuracy on `devel`.

    Raises UserError as `epochs.train`.
    """

    def lesson(order: torch.Generator) -> Iterator[Step]:
        for chosen in torch.split(torch.randperm(len(images), generator=order), options.batch_size):
            loss = functional.cross_entropy(model(pixels(images, chosen)), _labels(images, chosen))
            loss.backward()  # type: ignore[no-untyped-call]
            yield Step(loss.detach(), len(chosen), len(chosen))

    return epochs.train(
        model,
        for_parameters(options.optimiser, list(model.parameters())),
        options,
        lesson,
        steps=math.ceil(len(images) / options.batch_size),
        seed=seed,
        devel_score=lambda: accuracy(model, devel),
        folder=folder,
        identity=identity,
        progress=progress or for_stream(terms=IMAGES),
        on_epoch=on_epoch,
    )


def accuracy(model: RowClassifier, images: Images) -> float:
    """The share of `images` that `model` tells right, in per cent; the model stays in evaluation mode."""
    return 100.0 * correct(model, images) / len(images)


@torch.no_grad()
def correct(model: RowClassifier, images: Images) -> int:
    """How many of `images` the model tells right; it stays in evaluation mode."""
    model.eval()
    right = 0
    for chosen in torch.split(torch.arange(len(images)), _AT_ONCE):
        right += int((model(pixels(images, chosen)).argmax(dim=1) == _labels(images, chosen)).sum())
    return right


def pixels(images: Images, chosen: Tensor) -> Tensor:
    """What the model reads of the images with the numbers `chosen [batch]`: `[batch, rows, columns]`."""
    return torch.from_numpy(images.pixels[chosen.numpy()]).float()


def _labels(images: Images, chosen: Tensor) -> Tensor:
    return torch.from_numpy(images.labels[chosen.numpy()]).long()
