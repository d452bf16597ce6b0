"""A table of results/tables on a terminal."""

from pathlib import Path

from metalstm.tables import choices, cost, csv_file, errors, markdown
from metalstm.tables.rows import Row


def show(table: Path) -> None:
    """Print choices.csv, cost.csv, errors.csv, or an F1 table, with that of all corpora what it cost.

    Raises:
        UserError: there is no such table, or it is not one.
    """
    if table.name == "choices.csv":
        choices.terminal(csv_file.read(table, choices.Choice))
    elif table.name == "errors.csv":
        errors.terminal(csv_file.read(table, errors.Errors))
    elif table.name != "cost.csv":
        markdown.terminal(csv_file.read(table, Row), title=table.stem)
    costs = table.with_name("cost.csv")
    if table == costs or (table.stem == "all" and costs.is_file()):
        cost.terminal(csv_file.read(costs, cost.Cost))
