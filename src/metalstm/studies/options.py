"""What may be chosen in the studies beside the taggers: readable before torch is imported."""

from typing import Annotated, Any

from pydantic import Field

from metalstm.options import Options, Size
from metalstm.training.options import LoopOptions, OptimiserOptions, ScheduleOptions


class Variant(Options):
    """A cell with options of its own: the same cell may take part more than once."""

    cell: str
    options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    """Values that replace those of the others, such as another optimiser; nested keys are merged."""


class RowsOptions(LoopOptions):
    """Network and training of a classifier that reads images row by row."""

    hidden_size: Size = 128
    """Units a direction."""
    num_layers: Size = 2
    bidirectional: bool = False
    devel_images: Size = 5000
    """Taken from the end of the training images; the epoch is chosen by the accuracy on them."""
    epochs: Size = 5
    batch_size: Size = 100
    optimiser: OptimiserOptions = OptimiserOptions(name="adam", learning_rate=0.002)
    schedule: ScheduleOptions = ScheduleOptions(name="linear", floor=0.1)
    clip_norm: Annotated[float, Field(ge=0.0)] = 1.0
