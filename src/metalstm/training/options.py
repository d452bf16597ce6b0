"""How a model is trained: readable before torch is imported."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from metalstm.nn.options import ContextOptions
from metalstm.options import NotNegative, Options, Positive, Seed


class OptimiserOptions(Options):
    """A name of the registry in `training.optimisers` and its settings."""

    name: Literal["sgd", "adam", "adamw", "nadam"] = "sgd"
    learning_rate: Positive = 0.15
    """For a loss that is the mean over the examples of a batch; the default is for sgd alone."""
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    weight_decay: NotNegative = 0.0

    @model_validator(mode="after")
    def _one_kind_of_momentum(self) -> "OptimiserOptions":
        if self.momentum and self.name != "sgd":
            raise ValueError(f"`momentum` is for sgd; {self.name} has moments of its own")
        return self

    @model_validator(mode="after")
    def _rate_of_its_own(self) -> "OptimiserOptions":
        if self.name != "sgd" and "learning_rate" not in self.model_fields_set:
            raise ValueError(f"{self.name} needs a `learning_rate`; 0.15 is that of sgd, and far too high for it")
        return self


class ScheduleOptions(Options):
    """The learning rate of epoch e = 0, 1, ... as a multiple of `optimiser.learning_rate`."""

    name: Literal["constant", "inverse", "linear", "cosine"] = "inverse"
    """inverse: 1 / (1 + decay * e); linear and cosine fall to `floor` at the last epoch."""
    decay: NotNegative = 0.05
    floor: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """Before the schedule is followed in full, so many epochs at a share of it that rises in equal steps."""


class AveragingOptions(Options):
    """The mean of the weights at the ends of the last epochs, which is what is scored and kept."""

    last_epochs: Annotated[int, Field(ge=2)]
    """So many of them; while fewer are done, all."""


class LoopOptions(Options):
    """What all trainings have in common, whatever they learn from."""

    epochs: Annotated[int, Field(ge=1)] = 15
    patience: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many epochs without a better devel score; null: never."""
    batch_size: Annotated[int, Field(ge=1)] = 10
    """Examples a step: sentences or images."""
    optimiser: OptimiserOptions = OptimiserOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    clip_norm: NotNegative = 5.0
    """Largest norm of the gradient of all parameters together; 0: no limit."""
    averaging: AveragingOptions | None = None
    """null: the weights are scored and kept as an epoch leaves them."""


class TrainingOptions(LoopOptions):
    """The training of a tagger, from the order of sentences to the choice of the epoch."""

    train_on: Literal["train", "train+devel"] = "train"
    """With train+devel the last epoch is kept, since no unseen split is left to choose by."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a graphics processor if there is one."""
    mixed_precision: bool = False
    """On a graphics processor: products in bfloat16, everything that sums up in float32."""

    @model_validator(mode="after")
    def _patience_has_a_score(self) -> "TrainingOptions":
        if self.patience is not None and self.train_on != "train":
            raise ValueError("`patience` needs devel F1, which `train_on: train+devel` does not leave; set one of them")
        return self


class ContinuedOptions(Options):
    """Training that goes on for one corpus, from the weights of a joint training."""

    epochs: Annotated[int, Field(ge=0)] = 4
    """0: none, and the joint weights are every corpus's."""
    learning_rate_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """The schedule begins again, at this share of `optimiser.learning_rate`."""


class JointTrainingOptions(TrainingOptions):
    """The training of one tagger for several corpora without task tags."""

    sampling: Literal["proportional", "balanced"] = "proportional"
    """proportional: every sentence once an epoch; balanced: as many sentences an epoch, but a corpus of n sentences
    has a share of them that is proportional to n ** sampling_alpha."""
    sampling_alpha: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """For balanced: 0 gives every corpus the same share, 1 that of its sentences."""
    continued: ContinuedOptions = ContinuedOptions()


class LanguageModelOptions(ContextOptions):
    """The training of a language model: once over a share of the text that the word vectors have read."""

    tokens: Annotated[int, Field(ge=1)] = 8_000_000
    """About so many are read: of each text as many, and of one that has fewer all."""
    negative: Annotated[int, Field(ge=1)] = 1000
    """Negative samples, the same for all tokens of a batch."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    learning_rate: Positive = 0.003
    """Of the first steps; it falls in a line to 0."""
    seed: Seed = 1
