"""What may be chosen for each cell: readable before torch is imported.

The field names are the keyword options of `metalstm.nn.cells.recurrent` and the keys of `cell_options` in params.yaml.
"""

from typing import Annotated, Literal

from pydantic import Field

from metalstm.options import Options, Positive, Probability, Size


class CellOptions(Options):
    """Options of every cell."""

    dropout_input: Probability = 0.0
    """On what the first layer reads."""
    dropout_between: Probability = 0.0
    """On the output of every layer but the last."""
    dropout_recurrent: Probability = 0.0
    """On the state h that a step reads from the step before: one mask a sentence (Gal and Ghahramani 2016)."""
    variational: bool = False
    """One mask a sentence, the same at every step, for `dropout_input` and `dropout_between` too."""
    kernels: Literal["auto", "off"] = "auto"
    """auto: a kernel for whole sequences where one can serve; off: always one step after the other."""


class RNNOptions(CellOptions):
    """Elman's network."""

    activation: Literal["tanh", "relu"] = "tanh"
    """relu starts from the identity (Le, Jaitly and Hinton 2015); train it with gradient clipping."""


class BatchNormOptions(CellOptions):
    """The batch-normalised LSTM (Cooijmans 2016)."""

    max_steps: Size = 50
    """T_max: steps with statistics of their own; later steps share the last."""
    gamma: Positive = 0.1
    """First value of every scale."""
    epsilon: Positive = 1e-5
    """Added to variances."""
    decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99
    """Weight that the population statistics of a step keep when another batch comes."""


class HyperOptions(CellOptions):
    """Cells whose weights are scaled at every step by a smaller network (Ha, Dai and Le 2016)."""

    hyper_size: Size = 100
    """Units of the smaller network."""
    embedding_size: Size = 16
    """N_z, the size of each z."""
    z: Literal["per_gate", "shared"] = "per_gate"
    """An embedding z for each gate (the paper) or one for all four (the original study)."""
    start: Literal["paper", "study"] = "paper"
    """study: every weight from U(-1/sqrt(H), 1/sqrt(H)), which scales W to almost nothing; SGD hardly trains it."""


class HyperLSTMOptions(HyperOptions):
    """Hypernetwork LSTMs."""

    dropout_candidate: Probability = 0.0
    """On the candidate g alone, so that the memory c is never erased (Semeniuta 2016)."""


class MultiTaskOptions(CellOptions):
    """The shared Meta-LSTM of Chen, Qiu, Liu and Huang (2018)."""

    num_tasks: Size = 1
    """Corpora, each with P, Q and B of its own; a tagger counts those that it learns from."""
    meta_size: Size = 40
    """Units of the shared Meta-LSTM."""
    embedding_size: Size = 40
    """Size of z."""
