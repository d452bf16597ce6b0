"""Studies that are kept: params.yaml, the metrics of every run, and tables that can be made from these alone.

A kept study is a folder with `params.yaml`, `runs` and `tables`. A run's `metrics.json` stands in it under the name of
the run's folder: `results/runs/stm/linnaeus/lstm/seed-1/metrics.json` is `runs/stm/linnaeus/lstm/seed-1.json`.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metalstm.errors import UserError
from metalstm.files import atomic, write_text
from metalstm.plan import job
from metalstm.plan.job import PLANS
from metalstm.scoring.evidence import KINDS
from metalstm.tables import accuracy, pages, results, study
from metalstm.tables.rows import base, is_vote
from metalstm.tables.study import Names

_RUNS = Path("results/runs")
_READ_BY_TRAININGS = ("text", "vectors", "language_model", "contextual")
"""Stages, each after those that it reads, whose parameters are none of a training's own."""
_FILLED_BY_THE_USER = ("cell_options",)
"""Parameters that hold what is named in params.yaml and no defaults."""


@dataclass(slots=True)
class Kept:
    """What `keep` did, by the name of the run."""

    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """Without scores yet."""
    outdated: list[str] = field(default_factory=list)
    """Scored, but trained with other parameters than the study has now, or on word vectors made with others."""
    outdated_votes: list[str] = field(default_factory=list)
    """Of runs that are outdated, unfinished, or none of the study's."""


def keep(folder: Path, destination: Path) -> Kept:
    """Bring params.yaml and the metrics of the finished runs of the study in `folder` to `destination`.

    What `destination` had of runs that the study does not name stays. Tables are not made: `tables` does that.

    Raises:
        UserError: `folder` is no study whose plans were written, or a file in it is not what a run writes.
    """
    names = study.read(folder / "params.yaml")
    kept = Kept()
    old = _outdated_files(folder)
    # Votes last: which runs are up to date is known by then.
    for name in sorted(_planned(folder, names), key=_is_vote):
        source, target = folder / _RUNS / name / "metrics.json", destination / "runs" / f"{name}.json"
        if not source.is_file():
            kept.unfinished.append(name)
        elif _is_vote(name) and (
            _is_scored_otherwise(source, folder / PLANS, name)
            or not _voters(source) <= {*kept.new, *kept.replaced, *kept.unchanged}
        ):
            kept.outdated_votes.append(name)
        elif not _is_vote(name) and (
            _is_scored_otherwise(source, folder / PLANS, name) or _is_outdated(source, folder / PLANS, name, old)
        ):
            kept.outdated.append(name)
        elif not target.is_file():
            kept.new.append(name)
        elif target.read_bytes() != source.read_bytes():
            kept.replaced.append(name)
        else:
            kept.unchanged.append(name)
    for name in [*kept.new, *kept.replaced]:
        _copy(folder / _RUNS / name / "metrics.json", destination / "runs" / f"{name}.json")
    _copy(folder / "params.yaml", destination / "params.yaml")
    for images in names.images.sets:
        curves = folder / "results/tables" / f"{images}.svg"
        if curves.is_file():
            _copy(curves, destination / "tables" / curves.name)
    return kept


def tables(folder: Path) -> list[Path]:
    """Write the tables of a kept study anew from its params.yaml and runs; return those that have a row.

    Raises:
        UserError: the folder is no kept study, or a file in it is not what a run writes.
    """
    names = study.read(folder / "params.yaml")
    metrics = sorted((folder / "runs").rglob("[!.]*.json"))
    if not metrics:
        raise UserError(f"{folder / 'runs'}: no run; `metalstm keep` brings those of a study")
    images: dict[str, list[Path]] = {}
    taggers: list[Path] = []
    for path, run in results.runs(metrics):
        try:
            setting, scope = (run["run"][key] for key in ("setting", "scope"))
        except (KeyError, TypeError) as error:
            raise results.unreadable(path, error) from None
        (images.setdefault(scope, []) if setting == "images" else taggers).append(path)
    taggers = list(dict.fromkeys(taggers))
    written = []
    for table in [*names.groups, pages.ALL]:
        corpora = names.corpora if table == pages.ALL else names.members(table)
        chosen = {"corpora": corpora, "cells": names.cells, "settings": names.all_settings}
        if pages.write(table, taggers, folder / "tables", **chosen):
            written.append(folder / "tables" / f"{table}.csv")
    for name, paths in images.items():
        written.append(_accuracy(folder, name, _by_variant(paths, list(names.images.variants))))
    return written


