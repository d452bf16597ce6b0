"""Run one stage by its plan: only if there is something to do, and with all that it makes noted."""

import importlib
from pathlib import Path

from metalstm import plan as planning
from metalstm.errors import UserError
from metalstm.stages import manifest

STAGES = ("fetch", "convert", "join", "vectors", "train", "score", "table", "images", "accuracy")


def run(stage: str, path: Path) -> bool:
    """Run `stage` as the plan at `path` says; return whether there was anything to do.

    Raises:
        UserError: the plan is for another stage, an input is missing, or what the stage itself finds wrong.
    """
    plan = planning.read(path)
    if plan.stage != stage:
        raise UserError(f"{path}: a plan for the stage {plan.stage}, not for {stage}")
    if manifest.is_current(plan):
        manifest.touch(plan)
        return False
    for role, file in plan.inputs.items():
        if not Path(file).is_file():
            raise UserError(f"{file}: no such file; {plan.job} reads it as {role}: run the stage before it first")
    importlib.import_module(f"metalstm.stages.{stage}").run(plan)
    manifest.write(plan)
    return True
