"""The training of one tagger, from first weights to the best epoch's."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from metalstm.errors import UserError
from metalstm.nn.tagger import Tagger
from metalstm.training import epochs
from metalstm.training.batches import Example, batches, number
from metalstm.training.epochs import Outcome, Step
from metalstm.training.history import Epoch
from metalstm.training.optimisers import optimiser
from metalstm.training.options import TrainingOptions
from metalstm.training.progress import Reporter, for_stream


def fit(
    tagger: Tagger,
    examples: Sequence[Example],
    options: TrainingOptions,
    *,
    seed: int,
    devel_score: Callable[[Tagger], float],
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
) -> Outcome:
    """Train `tagger` in place, as `epochs.train` says; the score that chooses the epoch is `devel_score`, an F1.

    With `train_on: train+devel` no score is taken, and the last epoch is kept. Progress is told to the terminal
    if no one else is named. A tagger on a graphics processor is trained there, where sums have no fixed order.

    Raises UserError when there is no sentence, for patience without a development set, and as `epochs.train`.
    """
    if not examples:
        raise UserError("there is no sentence to train on: check the train files of the corpora")
    choosing = options.train_on == "train"
    if options.patience is not None and not choosing:
        raise UserError("training.patience needs devel F1, which train_on: train+devel does not leave; set one of them")
    device = next(tagger.parameters()).device
    sentences = number(examples, tagger.lexicon)

    def lesson(order: torch.Generator) -> Iterator[Step]:
        for batch in batches(sentences, options.batch_size, order):
            yield Step(tagger.loss(batch.to(device)), len(batch.lengths), int(batch.lengths.sum()))

    return epochs.train(
        tagger,
        optimiser(options.optimiser, tagger),
        options,
        lesson,
        steps=math.ceil(len(examples) / options.batch_size),
        seed=seed,
        devel_score=(lambda: devel_score(tagger)) if choosing else None,
        folder=folder,
        identity=identity,
        progress=progress or for_stream(),
        on_epoch=on_epoch,
    )
