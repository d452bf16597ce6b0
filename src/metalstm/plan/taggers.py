"""The plans of the taggers: train, score, and the tables."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from metalstm import overrides, published, source
from metalstm.files import sha256
from metalstm.nn import cells
from metalstm.nn.options import ContextOptions, TaggerOptions
from metalstm.plan.corpora import groups, joint
from metalstm.plan.job import (
    MODEL_FILES,
    SCORED_SPLITS,
    VECTORS,
    Plan,
    Run,
    contextual,
    gazetteer,
    iobes,
    language_model,
)
from metalstm.schema import MTM_PLUS, Study, TaggerVariant
from metalstm.training.options import TrainingOptions

_SEEDS_FOR_A_VOTE = 3


def plans(study: Study) -> Iterator[Plan]:
    """The plans of every training, its scores, what is set beside them, and the tables."""
    for run in runs(study):
        yield _train(study, run)
        yield _score(study, run)
    yield from _dictionaries(study)
    yield from _votes(study)
    for group, members in groups(study).items():
        yield _table(study, group, members, left_out=[name for name in study.groups[group] if name not in members])
    named = dict.fromkeys(name for members in study.groups.values() for name in members)
    yield _table(study, "all", study.corpora, left_out=[name for name in named if name not in study.corpora])


def runs(study: Study) -> list[Run]:
    """Every training of the study."""
    corpora = {corpus: (corpus,) for corpus in study.corpora} | groups(study)
    return [
        Run(setting, scope, cell, seed, corpora[scope], joint=setting in study.settings.per_group)
        for setting, scope, cell in overrides.trainings(study)
        for seed in study.seeds
    ]


def _train(study: Study, run: Run) -> Plan:
    network, training = overrides.network_and_training(study, run.setting, run.scope, run.cell)
    variant = study.variants.get(run.cell, TaggerVariant(cell=run.cell))
    plus = run.setting == MTM_PLUS
    files = _data(run) | {"vectors": VECTORS["vectors"]}
    modules = [f"metalstm.nn.cells.{cells.REGISTRY[variant.cell].module}"]
    context = None
    if network.contextual is not None:
        files |= {"language_model": language_model(network.contextual)["weights"]}
        for corpus in run.corpora:
            files |= {f"{corpus}.{role}": path for role, path in contextual(network.contextual, corpus).items()}
        learned = study.language_models[network.contextual]
        context = ContextOptions(**learned.model_dump(include=set(ContextOptions.model_fields)))
    if context is not None or network.characters.encoder == "lstm":
        modules.append("metalstm.nn.cells.lstm")
    for name in network.gazetteers:
        files[f"gazetteer.{name}"] = gazetteer(name)["names"]
    tagger = TaggerOptions(
        **network.model_dump(exclude={"contextual"} if plus else {"contextual", "multitask"}),
        context=context,
        cell=variant.cell,
        cell_options=study.cell_options.get(variant.cell, {}) | variant.options,
        word_size=study.vectors.size,
    )
    chosen = {
        **asdict(run),
        "corpora": list(run.corpora),
        "vectors": study.vectors.file or study.vectors.source,
        "tagger": tagger.model_dump(),
        "training": training.model_dump(include=None if plus else set(TrainingOptions.model_fields)),
    }
    outputs = {name: f"{run.folder}/{name}" for name in MODEL_FILES} | _predictions(run)
    if plus:
        outputs |= {f"{corpus}.weights": run.continued(corpus) for corpus in run.corpora}
    code = source.digest("metalstm.stages.train", *modules)
    return Plan(f"train/{run.name}", files, outputs, chosen, code)


def _score(study: Study, run: Run) -> Plan:
    files = _data(run) | {"training.json": f"{run.folder}/training.json"} | _predictions(run)
    chosen = {**asdict(run), "corpora": list(run.corpora), "evidence": _evidence(study, run.corpora)}
    code = source.digest("metalstm.stages.score")
    return Plan(f"score/{run.name}", files, {"metrics.json": run.metrics}, chosen, code)


def _evidence(study: Study, corpora: Sequence[str]) -> dict[str, list[str]] | None:
    """What the study says of these corpora alone, so that no other run is scored again when another one is named."""
    if study.scoring.evidence is None:
        return None
    chosen = study.scoring.evidence.model_dump()
    return {kind: [corpus for corpus in corpora if corpus in named] for kind, named in chosen.items()}


def _data(run: Run) -> dict[str, str]:
    return joint(run.scope) if run.joint else iobes(run.scope)


def _predictions(run: Run) -> dict[str, str]:
    return {f"{corpus}.{split}": run.prediction(corpus, split) for corpus in run.corpora for split in SCORED_SPLITS}


def _dictionaries(study: Study) -> Iterator[Plan]:
    for corpus in study.corpora:
        files = {"metrics.json": f"results/runs/dictionary/{corpus}/metrics.json"}
        code = source.digest("metalstm.stages.dictionary")
        yield Plan(f"dictionary/{corpus}", iobes(corpus), files, {"corpus": corpus}, code)


def _votes(study: Study) -> Iterator[Plan]:
    """One for each setting and scope, which both engines can list; it is of nothing where the seeds are too few."""
    by_scope: dict[tuple[str, str], list[Run]] = {}
    for run in runs(study):
        by_scope.setdefault((run.setting, run.scope), []).append(run)
    enough = len(study.seeds) >= _SEEDS_FOR_A_VOTE
    for (setting, scope), voters in by_scope.items():
        files: dict[str, str] = {}
        for run in voters if enough else ():
            files |= _data(run) | {f"{run.cell}/training.json": f"{run.folder}/training.json"}
            files |= {f"{run.cell}/seed-{run.seed}/{role}": path for role, path in _predictions(run).items()}
        chosen = {
            **{"setting": setting, "scope": scope, "corpora": list(voters[0].corpora), "joint": voters[0].joint},
            "evidence": _evidence(study, voters[0].corpora),
            **{"cells": study.cells if enough else [], "seeds": study.seeds if enough else []},
        }
        outputs = {"metrics.json": _vote_metrics(voters[0])}
        yield Plan(f"vote/{setting}/{scope}", files, outputs, chosen, source.digest("metalstm.stages.vote"))


def _vote_metrics(run: Run) -> str:
    return f"results/runs/{run.setting}-vote/{run.scope}/metrics.json"


def _table(study: Study, name: str, corpora: Sequence[str], *, left_out: Sequence[str]) -> Plan:
    gathered = [
        run
        for run in runs(study)
        if set(run.corpora) <= set(corpora) and (name == "all" or not run.joint or run.scope == name)
    ]
    files = {f"dictionary/{corpus}": f"results/runs/dictionary/{corpus}/metrics.json" for corpus in corpora}
    files |= {run.name: run.metrics for run in gathered}
    files |= {f"vote/{run.setting}/{run.scope}": _vote_metrics(run) for run in gathered}
    outputs = {ending: f"results/tables/{name}.{ending}" for ending in ("csv", "md", "json", "svg")}
    if name == "all":
        for page in ("choices", "cost", "errors"):
            outputs |= {f"{page}.{ending}": f"results/tables/{page}.{ending}" for ending in ("csv", "md")}
    settings = [*study.settings.per_corpus, *study.settings.per_group]
    chosen = {
        "table": name,
        "corpora": list(corpora),
        "left_out": list(left_out),
        "cells": study.cells,
        "settings": settings,
        "runs": [run.folder for run in gathered],
        "published": sha256(published.FILE),
    }
    return Plan(f"table/{name}", files, outputs, chosen, source.digest("metalstm.stages.table"))
