"""What choices are worth: each cell or variant against the first one, on development files alone."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from metalstm.tables import results
from metalstm.tables.columns import NOTHING, Column, as_markdown, number, on_terminal
from metalstm.tables.markdown import model_name

Judged = dict[tuple[str, str, int], float]
"""Devel F1 by scope, corpus and seed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """All trainings of a cell in a setting, by what they reach on the development files."""

    setting: str
    cell: str
    runs: int
    corpora: int
    devel_f1_mean: float
    """Of all pairs of corpus and seed, in per cent."""
    gain: float | None
    """Mean difference from the first cell, over the pairs that both have; None for that cell, or without such pairs."""
    pairs: int
    not_below: int
    """Of `pairs`."""
    cpu_seconds: float
    """Of a training; the mean."""
    cpu_ratio: float | None
    """To the first cell's, over the trainings that both have."""


@dataclass(slots=True)
class _Trainings:
    devel: Judged
    cpu_seconds: dict[tuple[str, int], float]
    """By scope and seed."""


def gather(
    metrics: Sequence[Path], *, corpora: Sequence[str], cells: Sequence[str], settings: Sequence[str]
) -> list[Choice]:
    """By setting in the order given, the first of `cells` on top, then the others, the largest gain first.

    What was not judged by development files has no row: dictionaries, and what learned from them.

    Raises:
        UserError: a file is missing or is not what a run writes.
    """
    found: dict[tuple[str, str], _Trainings] = {}
    for path, content in results.runs(metrics):
        try:
            scores = content["scores"]
            judged = {corpus: scores[corpus]["devel"] for corpus in corpora if "devel" in scores.get(corpus, ())}
            if "cpu_seconds" in content and judged and not results.learned_from_devel(content):
                run = content["run"]
                scope, seed = str(run["scope"]), int(run["seed"])
                trainings = found.setdefault((run["setting"], run["cell"]), _Trainings({}, {}))
                trainings.cpu_seconds[scope, seed] = float(content["cpu_seconds"])
                for corpus, devel in judged.items():
                    trainings.devel[scope, corpus, seed] = float(devel["strict"]["f1"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise results.unreadable(path, error) from None
    order = list(dict.fromkeys([*settings, *sorted(setting for setting, _ in found)]))
    return [choice for setting in order for choice in _of_setting(setting, found, cells)]


def _of_setting(setting: str, found: Mapping[tuple[str, str], _Trainings], cells: Sequence[str]) -> list[Choice]:
    named = list(dict.fromkeys([*cells, *sorted(cell for _, cell in found)]))
    own = {cell: found[setting, cell] for cell in named if (setting, cell) in found}
    if not own:
        return []
    first = next(iter(own))
    choices = [_choice(setting, cell, own[cell], own[first] if cell != first else None) for cell in own]
    return sorted(choices, key=lambda choice: (choice.cell != first, choice.gain is None, -(choice.gain or 0.0)))


def _choice(setting: str, cell: str, own: _Trainings, first: _Trainings | None) -> Choice:
    shared = own.devel.keys() & first.devel.keys() if first else set()
    differences = [own.devel[pair] - first.devel[pair] for pair in sorted(shared)] if first else []
    trained = own.cpu_seconds.keys() & first.cpu_seconds.keys() if first else set()
    reference = sum(first.cpu_seconds[run] for run in trained) if first else 0.0
    return Choice(
        setting=setting,
        cell=cell,
        runs=len(own.cpu_seconds),
        corpora=len({corpus for _, corpus, _ in own.devel}),
        devel_f1_mean=statistics.fmean(own.devel.values()),
        gain=statistics.fmean(differences) if differences else None,
        pairs=len(differences),
        not_below=sum(difference >= 0 for difference in differences),
        cpu_seconds=statistics.fmean(own.cpu_seconds.values()),
        cpu_ratio=sum(own.cpu_seconds[run] for run in trained) / reference if reference else None,
    )


def page(title: str, choices: Sequence[Choice]) -> str:
    """A Markdown page with the table and what its figures are."""
    if not choices:
        return f"# {title}\n\nNo training was judged by a development file.\n"
    notes = [
        "- Devel F1: strict, in per cent, of the epoch that was kept, which is the best one on the same file; mean "
        "over corpora and seeds.",
        "- Difference: from the first row of the same model, which is the first of `cells` with a training; mean over "
        "the pairs of corpus and seed that both have; not below: how many of these pairs are not below it. With one "
        "seed half a point to a point is chance.",
        "- CPU: seconds of a training, and how many times that of the first cell.",
        "- Test files have no part in this table, so it is the one to choose by.",
    ]
    return "\n".join([f"# {title}", "", *as_markdown(choices, _COLUMNS), "", *notes]) + "\n"


def terminal(choices: Sequence[Choice], *, file: TextIO | None = None) -> None:
    """Print the table to `file`, by default standard output."""
    on_terminal(
        choices, _COLUMNS, title="choices", section=lambda choice: choice.setting, notes=lambda _: [], file=file
    )


def _rounded(value: float | None) -> float | None:
    """To what is shown, so that no zero is negative."""
    return None if value is None else round(value, 2) + 0.0


_COLUMNS: list[Column[Choice]] = [
    Column("Model", lambda choice: model_name(choice.setting), is_number=False),
    Column("Cell", lambda choice: choice.cell, is_number=False),
    Column("Runs", lambda choice: str(choice.runs)),
    Column("Corpora", lambda choice: str(choice.corpora), dropped=4),
    Column("Devel F1", lambda choice: number(choice.devel_f1_mean)),
    Column("Difference", lambda choice: number(_rounded(choice.gain), "+.2f")),
    Column("Not below", lambda choice: f"{choice.not_below} of {choice.pairs}" if choice.pairs else NOTHING, dropped=1),
    Column("CPU seconds", lambda choice: f"{choice.cpu_seconds:,.0f}", dropped=3),
    Column("CPU, times", lambda choice: number(choice.cpu_ratio), dropped=2),
]
