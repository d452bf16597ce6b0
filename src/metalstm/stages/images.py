"""Train one classifier that reads images row by row, and score it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from metalstm.corpora import images
from metalstm.corpora.images import Images
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.nn import rows as classifiers
from metalstm.nn.rows import RowClassifier, RowClassifierOptions
from metalstm.plan.job import Plan
from metalstm.stages import manifest
from metalstm.stages.versions import versions
from metalstm.studies import rows, starts
from metalstm.studies.options import RowsOptions
from metalstm.studies.starts import Start
from metalstm.tracking import LiveRun
from metalstm.training import checkpoints
from metalstm.training.epochs import Outcome
from metalstm.training.history import IMAGES, as_csv

_MEASURED = 500
"""Images on which the start is measured."""
_STANDARD = 5000
"""Images whose pixels are the measure of all: more would change nothing but the memory that it takes."""


def run(plan: Plan) -> None:
    """Train as `plan` says, choose the epoch on the development images; write the model, its history and its scores.

    A training that was stopped goes on after its last whole epoch.

    Raises:
        UserError: damaged files, too few images, or a loss that is not finite.
    """
    torch.set_num_threads(1)
    chosen = plan.parameters
    options = RowsOptions.model_validate(chosen["options"])
    train, devel, test = _splits(plan, options.devel_images)
    torch.manual_seed(chosen["seed"])
    model = RowClassifier(_architecture(plan, options, train))
    start = starts.measure(model, devel.part(0, _MEASURED))
    folder = Path(plan.outputs["model.safetensors"]).parent

    with LiveRun(plan, terms=IMAGES) as tracked:
        outcome = rows.fit(
            model,
            train,
            devel,
            options,
            seed=chosen["seed"],
            folder=folder,
            identity=json.dumps(manifest.basis(plan)),
            on_epoch=tracked.epoch,
        )
    scores = {split: _score(model, part) for split, part in (("devel", devel), ("test", test))}
    classifiers.save(model, Path(plan.outputs["model.safetensors"]))
    write_text(Path(plan.outputs["history.csv"]), as_csv(outcome.history, IMAGES))
    metrics = _metrics(plan, model, outcome, start, scores)
    write_text(Path(plan.outputs["metrics.json"]), json.dumps(metrics, indent=1) + "\n")
    checkpoints.remove(folder)
    accuracies = ", ".join(f"{score['accuracy']:.2f} % on {split}" for split, score in scores.items())
    print(f"{chosen['variant']} on {chosen['scope']}: accuracy {accuracies}")


def _splits(plan: Plan, devel_images: int) -> tuple[Images, Images, Images]:
    """The images to learn from, those at the end of the same file to choose the epoch by, and the test images."""
    files = {role: Path(path) for role, path in plan.inputs.items()}
    learning = images.read(files["train-images"], files["train-labels"])
    test = images.read(files["test-images"], files["test-labels"])
    if len(learning) <= devel_images:
        raise UserError(
            f"{files['train-images']}: {len(learning)} images, and images.devel_images takes {devel_images} of them; "
            "take fewer in params.yaml"
        )
    if test.labels.max() > learning.labels.max() or test.pixels.shape[1:] != learning.pixels.shape[1:]:
        raise UserError(
            f"{files['test-images']}: images of another size or with labels that no training image has; "
            "do both files belong to one set?"
        )
    split = len(learning) - devel_images
    return learning.part(0, split), learning.part(split, len(learning)), test


def _architecture(plan: Plan, options: RowsOptions, train: Images) -> RowClassifierOptions:
    pixels = train.part(0, _STANDARD).pixels
    return RowClassifierOptions(
        cell=plan.parameters["cell"],
        cell_options=plan.parameters["cell_options"],
        hidden_size=options.hidden_size,
        num_layers=options.num_layers,
        bidirectional=options.bidirectional,
        row_size=train.pixels.shape[2],
        classes=int(train.labels.max()) + 1,
        pixel_mean=float(pixels.mean()),
        pixel_sd=float(pixels.std()) or 1.0,
    )


def _score(model: RowClassifier, part: Images) -> dict[str, Any]:
    correct = rows.correct(model, part)
    return {"accuracy": 100.0 * correct / len(part), "correct": correct, "images": len(part)}


def _metrics(
    plan: Plan, model: RowClassifier, outcome: Outcome, start: Start, scores: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    return {
        "run": {name: plan.parameters[name] for name in ("setting", "scope", "variant", "cell", "seed")},
        "scores": {plan.parameters["scope"]: scores},
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.history),
        "wall_seconds": round(outcome.wall_seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "images_per_second": round(outcome.tokens_per_second, 1),
        "peak_memory_mb": round(outcome.peak_memory_mb, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "start": asdict(start),
        "versions": versions(),
        "plan": {"code": plan.code, **plan.parameters},
    }
