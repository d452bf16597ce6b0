"""Gather the scores of many runs into one table, beside the study's published figures."""

import json
from pathlib import Path

from metalstm import tracking
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.plan.job import PLANS, Plan
from metalstm.tables import gather, pages
from metalstm.wording import counted


def run(plan: Plan) -> None:
    """Write the table of `plan` as CSV, Markdown, JSON and figure; MLflow gets the scores of its runs.

    Raises:
        UserError: there is nothing to show, or metrics that do not belong together.
    """
    chosen = {name: plan.parameters[name] for name in ("corpora", "left_out", "cells", "settings")}
    metrics = [Path(path) for path in plan.inputs.values()]
    table = Path(plan.outputs["csv"])
    if not plan.parameters["runs"]:
        raise UserError(f"{table}: there is no run to show; name settings and cells in params.yaml")
    rows = pages.write(plan.parameters["table"], metrics, table.parent, **chosen)
    write_text(Path(plan.outputs["json"]), json.dumps(gather.f1_by_corpus(rows), indent=1) + "\n")

    uri = tracking.Settings.read(PLANS.parent).uri
    for folder in plan.parameters["runs"]:
        tracking.try_send(Path(folder), uri)
    print(f"{table}: {counted(len(rows), 'row')} of {counted(len(plan.parameters['runs']), 'run')}")
