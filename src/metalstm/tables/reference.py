"""Studies that are kept: params.yaml, the metrics of every run, and tables that can be made from these alone.

A kept study is a folder with `params.yaml`, `runs` and `tables`. A run's `metrics.json` stands in it under the name of
the run's folder: `results/runs/stm/linnaeus/lstm/seed-1/metrics.json` is `runs/stm/linnaeus/lstm/seed-1.json`.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from metalstm.errors import UserError
from metalstm.files import atomic, write_text
from metalstm.plan import job
from metalstm.plan.job import PARAMS, PLANS
from metalstm.tables import accuracy, outdated, pages, results, study
from metalstm.tables.rows import base, is_vote
from metalstm.tables.study import Names

_RUNS = Path("results/runs")


@dataclass(slots=True)
class Kept:
    """What `keep` did, by the name of the run."""

    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """Without scores yet."""
    outdated: list[str] = field(default_factory=list)
    """Trained with other parameters than the study has now, or on corpora, vectors or lists of names made with others,
    or not scored since."""
    outdated_votes: list[str] = field(default_factory=list)
    """Of runs that are outdated, unfinished, none of the study's, or trained again since, or of other seeds."""


def place(name: str) -> Path:
    """Where a study is kept under this name; UserError if that would be another folder's."""
    if Path(name).name != name or name in ("", ".."):
        raise UserError(f"{name}: expected a name for a folder of results/reference, such as disease")
    return Path("results/reference", name)


def keep(folder: Path, destination: Path) -> Kept:
    """Bring the metrics of the finished runs of the study in `folder`, and the params.yaml that they are of, along.

    What `destination` had of runs that the study does not name stays, and what it had of outdated ones goes. Tables are
    not made: `tables` does that.

    Raises:
        UserError: `folder` is no study whose plans were written, or a file in it is not what a run writes.
    """
    params = folder / (PARAMS if (folder / PARAMS).is_file() else "params.yaml")
    names = study.read(params)
    kept = Kept()
    old = outdated.files(folder)
    # Votes last: which runs are up to date is known by then.
    for name in sorted(_planned(folder, names), key=_is_vote):
        source, target = folder / _RUNS / name / "metrics.json", destination / "runs" / f"{name}.json"
        if not source.is_file():
            kept.unfinished.append(name)
            if target.is_file() and _made_otherwise(folder, name, target, old):
                target.unlink()
        elif _is_vote(name) and not _voters(source) <= {*kept.new, *kept.replaced, *kept.unchanged}:
            kept.outdated_votes.append(name)
        elif outdated.scored_otherwise(folder, name, source):
            (kept.outdated_votes if _is_vote(name) else kept.outdated).append(name)
        elif not _is_vote(name) and outdated.trained_otherwise(folder, name, source, old):
            kept.outdated.append(name)
        elif not target.is_file():
            kept.new.append(name)
        elif target.read_bytes() != source.read_bytes():
            kept.replaced.append(name)
        else:
            kept.unchanged.append(name)
    for name in [*kept.new, *kept.replaced]:
        _copy(folder / _RUNS / name / "metrics.json", destination / "runs" / f"{name}.json")
    for name in [*kept.outdated, *kept.outdated_votes]:
        # What was kept of them before does not fit params.yaml either.
        (destination / "runs" / f"{name}.json").unlink(missing_ok=True)
    _copy(params, destination / "params.yaml")
    for images in names.images.sets:
        curves = folder / "results/tables" / f"{images}.svg"
        if curves.is_file():
            _copy(curves, destination / "tables" / curves.name)
    return kept


def targets(folder: Path) -> list[str]:
    """What to ask Snakemake for so that it trains the runs of a kept study and no others.

    Votes are left out, since a vote is of every cell and seed that params.yaml names.

    Raises:
        UserError: the folder is no kept study.
    """
    study.read(folder / "params.yaml")
    names = (path.relative_to(folder / "runs").with_suffix("") for path in _kept_metrics(folder))
    return [str(_RUNS / name / "metrics.json") for name in names if not is_vote(name.parts[0])]


def _kept_metrics(folder: Path) -> list[Path]:
    metrics = sorted((folder / "runs").rglob("[!.]*.json"))
    if not metrics:
        raise UserError(f"{folder / 'runs'}: no run; `metalstm keep` brings those of a study")
    return metrics


def tables(folder: Path) -> list[Path]:
    """Write the tables of a kept study anew from its params.yaml and runs; return those that have a row.

    Raises:
        UserError: the folder is no kept study, or a file in it is not what a run writes.
    """
    names = study.read(folder / "params.yaml")
    metrics = _kept_metrics(folder)
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
        left_out = names.left_out(names.groups if table == pages.ALL else [table])
        chosen = {"corpora": corpora, "left_out": left_out, "cells": names.cells, "settings": names.all_settings}
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


def _made_otherwise(folder: Path, name: str, metrics: Path, old: set[str]) -> bool:
    """Whether what was kept of a run is of other parameters than the study's; of a vote, whether a voter is gone."""
    if not _is_vote(name):
        return outdated.trained_otherwise(folder, name, metrics, old)
    return not all((folder / _RUNS / voter / "metrics.json").is_file() for voter in _voters(metrics))


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