def _planned(folder: Path, names: Names) -> list[str]:
    """The runs that the tables of a study are made of, by name."""
    tables = [f"table/{pages.ALL}", *(f"accuracy/{images}" for images in names.images.sets)]
    plans = [job.read(folder / PLANS / f"{table}.json") for table in tables]
    paths = [Path(path) for plan in plans for path in plan.inputs.values()]
    return [str(path.parent.relative_to(_RUNS)) for path in paths if path.name == "metrics.json"]


def _is_vote(name: str) -> bool:
    return is_vote(name.split("/")[0])


def _voters(metrics: Path) -> set[str]:
    """The runs that took part in a vote, by name."""
    try:
        votes = [run["run"] for _, run in results.runs([metrics])]
        return {
            f"{base(vote['setting'])}/{vote['scope']}/{vote['cell']}/seed-{seed}"
            for vote in votes
            for seed in vote["seeds"]
        }
    except (KeyError, TypeError) as error:
        raise results.unreadable(metrics, error) from None


def _outdated_files(folder: Path) -> set[str]:
    """What was made for trainings with other parameters than the study in `folder` has now, as far as is noted."""
    outdated: set[str] = set()
    for stage in _READ_BY_TRAININGS:
        for path in (folder / PLANS / stage).rglob("*.json"):
            plan = job.read(path)
            manifest = folder / plan.manifest
            noted = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
            made_otherwise = "parameters" in noted and _differ(noted["parameters"], plan.parameters)
            if made_otherwise or outdated & set(plan.inputs.values()):
                outdated |= set(plan.outputs.values())
    return outdated


def _is_outdated(metrics: Path, plans: Path, name: str, old: set[str]) -> bool:
    """Whether the plan of the run says something else than the metrics, or reads one of the files `old`.

    A key that only one has is no difference, as versions differ in what can be chosen; but what the user filled is
    as it is.
    """
    plan = plans / ("" if name.startswith("images/") else "train") / f"{name}.json"
    if not plan.is_file():
        return False
    known = job.read(plan)
    if old & set(known.inputs.values()):
        return True
    return any(
        "plan" in made_by and _differ(made_by["plan"], known.parameters) for _, made_by in results.runs([metrics])
    )


def _is_scored_otherwise(metrics: Path, plans: Path, name: str) -> bool:
    """Whether evidence was used otherwise than the plan of the scores says; those of before there was any are kept."""
    setting, _, rest = name.partition("/")
    plan = plans / (f"vote/{base(setting)}/{rest}.json" if _is_vote(name) else f"score/{name}.json")
    parameters = job.read(plan).parameters if plan.is_file() else {}
    if "evidence" not in parameters:
        return False
    chosen = parameters["evidence"]
    for _, run in results.runs([metrics]):
        for corpus, made in run.get("evidence", {}).items():
            kinds = made["kinds"]
            if made["chosen_by"] != ("devel" if chosen is None else "params"):
                return True
            # Of kinds that older scores do not know none was used, and devel was not asked.
            if chosen is None and kinds.keys() != set(KINDS):
                return True
            used = {kind for kind, said in kinds.items() if said["used"]}
            if chosen is not None and used != {kind for kind, corpora in chosen.items() if corpus in corpora}:
                return True
    return False


def _differ(first: Any, second: Any) -> bool:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return any(
            first[key] != second[key] if key in _FILLED_BY_THE_USER else _differ(first[key], second[key])
            for key in first.keys() & second.keys()
        )
    return bool(first != second)


def _copy(source: Path, target: Path) -> None:
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _by_variant(paths: Sequence[Path], variants: Sequence[str]) -> list[Path]:
    """In the order of `variants`; what is not among them comes last."""
    return sorted(paths, key=lambda path: ([*variants, path.parent.name].index(path.parent.name), path))


def _accuracy(folder: Path, images: str, metrics: Sequence[Path]) -> Path:
    rows = accuracy.gather(metrics)
    table = folder / "tables" / f"{images}.csv"
    curves = table.with_suffix(".svg")
    title = f"Accuracy, row by row: {images}"
    write_text(table, accuracy.as_csv(rows))
    write_text(table.with_suffix(".md"), accuracy.page(title, rows, curves.name if curves.is_file() else None))
    return table
