"""Gather the runs on one set of images into a table of accuracies and a picture of learning curves."""

import json
from pathlib import Path

from metalstm import tracking
from metalstm.files import write_text
from metalstm.plan.job import PLANS, Plan
from metalstm.tables import accuracy, figures
from metalstm.wording import counted


def run(plan: Plan) -> None:
    """Write the table of `plan` as CSV, Markdown and JSON, and the curves; MLflow gets the scores of its runs."""
    images = plan.parameters["images"]
    folders = [Path(folder) for folder in plan.parameters["runs"]]
    rows = accuracy.gather([folder / "metrics.json" for folder in folders])
    curves = Path(plan.outputs["svg"])
    write_text(Path(plan.outputs["csv"]), accuracy.as_csv(rows))
    write_text(Path(plan.outputs["md"]), accuracy.page(f"Accuracy, row by row: {images}", rows, curves.name))
    write_text(Path(plan.outputs["json"]), json.dumps({images: accuracy.by_variant(rows)}, indent=1) + "\n")
    histories: dict[str, list[Path]] = {}
    for folder in folders:
        histories.setdefault(folder.parent.name, []).append(folder / "history.csv")
    figures.learning_curves(histories, curves, score="accuracy", examples="images")

    settings = tracking.Settings.read(PLANS.parent)
    for folder in folders:
        tracking.try_send(folder, settings.uri)
    print(f"{plan.outputs['csv']}: {counted(len(rows), 'row')} of {counted(len(folders), 'run')}")
