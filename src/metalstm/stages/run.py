"""Run one stage by its plan: only if there is something to do, and with all that it makes noted."""

import importlib
import os
from pathlib import Path

from metalstm.errors import UserError
from metalstm.plan import job, unread
from metalstm.stages import manifest, snakemake_records

STAGES = (
    "fetch",
    "convert",
    "join",
    "text",
    "vectors",
    "coverage",
    "language_model",
    "contextual",
    "gazetteer",
    "train",
    "score",
    "dictionary",
    "vote",
    "table",
    "images",
    "accuracy",
)


def run(stage: str, path: Path, *, if_read: bool = False) -> bool:
    """Run `stage` as the plan at `path` says; return whether there was anything to do.

    With `if_read` nothing is made that no training reads; `_stand_in` says what there is instead.

    Raises:
        UserError: the plan is for another stage, an input is missing, or what the stage itself finds wrong.
    """
    plan = job.read(path)
    if not (isinstance(plan.job, str) and all(isinstance(part, dict) for part in (plan.inputs, plan.outputs))):
        raise UserError(f"{path}: not a plan; `metalstm plan` writes it anew")
    if stage not in STAGES:
        raise UserError(f"there is no stage {stage!r}; stages: {', '.join(STAGES)}")
    if plan.stage != stage:
        raise UserError(f"{path}: a plan for the stage {plan.stage}, not for {stage}")
    if if_read and plan.job in unread.read():
        _stand_in(plan)
        return False
    if manifest.is_current(plan):
        manifest.touch(plan)
        return False
    for role, file in plan.inputs.items():
        if not Path(file).is_file():
            raise UserError(f"{file}: no such file; {plan.job} reads it as {role}: run the stage before it first")
    built_on = manifest.basis(plan)
    # Before, for a stage that is ended halfway has made some of its outputs.
    snakemake_records.forget(plan.outputs.values())
    importlib.import_module(f"metalstm.stages.{stage}").run(plan)
    manifest.write(plan, built_on)
    if job.read(path) != plan:
        # The outputs are of the plan as it was, and must look older than the plan as it is.
        os.utime(path)
        print(f"{path}: changed while this stage ran; the next run of the workflow makes its outputs anew")
    return True


def _stand_in(plan: job.Plan) -> None:
    """Empty files where an output is not there, for DVC refuses a stage without one of its outputs.

    What was made before stays. An empty file is older than any plan, so that Snakemake makes it once it is wanted; of
    the time 0 it would take it for one without a time.
    """
    absent = [path for path in map(Path, plan.outputs.values()) if not path.exists()]
    snakemake_records.forget(map(str, absent))
    for path in absent:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1, 1))
    print(f"{plan.job}: no training reads it, so it is not made")
