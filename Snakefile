"""The study as a workflow: corpora -> text -> vectors -> training -> scoring -> tables.

Every rule runs `metalstm stage NAME --plan FILE`; the plans are written from params.yaml each time this file
is read, and only those whose content changed. dvc.yaml holds the same stages.
"""

import re
from itertools import product
from pathlib import Path

from snakemake.utils import min_version

from metalstm.plan import study as planning
from metalstm.plan import images as image_plans
from metalstm.plan import unread
from metalstm.plan import vectors as vector_plans
from metalstm.errors import UserError
from metalstm.schema import MTM_PLUS

# Priorities as functions.
min_version("9.27")

if config:
    raise WorkflowError(
        "--config and --configfile do not reach the jobs: edit params.yaml, or run in a folder with one of its own."
    )

try:
    STUDY, PLANS = planning.write(Path("params.yaml"))
except UserError as error:
    raise WorkflowError(str(error))

UNREAD = unread.jobs(PLANS)
PRIORITIES = planning.priorities(PLANS)
RUNS = planning.runs(STUDY)
GROUPS = planning.groups(STUDY)
IMAGE_RUNS = [run for images in STUDY.images.sets for run in image_plans.runs(STUDY, images)]


include: "workflow/rules/jobs.smk"


wildcard_constraints:
    corpus=one_of(STUDY.corpora),
    group=one_of(GROUPS),
    setting=one_of([*STUDY.settings.per_corpus, *STUDY.settings.per_group]),
    cell=one_of(STUDY.cells),
    seed="[0-9]+",
    images=one_of(STUDY.images.sets),
    variant=one_of(STUDY.images.variants),


report: "workflow/report/study.rst"


include: "workflow/rules/corpora.smk"
include: "workflow/rules/vectors.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/images.smk"


rule all:
    default_target: True
    input:
        [f"results/tables/{group}.csv" for group in GROUPS],
        "results/tables/all.csv",
        vector_plans.COVERAGE["report"],
        # Trainings need these anyway; named here, one that is lost is made again. What none reads is left out.
        [
            path
            for plan in PLANS.values()
            if plan.stage in ("language_model", "contextual", "gazetteer") and plan.job not in UNREAD
            for path in plan.outputs.values()
        ],
        [f"results/tables/{images}.csv" for images in STUDY.images.sets],
        [f"{run.folder}/model.safetensors" for run in [*RUNS, *IMAGE_RUNS]],
    localrule: True
