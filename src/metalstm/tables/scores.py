"""The scores of one file on the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

READINGS = {
    "strict": "type and both ends right, valid IOBES",
    "conlleval": "chunks as CoNLL's scorer finds them",
    "study": "as the original study counted: I- and O are alike",
}


def terminal(scores: dict[str, Any]) -> None:
    """Print what `Scores.as_dict` holds: for each reading all types together, and each of them."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Reading")
    table.add_column("Type", overflow="fold")
    for heading in ("Precision", "Recall", "F1", "Entities"):
        table.add_column(heading, justify="right")
    for reading in READINGS:
        score = scores[reading]
        table.add_row(reading, "all", *_figures(score))
        for kind, part in score["by_type"].items():
            table.add_row("", kind, *_figures(part))
    console = Console(markup=False, emoji=False, highlight=False)  # a type may look like markup
    console.print(table)
    for reading, meaning in READINGS.items():
        console.print(f"{reading}: {meaning}", style="dim")


def _figures(score: dict[str, float]) -> list[str]:
    return [*(f"{score[name]:.2f}" for name in ("precision", "recall", "f1")), f"{score['support']:,}"]
