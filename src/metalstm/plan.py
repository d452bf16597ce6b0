"""From params.yaml to one plan for each job: its inputs, outputs, parameters and the code that it runs.

Snakemake and DVC both list the plan among a job's inputs, and the job reads nothing but its plan. A plan is
rewritten only if its content changed, so a changed value runs again just the jobs that depend on it, in
either engine. It holds no time and no commit.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from metalstm import parameters, source
from metalstm.corpora import catalogue
from metalstm.errors import UserError
from metalstm.files import git_blob_id, write_text_if_changed
from metalstm.nn import cells
from metalstm.nn.options import TaggerOptions
from metalstm.parameters import Study

SPLITS = ("train", "devel", "test")
SCORED_SPLITS = ("devel", "test")
PLANS = Path("results/plan")
MANIFESTS = Path("results/manifest")
Kind = Literal["tokens", "images"]
MODEL_FILES = ("model.safetensors", "model.json", "history.csv", "training.json")
VECTORS = {"vectors": "data/vectors/words.bin", "report": "data/vectors/report.json"}


@dataclass(frozen=True, slots=True)
class Plan:
    """One job: what it reads, what it writes, and everything that decides what it writes."""

    job: str
    """The job's name and the plan's place, such as `train/stm/NCBI-disease/lstm/seed-1`."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Role to path, relative to the study's folder."""
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    """Digest of the source that the job runs."""

    @property
    def stage(self) -> str:
        """The first part of the job's name, such as `train`."""
        return self.job.split("/")[0]

    @property
    def path(self) -> Path:
        """Where the plan is written."""
        return PLANS / f"{self.job}.json"

    @property
    def manifest(self) -> Path:
        """Where the stage notes what it made from what."""
        return MANIFESTS / f"{self.job}.json"

    def to_json(self) -> str:
        """The plan as it stands in its file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Plan:
    """Read a plan that `write` wrote.

    Raises:
        UserError: there is no such plan, or it is not one.
    """
    try:
        return Plan(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path}: no such plan; `metalstm plan` writes them") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a plan ({error}); `metalstm plan` writes it anew") from None


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a setting, the corpus or group it is for, a cell and a seed."""

    setting: str
    scope: str
    cell: str
    seed: int
    corpora: tuple[str, ...]
    """The corpora that its model is trained on and scored on."""
    joint: bool
    """Whether it learns from a joint corpus, with task tags around each sentence."""

    @property
    def name(self) -> str:
        """Its place below results/runs."""
        return f"{self.setting}/{self.scope}/{self.cell}/seed-{self.seed}"

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"results/runs/{self.name}"

    @property
    def metrics(self) -> str:
        """Its scores."""
        return f"{self.folder}/metrics.json"

    def prediction(self, corpus: str, split: str) -> str:
        """Token, gold label and predicted label of one corpus's split."""
        return f"{self.folder}/predictions/{corpus}.{split}.tsv"


def groups(study: Study) -> dict[str, tuple[str, ...]]:
    """The groups, each with those of its corpora that the study has."""
    return {name: tuple(c for c in members if c in study.corpora) for name, members in study.groups.items()}


def runs(study: Study) -> list[Run]:
    """Every training of the study."""
    scopes: list[tuple[str, str, tuple[str, ...], bool]]
    scopes = [(setting, corpus, (corpus,), False) for setting in study.settings.per_corpus for corpus in study.corpora]
    for setting in study.settings.per_group:
        scopes += [(setting, group, members, True) for group, members in groups(study).items()]
    return [
        Run(setting, scope, cell, seed, corpora, joint)
        for setting, scope, corpora, joint in scopes
        for cell in study.cells
        for seed in study.seeds
    ]


def plans(study: Study) -> dict[str, Plan]:
    """The plan of every job of the study, by the job's name."""
    return {plan.job: plan for plan in _plans(study)}


def write(path: Path) -> tuple[Study, dict[str, Plan]]:
    """Read params.yaml and bring the plans below results/plan up to date.

    Plans of jobs that the study no longer has are left alone: their results are still there.

    Raises:
        UserError: what is wrong in params.yaml, and where.
    """
    study = parameters.read(path)
    planned = plans(study)
    for plan in planned.values():
        write_text_if_changed(plan.path, plan.to_json())
    group_of = {corpus: group for group, members in reversed(groups(study).items()) for corpus in members}
    tracking = {**study.tracking.model_dump(), "group_of": group_of}
    write_text_if_changed(PLANS / "tracking.json", json.dumps(tracking, indent=1) + "\n")
    return study, planned


def _plans(study: Study) -> Iterator[Plan]:
    for corpus in study.corpora:
        yield fetch(study, corpus)
        yield _convert(study, corpus)
    for group, members in groups(study).items():
        yield _join(group, members)
    yield _vectors(study)
    for run in runs(study):
        yield _train(study, run)
        yield _score(run)
    for group, members in groups(study).items():
        yield _table(study, group, members)
    yield _table(study, "all", study.corpora)

    from metalstm import plan_images  # it is built on `Plan`

    yield from plan_images.plans(study)


def iobes(corpus: str) -> dict[str, str]:
    """Where a corpus stands, converted."""
    return {split: f"data/iobes/{corpus}/{split}.tsv" for split in SPLITS}


