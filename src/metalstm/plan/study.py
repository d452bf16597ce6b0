"""From params.yaml to one plan for each job: its inputs, outputs, parameters and the code that it runs.

Snakemake and DVC both list the plan among a job's inputs, and the job reads nothing but its plan. A plan is
rewritten only if its content changed, so a changed value runs again just the jobs that depend on it, in
either engine. It holds no time and no commit.
"""

import json
from itertools import chain
from pathlib import Path

from metalstm import parameters
from metalstm.corpora.splits import SPLITS
from metalstm.files import write_text_if_changed
from metalstm.plan import corpora, images, taggers, unread, vectors
from metalstm.plan.corpora import groups
from metalstm.plan.job import (
    MODEL_FILES,
    PARAMS,
    PLANS,
    SCORED_SPLITS,
    VECTORS,
    Plan,
    contextual,
    gazetteer,
    language_model,
    read,
)
from metalstm.plan.priorities import priorities
from metalstm.plan.taggers import runs
from metalstm.schema import Study

__all__ = [
    "MODEL_FILES",
    "PLANS",
    "SCORED_SPLITS",
    "SPLITS",
    "VECTORS",
    "Plan",
    "contextual",
    "gazetteer",
    "groups",
    "language_model",
    "plans",
    "priorities",
    "read",
    "runs",
    "write",
]


def plans(study: Study) -> dict[str, Plan]:
    """The plan of every job of the study, by the job's name; a job comes after those that it needs."""
    made = (room.plans(study) for room in (corpora, vectors, taggers, images))
    return {plan.job: plan for plan in chain.from_iterable(made)}


def write(path: Path) -> tuple[Study, dict[str, Plan]]:
    """Read params.yaml and bring the plans below results/plan up to date.

    Plans of jobs that the study no longer has are left alone: their results are still there. The file that the plans
    were made of stands beside them.

    Raises:
        UserError: what is wrong in params.yaml, and where.
    """
    study = parameters.read(path)
    planned = plans(study)
    for plan in planned.values():
        write_text_if_changed(plan.path, plan.to_json())
    unread.write(planned)
    write_text_if_changed(PARAMS, parameters.text(path))
    group_of = {corpus: group for group, members in reversed(groups(study).items()) for corpus in members}
    tracking = {**study.tracking.model_dump(), "group_of": group_of}
    write_text_if_changed(PLANS / "tracking.json", json.dumps(tracking, indent=1) + "\n")
    return study, planned
