"""The files of a table, from the metrics.json files of its runs alone."""

from collections.abc import Sequence
from pathlib import Path

from metalstm.files import write_text
from metalstm.tables import choices, cost, csv_file, errors, figures, gather, markdown, summary
from metalstm.tables.choices import Choice
from metalstm.tables.cost import Cost
from metalstm.tables.errors import Errors
from metalstm.tables.rows import NO_CELL, Row

ALL = "all"
"""The table of all corpora and groups."""


def write(
    table: str,
    metrics: Sequence[Path],
    folder: Path,
    *,
    corpora: Sequence[str],
    cells: Sequence[str],
    settings: Sequence[str],
    left_out: Sequence[str] = (),
) -> list[Row]:
    """Write `table`.csv, .md and .svg in `folder` and return the rows; nothing is written where there are none.

    `table` is a group of `corpora`, or `all`: then the page begins with a summary, and choices, cost and errors,
    each .csv and .md, are written beside it. Where no row is of a model there is no .svg. The page says which corpora
    of the groups are `left_out`.

    Raises:
        UserError: what `gather` finds wrong in the metrics.
    """
    group = None if table == ALL else table
    rows = gather.gather(metrics, corpora=corpora, cells=cells, settings=settings, group=group)
    if not rows:
        return rows
    missing = gather.absent(rows, corpora=corpora, cells=cells, settings=settings)
    opening = summary.lines(rows) if table == ALL else []
    files = {
        f"{table}.csv": csv_file.text(rows, Row),
        f"{table}.md": markdown.page(
            f"F1 on the test files: {table}", rows, missing, left_out=left_out, opening=opening
        ),
    }
    if table == ALL:
        chosen = choices.gather(metrics, corpora=corpora, cells=cells, settings=settings)
        costs = cost.gather(metrics, cells=cells, settings=settings)
        wrong, not_counted = errors.gather(metrics, corpora=corpora, cells=cells, settings=settings)
        files |= {
            "choices.csv": csv_file.text(chosen, Choice),
            "choices.md": choices.page("What choices are worth on the development files", chosen),
            "cost.csv": csv_file.text(costs, Cost),
            "cost.md": cost.page("What the trainings took", costs),
            "errors.csv": csv_file.text(wrong, Errors),
            "errors.md": errors.page("What the errors on the test files are", wrong, not_counted),
        }
    # Whatever is wrong in the metrics has been found by now: all files are written, or none.
    for name, text in files.items():
        write_text(folder / name, text)
    if any(row.cell != NO_CELL for row in rows):
        figures.f1_by_corpus(rows, folder / f"{table}.svg")
    return rows
