"""Gather the scores of many runs into one table, beside the study's published figures."""

import json
from pathlib import Path

from metalstm import tracking
from metalstm.files import write_text
from metalstm.plan.job import PLANS, Plan
from metalstm.tables import figures, gather, markdown


def run(plan: Plan) -> None:
    """Write the table of `plan` as CSV, Markdown, JSON and figure; MLflow gets the scores of its runs."""
    chosen = plan.parameters
    corpora, cells, table = chosen["corpora"], chosen["cells"], chosen["table"]
    folders = [Path(folder) for folder in chosen["runs"]]
    group = None if table == "all" else table
    rows = gather.gather([folder / "metrics.json" for folder in folders], corpora=corpora, cells=cells, group=group)
    missing = gather.absent(rows, corpora=corpora, cells=cells, settings=chosen["settings"])
    write_text(Path(plan.outputs["csv"]), gather.as_csv(rows))
    write_text(Path(plan.outputs["md"]), markdown.page(f"F1 on the test files: {table}", rows, missing))
    write_text(Path(plan.outputs["json"]), json.dumps(gather.f1_by_corpus(rows), indent=1) + "\n")
    figures.f1_by_corpus(rows, Path(plan.outputs["svg"]))

    settings = tracking.Settings.read(PLANS.parent)
    for folder in folders:
        tracking.try_send(folder, settings.uri)
    print(f"{plan.outputs['csv']}: {len(rows)} rows of {len(folders)} runs")
