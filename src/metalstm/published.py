"""The F1 figures that others published: the study's own, and those of other systems on the same corpora."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published_f1.tsv")
STUDY = "metaLSTM"
"""The system whose STM and MTM figures this project reproduces."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One published F1 and the protocol behind it."""

    corpus: str
    system: str
    setting: str
    f1: float
    """In per cent, on the test split."""
    protocol: str


@cache
def figures() -> tuple[Figure, ...]:
    """All figures of `FILE`, in its order."""
    rows = [line.split("\t") for line in FILE.read_text(encoding="utf-8").split("\n")[1:] if line]
    return tuple(Figure(corpus, system, setting, float(f1), protocol) for corpus, system, setting, f1, protocol in rows)


def study_f1(corpus: str, setting: str) -> float | None:
    """The study's F1 of a corpus with the setting `stm` or `mtm`; None where it has none."""
    wanted = (corpus, STUDY, setting.upper())
    return next((figure.f1 for figure in figures() if (figure.corpus, figure.system, figure.setting) == wanted), None)


def others(corpus: str) -> tuple[Figure, ...]:
    """What systems other than the study's reached on a corpus."""
    return tuple(figure for figure in figures() if figure.corpus == corpus and figure.system != STUDY)
