"""The table of classifiers of images: a row for each variant of a cell, over all seeds."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metalstm.errors import UserError
from metalstm.tables import csv_file
from metalstm.tables.columns import NOTHING, padded

STUDY = {("MNIST", "metarnn"): "11", ("MNIST", "metalstm"): "< 37"}
"""Accuracy in per cent, as far as the study's pictures tell; it published no figures."""


@dataclass(frozen=True, slots=True)
class Row:
    """One variant; scores in per cent, as means over seeds; None where there is nothing to say."""

    images: str
    variant: str
    cell: str
    seeds: int
    """How many."""
    accuracy_mean: float
    """On the test images."""
    accuracy_sd: float | None
    """Sample standard deviation over seeds; from two seeds on."""
    study_accuracy: str | None
    """What the study published for the cell."""
    devel_accuracy_mean: float
    best_epoch_mean: float
    cpu_seconds_an_epoch: float
    parameters: int
    scale_mean: float | None
    """Of the scales d of a hypernetwork cell, before training."""
    scale_sd: float | None
    state_spread: float
    """Before training: standard deviation of the last state over images."""
    n_devel_images: int
    n_test_images: int


def gather(metrics: Sequence[Path]) -> list[Row]:
    """The rows of the metrics.json files of one set of images, in the order in which the variants come.

    Raises:
        UserError: a file is missing or is not what a run on images writes.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in metrics:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            runs.setdefault(content["run"]["variant"], []).append(_values(content))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; run this training first") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not the metrics of a run on images ({error!r}); run it again") from None
    return [_row(variant, seeds) for variant, seeds in runs.items()]


def as_csv(rows: Sequence[Row]) -> str:
    """The table as CSV: the fields of `Row`, floats with six digits, empty where there is no value."""
    return csv_file.text(rows, Row, ".6g")


def by_variant(rows: Sequence[Row]) -> dict[str, float]:
    """Variant to test accuracy, for `dvc metrics show`."""
    return {row.variant: round(row.accuracy_mean, 2) for row in rows}


def page(title: str, rows: Sequence[Row], curves: str | None) -> str:
    """A Markdown page: the table, how its figures came about, and `curves`, the file of the learning curves if any."""
    columns = {
        "Variant": [row.variant for row in rows],
        "Cell": [row.cell for row in rows],
        "Seeds": [str(row.seeds) for row in rows],
        "Accuracy": [_with_deviation(row.accuracy_mean, row.accuracy_sd, ".2f") for row in rows],
        "Study": [row.study_accuracy or NOTHING for row in rows],
        "Devel": [f"{row.devel_accuracy_mean:.2f}" for row in rows],
        "Best epoch": [f"{row.best_epoch_mean:.3g}" for row in rows],
        "CPU s an epoch": [f"{row.cpu_seconds_an_epoch:.1f}" for row in rows],
        "Parameters": [f"{row.parameters:,}" for row in rows],
        "d at the start": [_with_deviation(row.scale_mean, row.scale_sd, ".3f") for row in rows],
        "Spread at the start": [f"{row.state_spread:.1e}" for row in rows],
    }
    if not any(row.study_accuracy for row in rows):
        del columns["Study"]
    if not any(row.scale_mean is not None for row in rows):
        del columns["d at the start"]
    lines = [list(columns), *(list(cells) for cells in zip(*columns.values(), strict=True))]
    table = padded(lines, [heading not in ("Variant", "Cell") for heading in columns])
    notes = [f"- {note}" for note in _notes(rows)]
    picture = [f"![Learning curves]({curves})", ""] if curves is not None else []
    return "\n".join([f"# {title}", "", *table, "", *notes, "", *picture])


def _values(content: dict[str, Any]) -> dict[str, Any]:
    """What a row needs of one metrics.json."""
    [(images, scores)] = content["scores"].items()
    return {
        "images": images,
        "cell": content["run"]["cell"],
        "test": float(scores["test"]["accuracy"]),
        "devel": float(scores["devel"]["accuracy"]),
        "n_test_images": int(scores["test"]["images"]),
        "n_devel_images": int(scores["devel"]["images"]),
        "best_epoch": int(content["best_epoch"]),
        "cpu_seconds_an_epoch": float(content["cpu_seconds"]) / int(content["epochs"]),
        "parameters": int(content["parameters"]),
        **{name: content["start"][name] for name in ("scale_mean", "scale_sd", "state_spread")},
    }


def _row(variant: str, seeds: Sequence[dict[str, Any]]) -> Row:
    def mean(name: str) -> float:
        return statistics.fmean(seed[name] for seed in seeds)

    first = seeds[0]
    has_scales = first["scale_mean"] is not None
    return Row(
        images=first["images"],
        variant=variant,
        cell=first["cell"],
        seeds=len(seeds),
        accuracy_mean=mean("test"),
        accuracy_sd=statistics.stdev(seed["test"] for seed in seeds) if len(seeds) > 1 else None,
        study_accuracy=STUDY.get((first["images"], first["cell"])),
        devel_accuracy_mean=mean("devel"),
        best_epoch_mean=mean("best_epoch"),
        cpu_seconds_an_epoch=mean("cpu_seconds_an_epoch"),
        parameters=first["parameters"],
        scale_mean=mean("scale_mean") if has_scales else None,
        scale_sd=mean("scale_sd") if has_scales else None,
        state_spread=mean("state_spread"),
        n_devel_images=first["n_devel_images"],
        n_test_images=first["n_test_images"],
    )


def _notes(rows: Sequence[Row]) -> list[str]:
    first = rows[0]
    notes = [
        f"Accuracy: share of the {first.n_test_images:,} test images told right, in per cent, mean over seeds; "
        f"the epoch is chosen on {first.n_devel_images:,} images held back from the training images.",
    ]
    if any(row.accuracy_sd is not None for row in rows):
        notes.append("± is the sample standard deviation over seeds.")
    if any(row.study_accuracy for row in rows):
        notes.append(
            "Study: published as pictures only. Its MetaRNN stayed at 11 %, which is the share of the most frequent "
            "digit; its MetaLSTM stayed below 37 %."
        )
    if any(row.scale_mean is not None for row in rows):
        notes.append(
            "d at the start: the factors by which a hypernetwork cell scales its weights, mean ± standard deviation "
            "over layers, images, rows and units, before training."
        )
    notes.append(
        "Spread at the start: standard deviation over images of the last state, mean over units, before training."
    )
    return notes


def _with_deviation(value: float | None, deviation: float | None, form: str) -> str:
    if value is None:
        return NOTHING
    return format(value, form) + ("" if deviation is None else f" ± {format(deviation, form)}")
