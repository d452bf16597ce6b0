"""What each epoch brought, and the choice between epochs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Terms:
    """What is scored and what speed is counted in: words for a person, and names of columns."""

    score: str
    units: str


TAGGING = Terms(score="F1", units="tokens")
IMAGES = Terms(score="accuracy", units="images")


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of `history.csv`."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the examples of the negative log-likelihood, with dropout, while the weights moved."""
    devel_f1: float | None
    """In per cent (of images, the accuracy); None where no development set is left to choose by."""
    learning_rate: float
    wall_seconds: float
    """Training and scoring of the development set; writing the checkpoint is not in it."""
    cpu_seconds: float
    """Of all threads of this process, over the same span."""
    tokens_per_second: float
    """Training alone, by the clock on the wall; of images, images a second."""


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


def columns(terms: Terms = TAGGING) -> list[str]:
    """The columns of `history.csv`: the fields of `Epoch`, by the names that they have in these terms."""
    names = {"devel_f1": f"devel_{terms.score.lower()}", "tokens_per_second": f"{terms.units}_per_second"}
    return [names.get(field.name, field.name) for field in fields(Epoch)]


def named(row: Epoch, terms: Terms = TAGGING) -> dict[str, Any]:
    """The values of a row by column."""
    return dict(zip(columns(terms), asdict(row).values(), strict=True))


def as_csv(history: Sequence[Epoch], terms: Terms = TAGGING) -> str:
    """The text of `history.csv`: a header, then a row an epoch; numbers that read back as they were."""
    rows = [columns(terms), *(asdict(row).values() for row in history)]
    return "".join(",".join("" if value is None else str(value) for value in row) + "\n" for row in rows)
