"""A run in MLflow's terms: its key, tags, parameters, and points of curves and scores."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

CURVES = ("loss", "devel_f1", "devel_accuracy", "learning_rate")
"""The columns of history.csv that are logged, with the epoch as step; a tagger has an F1, images an accuracy."""

_COSTS = (
    *("best_epoch", "epochs", "wall_seconds", "cpu_seconds", "tokens_per_second", "images_per_second"),
    *("peak_memory_mb", "parameters"),
)
_MEASURES = ("precision", "recall", "f1")
_LONGEST_VALUE = 6000

Points = dict[tuple[str, int], float]
"""Values by metric name and step."""


def run_key(run: Mapping[str, Any]) -> str:
    """The run's place below results/runs; where a cell comes in variants, the variant stands in its place."""
    return f"{run['setting']}/{run['scope']}/{run.get('variant', run['cell'])}/seed-{run['seed']}"


def tags(run: Mapping[str, Any], plan: Mapping[str, Any], group: str) -> dict[str, str]:
    """What a run is found and grouped by."""
    named = {name: str(run[name]) for name in ("setting", "scope", "cell", "variant", "seed") if name in run}
    code = {"code": plan["code"]} if "code" in plan else {}
    return {"run_key": run_key(run), "group": group} | named | code


def parameters(plan: Mapping[str, Any]) -> dict[str, str]:
    """The plan's choices: nested keys joined by dots, lists as JSON, each cut to the length that MLflow keeps."""
    return {safe(name): value[:_LONGEST_VALUE] for name, value in _flat(plan, "")}


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif name:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def curve_points(rows: Sequence[Mapping[str, Any]]) -> Points:
    """The learning curves; a devel score that was not taken leaves a gap.

    The score of an epoch on one corpus of a group is a curve of its own, such as `devel_f1/NCBI-disease`. Raises
    KeyError or ValueError for rows that are not those of history.csv.
    """
    values = {(_curve(name, row), int(row["epoch"])): row[name] for row in rows for name in _curves(row)}
    return {point: float(value) for point, value in values.items() if _is_finite(value)}


def _curves(row: Mapping[str, Any]) -> list[str]:
    score = "devel_accuracy" if "devel_accuracy" in row else "devel_f1"
    return ["loss", score, "learning_rate"]


def _curve(name: str, row: Mapping[str, Any]) -> str:
    corpus = row.get("corpus")
    return f"{name}/{safe(corpus)}" if corpus and name.startswith("devel") else name


def score_points(metrics: Mapping[str, Any]) -> Points:
    """The scores and costs of metrics.json, such as `test/NCBI-disease/strict_f1`, at step 0.

    Raises KeyError, TypeError or ValueError for what is not a metrics.json.
    """
    values: list[tuple[str, Any]] = [(name, metrics.get(name)) for name in _COSTS]
    for corpus, splits in metrics["scores"].items():
        for split, scores in splits.items():
            place = f"{split}/{safe(corpus)}"
            if "accuracy" in scores:
                values.append((f"{place}/accuracy", scores["accuracy"]))
                continue
            for reading in ("strict", "conlleval", "study"):
                values += [(f"{place}/{reading}_{name}", scores[reading][name]) for name in _MEASURES]
            values += [(f"{place}/{part}_recall", scores[part]["recall"]) for part in ("seen", "unseen")]
    return {(name, 0): float(value) for name, value in values if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    return value not in (None, "") and math.isfinite(float(value))


def safe(name: str) -> str:
    """`name` with an underscore for each sign that MLflow has no room for; a slash would open a section."""
    return re.sub(r"[^\w.: -]", "_", name, flags=re.ASCII)
