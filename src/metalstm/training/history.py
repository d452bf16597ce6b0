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
    tokens: int = 0
    """What was learned from; of images, which have no such column, their number."""
    corpus: str | None = None
    """Of an epoch on one corpus of a group, after the joint ones; images have no such column."""


def tokens_per_second(history: Sequence[Epoch]) -> float:
    """Of training alone: all tokens by all the seconds that they took, be the epochs of one size or not."""
    seconds = sum(row.tokens / row.tokens_per_second for row in history if row.tokens)
    return sum(row.tokens for row in history) / seconds if seconds else 0.0


def best_epoch(history: Sequence[Epoch], start_score: float | None = None) -> int:
    """The number of the first epoch with the highest devel F1; of the last epoch, where none has an F1.

    `start_score` is the F1 of the model before the first epoch, if that may be chosen too, as epoch 0. Raises
    ValueError where there is nothing to choose from.
    """
    scored = [(row.devel_f1, -row.epoch) for row in history if row.devel_f1 is not None]
    if start_score is not None:
        scored.append((start_score, 0))
    if not scored:
        return max(row.epoch for row in history)
    return -max(scored)[1]


def best_score(history: Sequence[Epoch], start_score: float | None = None) -> float | None:
    """The devel F1 of `best_epoch`; None where it was not chosen by one."""
    return max(
        (score for score in (start_score, *(row.devel_f1 for row in history)) if score is not None), default=None
    )


def out_of_patience(history: Sequence[Epoch], patience: int | None) -> bool:
    """Whether the last `patience` epochs were all no better than an earlier one."""
    return patience is not None and bool(history) and history[-1].epoch - best_epoch(history) >= patience


def columns(terms: Terms = TAGGING) -> list[str]:
    """The columns of `history.csv`: the fields of `Epoch`, by the names that they have in these terms."""
    names = {"devel_f1": f"devel_{terms.score.lower()}", "tokens_per_second": f"{terms.units}_per_second"}
    kept = [field.name for field in fields(Epoch) if terms is TAGGING or field.name not in ("tokens", "corpus")]
    return [names.get(name, name) for name in kept]


def named(row: Epoch, terms: Terms = TAGGING) -> dict[str, Any]:
    """The values of a row by column."""
    return dict(zip(columns(terms), asdict(row).values(), strict=False))


def as_csv(history: Sequence[Epoch], terms: Terms = TAGGING) -> str:
    """The text of `history.csv`: a header, then a row an epoch; numbers that read back as they were."""
    rows = [columns(terms), *(named(row, terms).values() for row in history)]
    return "".join(",".join("" if value is None else str(value) for value in row) + "\n" for row in rows)
