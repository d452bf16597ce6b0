"""The plans of the taggers: train, score, and the tables."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from metalstm import parameters, source
from metalstm.nn import cells
from metalstm.nn.options import TaggerOptions
from metalstm.parameters import Study
from metalstm.plan.corpora import groups, iobes, joint
from metalstm.plan.job import MODEL_FILES, SCORED_SPLITS, VECTORS, Plan, Run


def plans(study: Study) -> Iterator[Plan]:
    """The plans of every training, its scores, the table of each group and that of all corpora."""
    for run in runs(study):
        yield _train(study, run)
        yield _score(run)
    for group, members in groups(study).items():
        yield _table(study, group, members)
    yield _table(study, "all", study.corpora)


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
    code = source.digest("metalstm.stages.train", f"metalstm.nn.cells.{cells.REGISTRY[run.cell].module}")
    return Plan(f"train/{run.name}", _data(run) | {"vectors": VECTORS["vectors"]}, outputs, chosen, code)


def _score(run: Run) -> Plan:
    files = _data(run) | {"training.json": f"{run.folder}/training.json"} | _predictions(run)
    chosen = {**asdict(run), "corpora": list(run.corpora)}
    code = source.digest("metalstm.stages.score")
    return Plan(f"score/{run.name}", files, {"metrics.json": run.metrics}, chosen, code)


def _data(run: Run) -> dict[str, str]:
    return joint(run.scope) if run.joint else iobes(run.scope)


def _predictions(run: Run) -> dict[str, str]:
    return {f"{corpus}.{split}": run.prediction(corpus, split) for corpus in run.corpora for split in SCORED_SPLITS}


def _table(study: Study, name: str, corpora: Sequence[str]) -> Plan:
    gathered = [run for run in runs(study) if set(run.corpora) <= set(corpora)]
    files = {run.name: run.metrics for run in gathered}
    files |= {f"{run.name}/{corpus}": run.prediction(corpus, "test") for run in gathered for corpus in run.corpora}
    outputs = {ending: f"results/tables/{name}.{ending}" for ending in ("csv", "md", "json", "svg")}
    settings = [*study.settings.per_corpus, *study.settings.per_group]
    chosen = {
        "table": name,
        "corpora": list(corpora),
        "cells": study.cells,
        "settings": settings,
        "runs": [run.folder for run in gathered],
    }
    return Plan(f"table/{name}", files, outputs, chosen, source.digest("metalstm.stages.table"))