def _raw(corpus: str) -> dict[str, str]:
    return {split: f"data/raw/{corpus}/{split}.tsv" for split in SPLITS}


def _joint(group: str) -> dict[str, str]:
    return {split: f"data/joint/{group}/{split}.tsv" for split in SPLITS}


def fetch(study: Study, corpus: str, kind: Kind = "tokens") -> Plan:
    """The plan that brings a corpus, or a set of images, to data/raw.

    Raises:
        UserError: there is none of that name and kind.
    """
    entry = _entry(study, corpus, kind)
    sources = {split: asdict(src) for split, src in catalogue.sources(entry).items()}
    for split in sources.values():
        # A file of the user's own is known by its content, so that a changed file is fetched again.
        if split["blob"] is None and split["path"] is not None and Path(split["path"]).is_file():
            split["blob"] = git_blob_id(Path(split["path"]))
    files = {split: f"data/raw/{corpus}/{src['name']}" for split, src in sources.items()}
    return Plan(f"fetch/{corpus}", {}, files, {"corpus": corpus, "licence": entry.licence, "sources": sources})


def _convert(study: Study, corpus: str) -> Plan:
    entry = _entry(study, corpus)
    chosen = {"corpus": corpus, "scheme": entry.scheme, "columns": entry.columns.model_dump()}
    return Plan(f"convert/{corpus}", _raw(corpus), iobes(corpus), chosen, source.digest("metalstm.stages.convert"))


def _join(group: str, members: Sequence[str]) -> Plan:
    files = {f"{corpus}.{split}": path for corpus in members for split, path in iobes(corpus).items()}
    chosen = {"group": group, "corpora": list(members)}
    return Plan(f"join/{group}", files, _joint(group), chosen, source.digest("metalstm.stages.join"))


def _vectors(study: Study) -> Plan:
    chosen = study.vectors.model_dump()
    chosen["corpora"] = [corpus for corpus in study.vectors.corpora if corpus in study.corpora]
    files = {corpus: iobes(corpus)["train"] for corpus in chosen["corpora"]}
    if study.vectors.file is not None:
        files["file"] = study.vectors.file
    return Plan("vectors/words", files, VECTORS, chosen, source.digest("metalstm.stages.vectors"))


def _train(study: Study, run: Run) -> Plan:
    network, training = study.model, study.training
    for override in study.overrides:
        if override.when.matches(run.setting, run.scope, run.cell):
            network = parameters.merged(network, override.model)
            training = parameters.merged(training, override.training)
    tagger = TaggerOptions(
        **network.model_dump(),
        cell=run.cell,
        cell_options=study.cell_options.get(run.cell, {}),
        word_size=study.vectors.size,
    )
    chosen = {
        **asdict(run),
        "corpora": list(run.corpora),
        "vectors": study.vectors.file or study.vectors.source,
        "tagger": tagger.model_dump(),
        "training": training.model_dump(),
    }
    outputs = {name: f"{run.folder}/{name}" for name in MODEL_FILES} | _predictions(run)
    cell = cells.REGISTRY[run.cell].module
    kernels = [f"metalstm.kernels.{name}" for name in (cell, "characters", "crf", "dropout")]  # found by name, too
    code = source.digest("metalstm.stages.train", f"metalstm.nn.cells.{cell}", *kernels)
    return Plan(f"train/{run.name}", _data(run) | {"vectors": VECTORS["vectors"]}, outputs, chosen, code)


def _score(run: Run) -> Plan:
    files = _data(run) | {"training.json": f"{run.folder}/training.json"} | _predictions(run)
    chosen = {**asdict(run), "corpora": list(run.corpora)}
    code = source.digest("metalstm.stages.score")
    return Plan(f"score/{run.name}", files, {"metrics.json": run.metrics}, chosen, code)


def _data(run: Run) -> dict[str, str]:
    return _joint(run.scope) if run.joint else iobes(run.scope)


def _predictions(run: Run) -> dict[str, str]:
    return {f"{corpus}.{split}": run.prediction(corpus, split) for corpus in run.corpora for split in SCORED_SPLITS}


def _table(study: Study, name: str, corpora: Sequence[str]) -> Plan:
    gathered = [run for run in runs(study) if set(run.corpora) <= set(corpora)]
    files = {run.name: run.metrics for run in gathered}
    files |= {f"{run.name}/{corpus}": run.prediction(corpus, "test") for run in gathered for corpus in run.corpora}
    outputs = {ending: f"results/tables/{name}.{ending}" for ending in ("csv", "md", "json", "svg")}
    chosen = {"table": name, "corpora": list(corpora), "cells": study.cells, "runs": [run.folder for run in gathered]}
    return Plan(f"table/{name}", files, outputs, chosen, source.digest("metalstm.stages.table"))


def _entry(study: Study, corpus: str, kind: Kind = "tokens") -> catalogue.Corpus:
    entry = catalogue.entry(corpus, study.own_corpora)
    if entry.kind != kind == "tokens":
        raise UserError(f"params.yaml: corpora: {corpus} has no tokens to tag; name it in images.sets")
    if entry.kind != kind:
        raise UserError(f"params.yaml: images.sets: {corpus} has no images; name it in corpora")
    return entry
