"""The training of one tagger, from first weights to the best epoch's."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, Unpack

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


class Conditions(TypedDict):
    """What `epochs.train` is told too, beside what is trained on what and how."""

    seed: int
    devel_score: Score
    """An F1, which chooses the epoch."""
    folder: Path
    identity: str
    on_epoch: NotRequired[Callable[[Epoch], None] | None]
    progress: NotRequired[Reporter | None]
    """The terminal, if no one else is named."""


def fit(tagger: Tagger, sentences: Numbered, options: TrainingOptions, **conditions: Unpack[Conditions]) -> Outcome:
    """Train `tagger` in place, as `epochs.train` says.

    With `train_on: train+devel` no score is taken, and the last epoch is kept. A tagger that tells corpora apart
    without task tags learns from batches of one corpus each, drawn as `JointTrainingOptions` say. A tagger on a
    graphics processor is trained there, where sums have no fixed order.

    Raises UserError for patience without a development set, and as `epochs.train`.
    """
    if options.patience is not None and options.train_on != "train":
        raise UserError("training.patience needs devel F1, which train_on: train+devel does not leave; set one of them")
    return _train(tagger, sentences, _parts(tagger, sentences, options), options, **conditions)


def fit_to_corpus(
    tagger: Tagger,
    sentences: Numbered,
    corpus: str,
    options: JointTrainingOptions,
    **conditions: Unpack[Conditions],
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
    conditions["progress"] = progress = conditions.get("progress") or for_stream()
    conditions["identity"] += f" {corpus}"
    progress.note(f"{corpus}: going on for this corpus alone, from the joint weights")
    parts = of_corpus(sentences, tagger.lexicon.corpus_id(corpus))
    own = checkpoints.of_corpus(corpus)
    return _train(tagger, sentences, parts, shortened, **conditions, checkpoint=own, may_keep_start=True)


def changing_rows(tagger: Tagger, sentences: Numbered) -> dict[str, int]:
    """How many rows training on `sentences` can change, of tensors that it does not change as a whole.

    Of the table of words those of the words in `sentences`, which a lexicon numbers first; of a language model none.
    """
    frozen = {} if tagger.context is None else tagger.context.state_dict(prefix="context.")
    return dict.fromkeys(frozen, 0) | {"words.weight": sentences.num_words if tagger.options.tune_words else 0}


def _train(
    tagger: Tagger,
    sentences: Numbered,
    parts: Sequence[Part],
    options: TrainingOptions,
    *,
    seed: int,
    devel_score: Score,
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
    checkpoint: str = checkpoints.NAME,
    may_keep_start: bool = False,
) -> Outcome:
    return epochs.train(
        tagger,
        optimiser(options.optimiser, tagger, tagger.options.kernels),
        options,
        _lesson(tagger, sentences, parts, options),
        steps=num_batches(parts, options.batch_size),
        seed=seed,
        devel_score=(lambda: devel_score(tagger)) if options.train_on == "train" else None,
        folder=folder,
        identity=identity,
        progress=progress or for_stream(),
        on_epoch=on_epoch,
        checkpoint=checkpoint,
        may_keep_start=may_keep_start,
        changing_rows=changing_rows(tagger, sentences),
    )


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
            loss = tagger.add_gradients(batch, mixed_precision=mixed)
            yield Step(loss, len(batch.lengths), int(batch.lengths.sum()))

    return lesson
