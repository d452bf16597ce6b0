"""What trainings took, by cell and setting, as their metrics.json files say."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from metalstm.tables import results
from metalstm.tables.columns import Column, on_terminal, padded
from metalstm.tables.markdown import model_name

CORES = 2
"""Wall time is told for a machine with so many, each with a training of its own."""
_SECONDS = 3600.0
_NUMBERS = (False, False, *[True] * 5)


@dataclass(frozen=True, slots=True)
class Cost:
    """All trainings of a cell in a setting."""

    setting: str
    cell: str
    runs: int
    cpu_hours: float
    """Of all runs."""
    wall_hours: float
    """cpu_hours on `CORES` cores that are never idle."""
    tokens_per_second: float
    """Of training; the median over runs."""
    peak_memory_mb: float
    """The largest over runs."""


def gather(metrics: Sequence[Path], *, cells: Sequence[str], settings: Sequence[str]) -> list[Cost]:
    """The cost of the runs in some metrics.json files, by setting and cell in the order given, others last.

    What was not trained (dictionaries, votes) costs nothing and has no row.

    Raises:
        UserError: a file is missing or is not what a run writes.
    """
    runs: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for path, content in results.runs(metrics):
        try:
            if "cpu_seconds" in content:
                run = content["run"]
                measured = tuple(
                    float(content[name]) for name in ("cpu_seconds", "tokens_per_second", "peak_memory_mb")
                )
                runs.setdefault((run["setting"], run["cell"]), []).append(measured)
        except (ValueError, KeyError, TypeError) as error:
            raise results.unreadable(path, error) from None
    setting_order = [*settings, *sorted({setting for setting, _ in runs})]
    cell_order = [*cells, *sorted({cell for _, cell in runs})]
    places = sorted(runs, key=lambda place: (setting_order.index(place[0]), cell_order.index(place[1])))
    return [_cost(setting, cell, runs[setting, cell]) for setting, cell in places]


def page(title: str, costs: Sequence[Cost]) -> str:
    """A Markdown page with the table, its sum, and what the figures are."""
    notes = [
        "- CPU hours: what the trainings took of the processor, learning and choosing the epoch; corpora, word vectors "
        "and scoring are not in it.",
        f"- Hours on {CORES} cores: CPU hours / {CORES}, a training on each core.",
        "- Tokens a second: the median over runs; what else the machine did slows it. Peak memory: the largest of all.",
    ]
    return "\n".join([f"# {title}", "", *padded(_lines(costs), _NUMBERS), "", *notes]) + "\n"


def terminal(costs: Sequence[Cost], *, file: TextIO | None = None) -> None:
    """Print the table and its sum to `file`, by default standard output."""
    headings, *lines = _lines(costs)
    columns: list[Column[Sequence[str]]] = [
        Column(heading, itemgetter(number), is_number=is_number)
        for number, (heading, is_number) in enumerate(zip(headings, _NUMBERS, strict=True))
    ]
    total = lines[-1]
    on_terminal(lines, columns, title="cost", section=lambda line: line is total, notes=lambda _: [], file=file)


def _lines(costs: Sequence[Cost]) -> list[list[str]]:
    """Headings, a line for each cost, and their sum."""
    lines = [["Model", "Cell", "Runs", "CPU hours", f"Hours on {CORES} cores", "Tokens a second", "Peak memory MB"]]
    for cost in costs:
        measured = [f"{cost.cpu_hours:.2f}", f"{cost.wall_hours:.2f}", f"{cost.tokens_per_second:,.0f}"]
        lines.append([model_name(cost.setting), cost.cell, str(cost.runs), *measured, f"{cost.peak_memory_mb:,.0f}"])
    cpu, wall = (f"{sum(getattr(cost, name) for cost in costs):.2f}" for name in ("cpu_hours", "wall_hours"))
    peak = max((cost.peak_memory_mb for cost in costs), default=0.0)
    return [*lines, ["all", "", str(sum(cost.runs for cost in costs)), cpu, wall, "", f"{peak:,.0f}"]]


def _cost(setting: str, cell: str, runs: Sequence[tuple[float, ...]]) -> Cost:
    seconds, speeds, memory = zip(*runs, strict=True)
    hours = sum(seconds) / _SECONDS
    return Cost(setting, cell, len(runs), hours, hours / CORES, statistics.median(speeds), max(memory))
