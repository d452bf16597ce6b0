"""Recurrent cells by name.

torch is imported only when a cell is built, so that names and options can be checked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from metalstm.errors import UserError
from metalstm.nn.cells.options import (
    BatchNormOptions,
    CellOptions,
    HyperLSTMOptions,
    HyperOptions,
    MultiTaskOptions,
    RNNOptions,
)

if TYPE_CHECKING:
    from metalstm.nn.cells.stack import Stack


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the class of a cell stands, and what may be chosen for it."""

    module: str
    cell: str
    options: type[CellOptions]


REGISTRY: dict[str, Entry] = {
    "rnn": Entry("elman", "RNN", RNNOptions),
    "lstm": Entry("lstm", "LSTM", CellOptions),
    "torchlstm": Entry("lstm", "TorchLSTM", CellOptions),
    "metarnn": Entry("hyper", "MetaRNN", HyperOptions),
    "metalstm": Entry("hyper", "MetaLSTM", HyperLSTMOptions),
    "metalnlstm": Entry("hyper", "MetaLNLSTM", HyperLSTMOptions),
    "lnlstm": Entry("normalised", "LayerNormLSTM", CellOptions),
    "bnlstm": Entry("normalised", "BatchNormLSTM", BatchNormOptions),
    "metamtl": Entry("multitask", "MetaMultiTask", MultiTaskOptions),
}


def names() -> list[str]:
    """The names of all cells, in the order of the registry."""
    return list(REGISTRY)


def check(name: str, options: dict[str, Any]) -> CellOptions:
    """The options of the cell `name`, with defaults filled in, without importing torch.

    Raises UserError for an unknown cell, an unknown or missing option, or a value out of bounds.
    """
    if name not in REGISTRY:
        raise UserError(f"There is no cell '{name}'{_nearest(name, names())}. Cells: {', '.join(names())}.")
    kind = REGISTRY[name].options
    try:
        return kind.model_validate(options)
    except ValidationError as failure:
        error = failure.errors()[0]
        option = str(error["loc"][0])
        accepted = list(kind.model_fields)
        if error["type"] == "extra_forbidden":
            problem = f"has no option '{option}'{_nearest(option, accepted)}"
        elif error["type"] == "missing":
            problem = f"needs the option '{option}'"
        else:
            problem = f"cannot take {option}={error['input']!r}: {error['msg']}"
        raise UserError(f"The cell '{name}' {problem}. Its options: {', '.join(accepted)}.") from None


def recurrent(
    name: str, input_size: int, hidden_size: int, *, bidirectional: bool = True, num_layers: int = 1, **options: Any
) -> Stack:
    """Layers of the cell `name`, to be called as `module(inputs, lengths)`.

    inputs are `[batch, time, input_size]`, lengths `[batch]`; the result is `[batch, time, hidden_size * directions]`,
    with zeros on padding. A module whose attribute `takes_corpus` is True is called `module(inputs, lengths, corpus)`
    with `corpus [batch]`, the number of each sentence's corpus.

    Raises UserError for an unknown cell, an unknown or missing option, or a value out of bounds.
    """
    chosen = check(name, options)
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
    for key, size in sizes.items():
        if size < 1:
            raise UserError(f"The cell '{name}' cannot take {key}={size}: it should be at least 1.")

    from metalstm.nn.cells.stack import Stack

    entry = REGISTRY[name]
    cell = getattr(import_module(f"{__name__}.{entry.module}"), entry.cell)
    return Stack(cell, input_size, hidden_size, chosen, bidirectional=bidirectional, num_layers=num_layers)


def _nearest(word: str, accepted: list[str]) -> str:
    near = get_close_matches(word, accepted, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
