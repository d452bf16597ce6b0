"""The training of one tagger, from first weights to the best epoch's."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from metalstm.errors import UserError
from metalstm.nn.batch import Numbered
from metalstm.nn.tagger import Tagger
from metalstm.training import checkpoints, epochs
from metalstm.training.batches import Part, batches, by_corpus, num_batches, of_corpus, whole
from metalstm.training.epochs import Lesson, Outcome, Step
from metalstm.training.history import Epoch
from metalstm.training.optimisers import optimiser
from metalstm.training.options import JointTrainingOptions, TrainingOptions
from metalstm.training.progress import Reporter, for_stream

Score = Callable[[Tagger], float]


def fit(
    tagger: Tagger,
    sentences: Numbered,
    options: TrainingOptions,
    *,
    seed: int,
    devel_score: Score,
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
) -> Outcome:
    """Train `tagger` in place, as `epochs.train` says; the score that chooses the epoch is `devel_score`, an F1.

    With `train_on: train+devel` no score is taken, and the last epoch is kept. A tagger that tells corpora apart
    without task tags learns from batches of one corpus each, drawn as `JointTrainingOptions` say. Progress is told to
    the terminal if no one else is named. A tagger on a graphics processor is trained there, where sums have no fixed
    order.

    Raises UserError for patience without a development set, and as `epochs.train`.
    """
    choosing = options.train_on == "train"
    if options.patience is not None and not choosing:
        raise UserError("training.patience needs devel F1, which train_on: train+devel does not leave; set one of them")
    parts = _parts(tagger, sentences, options)
    return epochs.train(
        tagger,
        optimiser(options.optimiser, tagger),
        options,
        _lesson(tagger, sentences, parts, options),
        steps=num_batches(parts, options.batch_size),
        seed=seed,
        devel_score=(lambda: devel_score(tagger)) if choosing else None,
        folder=folder,
        identity=identity,
        progress=progress or for_stream(),
        on_epoch=on_epoch,
        changing_rows=changing_rows(tagger, sentences),
    )


def fit_to_corpus(
    tagger: Tagger,
    sentences: Numbered,
    corpus: str,
    options: JointTrainingOptions,
    *,
    seed: int,
    devel_score: Score,
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
) -> Outcome:
    """Go on with a tagger of several corpora for one of them, in place, as `options.continued` says.

    Of the sentences only those of `corpus` are learned from. The weights that it has are epoch 0 of the choice by
    `devel_score`; they are kept unless an epoch is better. The optimiser begins anew, and the checkpoint is one of this
    corpus's own. Arguments and errors are otherwise those of `fit`.
    """
    shortened = options.model_copy(
        update={
            "epochs": options.continued.epochs,
            "patience": None,
            "optimiser": options.optimiser.model_copy(
                update={"learning_rate": options.optimiser.learning_rate * options.continued.learning_rate_share}
            ),
        }
    )
    parts = of_corpus(sentences, tagger.lexicon.corpus_id(corpus))
    progress = progress or for_stream()
    progress.note(f"{corpus}: going on for this corpus alone, from the joint weights")
    return epochs.train(
        tagger,
        optimiser(shortened.optimiser, tagger),
        shortened,
        _lesson(tagger, sentences, parts, options),
        steps=num_batches(parts, options.batch_size),
        seed=seed,
        devel_score=(lambda: devel_score(tagger)) if options.train_on == "train" else None,
        folder=folder,
        identity=f"{identity} {corpus}",
        progress=progress,
        on_epoch=on_epoch,
        checkpoint=checkpoints.of_corpus(corpus),
        may_keep_start=True,
        changing_rows=changing_rows(tagger, sentences),
    )


def changing_rows(tagger: Tagger, sentences: Numbered) -> dict[str, int]:
    """How many rows of the table of words training on `sentences` can change: a lexicon numbers their words first."""
    return {"words.weight": sentences.num_words if tagger.options.tune_words else 0}


def _parts(tagger: Tagger, sentences: Numbered, options: TrainingOptions) -> list[Part]:
    if tagger.options.multitask is None:
        return whole(sentences)
    if isinstance(options, JointTrainingOptions) and options.sampling == "balanced":
        return by_corpus(sentences, options.sampling_alpha)
    return by_corpus(sentences)


def _lesson(tagger: Tagger, sentences: Numbered, parts: Sequence[Part], options: TrainingOptions) -> Lesson:
    device = next(tagger.parameters()).device
    mixed = options.mixed_precision and device.type == "cuda"

    def lesson(order: torch.Generator) -> Iterator[Step]:
        for batch in batches(sentences, parts, options.batch_size, order):
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                loss = tagger.loss(batch.to(device))
            yield Step(loss, len(batch.lengths), int(batch.lengths.sum()))

    return lesson
