"""What each epoch brought, and the choice between epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of `history.csv`."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the sentences of the negative log-likelihood, with dropout, while the weights moved."""
    devel_f1: float | None
    """In per cent; None where no development set is left to choose by."""
    learning_rate: float
    wall_seconds: float
    """Training and scoring of the development set; writing the checkpoint is not in it."""
    cpu_seconds: float
    """Of all threads of this process, over the same span."""
    tokens_per_second: float
    """Training alone, by the clock on the wall."""


def best_epoch(history: Sequence[Epoch]) -> int:
    """The number of the first epoch with the highest devel F1; of the last epoch, where none has an F1.

    Raises ValueError for an empty history.
    """
    scored = [row for row in history if row.devel_f1 is not None]
    if not scored:
        return max(row.epoch for row in history)
    return max(scored, key=lambda row: (row.devel_f1, -row.epoch)).epoch


def out_of_patience(history: Sequence[Epoch], patience: int | None) -> bool:
    """Whether the last `patience` epochs were all no better than an earlier one."""
    return patience is not None and bool(history) and history[-1].epoch - best_epoch(history) >= patience


def as_csv(history: Sequence[Epoch]) -> str:
    """The text of `history.csv`: a header, then a row an epoch; numbers that read back as they were."""
    names = [field.name for field in fields(Epoch)]
    rows = [[getattr(row, name) for name in names] for row in history]
    return "".join(",".join("" if value is None else str(value) for value in row) + "\n" for row in [names, *rows])
