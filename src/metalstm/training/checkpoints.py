"""A training in the middle, kept in one file, so that one that was killed goes on as if nothing had happened."""

import pickle
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metalstm import files
from metalstm.errors import UserError
from metalstm.training.history import Epoch
from metalstm.training.weights import Weights

NAME = "checkpoint.pt"
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that the epochs to come depend on; the place in the schedule is the length of the history."""

    identity: str
    """What is trained, on what, and how: a training goes on only from a checkpoint of its own."""
    model: Weights
    best: Weights | None
    """The weights of the best epoch, where that is chosen by devel F1."""
    start_score: float | None
    """The score of the weights that it began with, where they take part in that choice."""
    last_epochs: list[Weights]
    """The weights of the last epochs, where their mean is what is scored and kept."""
    optimiser: dict[str, Any]
    history: list[Epoch]
    random_states: list[Tensor]
    """Of torch's default generators, from which dropout draws."""
    order_state: Tensor
    """Of the generator that orders the sentences."""
    peak_memory_mb: float


def random_states() -> list[Tensor]:
    """The states of torch's default generators: the CPU's, then those of the graphics processors in use."""
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # to ask for states would start them
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if in_use else [])]


def set_random_states(states: list[Tensor]) -> None:
    """Put the default generators back in the states that `random_states` gave."""
    torch.set_rng_state(states[0])
    # A training that is resumed may be shown fewer graphics processors than before; it runs on the first.
    for device, state in zip(range(torch.cuda.device_count()), states[1:], strict=False):
        torch.cuda.set_rng_state(state, device)


def save(folder: Path, checkpoint: Checkpoint, name: str = NAME) -> None:
    """Write `folder/name`, atomically: a kill while it is written leaves the one before."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    content["history"] = [asdict(row) for row in checkpoint.history]
    with files.atomic(folder / name, RuntimeError) as temporary:
        torch.save({"format": _FORMAT, **content}, temporary)


def load(folder: Path, name: str = NAME) -> Checkpoint | None:
    """The checkpoint `name` in `folder`, or None if there is none.

    Nothing in the file is executed: it may hold tensors and plain values only. Raises UserError for a file
    that is damaged, or of another version.
    """
    path = folder / name
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content.pop("format") != _FORMAT:
            raise ValueError("another format")
        content["history"] = [Epoch(**row) for row in content["history"]]
        return Checkpoint(**content)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f"{path}: not a checkpoint that this version can read; remove it to begin this training again"
        ) from error


def of_corpus(corpus: str) -> str:
    """The name of the checkpoint of the training that goes on for one corpus."""
    return f"checkpoint-{corpus}.pt"


def remove(folder: Path) -> None:
    """Remove the checkpoints, half-written ones too, once the outputs of the training stand."""
    for pattern in (NAME, of_corpus("*")):
        for path in (*folder.glob(pattern), *files.unfinished(folder, pattern)):
            path.unlink(missing_ok=True)
