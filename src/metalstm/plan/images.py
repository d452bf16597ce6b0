"""The plans of the study on images: train and score each variant of a cell, then one table for each set of images."""

from collections.abc import Iterator

from metalstm import overrides, source
from metalstm.nn import cells
from metalstm.plan.corpora import fetch
from metalstm.plan.job import Plan, Run
from metalstm.schema import Study

RUN_FILES = ("model.safetensors", "history.csv", "metrics.json")


def runs(study: Study, images: str) -> list[Run]:
    """Every training on a set of images; the name of a variant stands in the place of a cell."""
    chosen = study.images
    return [
        Run("images", images, variant, seed, (images,), joint=False)
        for variant in chosen.variants
        for seed in chosen.seeds
    ]


def plans(study: Study) -> Iterator[Plan]:
    """The plans of all jobs on images, each after those that it needs."""
    for images in study.images.sets:
        fetched = fetch(study, images)
        yield fetched
        trained = [_train(study, run, fetched) for run in runs(study, images)]
        yield from trained
        yield _accuracy(images, trained)


def _train(study: Study, run: Run, fetched: Plan) -> Plan:
    variant = study.images.variants[run.cell]
    chosen = {
        "setting": run.setting,
        "scope": run.scope,
        "variant": run.cell,
        "cell": variant.cell,
        "cell_options": variant.options,
        "seed": run.seed,
        "options": overrides.image_options(study, run.cell).model_dump(),
    }
    outputs = {name: f"{run.folder}/{name}" for name in RUN_FILES}
    code = source.digest("metalstm.stages.images", f"metalstm.nn.cells.{cells.REGISTRY[variant.cell].module}")
    return Plan(run.name, fetched.outputs, outputs, chosen, code)


def _accuracy(images: str, trained: list[Plan]) -> Plan:
    # What stands in a history is read for the curves, what stands in the metrics for the table.
    files = {f"{plan.job}/{name}": plan.outputs[name] for plan in trained for name in ("metrics.json", "history.csv")}
    outputs = {ending: f"results/tables/{images}.{ending}" for ending in ("csv", "md", "json", "svg")}
    chosen = {"images": images, "runs": [plan.outputs["metrics.json"].rpartition("/")[0] for plan in trained]}
    return Plan(f"accuracy/{images}", files, outputs, chosen, source.digest("metalstm.stages.accuracy"))
