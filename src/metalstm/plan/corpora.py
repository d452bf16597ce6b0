"""The plans of the corpora, single and joint."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from metalstm import source
from metalstm.corpora import catalogue
from metalstm.corpora.splits import SPLITS
from metalstm.files import git_blob_id
from metalstm.plan.job import Plan, iobes
from metalstm.schema import Study


def plans(study: Study) -> Iterator[Plan]:
    """The plan of each corpus and each group's joint corpus, those that others need first."""
    for corpus in study.corpora:
        yield fetch(study, corpus)
        yield _convert(study, corpus)
    for group, members in groups(study).items():
        yield _join(group, members)


def groups(study: Study) -> dict[str, tuple[str, ...]]:
    """The groups, each with those of its corpora that the study has."""
    return {name: tuple(c for c in members if c in study.corpora) for name, members in study.groups.items()}


def _raw(corpus: str) -> dict[str, str]:
    return {split: f"data/raw/{corpus}/{split}.tsv" for split in SPLITS}


def joint(group: str) -> dict[str, str]:
    """Where a group's joint corpus stands."""
    return {split: f"data/joint/{group}/{split}.tsv" for split in SPLITS}


def fetch(study: Study, corpus: str) -> Plan:
    """The plan that brings a corpus, or a set of images, to data/raw."""
    entry = catalogue.entry(corpus, study.own_corpora)
    sources = {split: asdict(src) for split, src in catalogue.sources(entry).items()}
    for split in sources.values():
        # A file of the user's own is known by its content, so that a changed file is fetched again.
        split["blob"] = split["blob"] or _content(split["path"])
    files = {split: f"data/raw/{corpus}/{src['name']}" for split, src in sources.items()}
    chosen = {"corpus": corpus, "licence": entry.licence, "by_hand": entry.by_hand, "sources": sources}
    return Plan(f"fetch/{corpus}", {}, files, chosen)


def _convert(study: Study, corpus: str) -> Plan:
    entry = catalogue.entry(corpus, study.own_corpora)
    chosen = {"corpus": corpus, "scheme": entry.scheme, "columns": entry.columns.model_dump()}
    return Plan(f"convert/{corpus}", _raw(corpus), iobes(corpus), chosen, source.digest("metalstm.stages.convert"))


def _join(group: str, members: Sequence[str]) -> Plan:
    files = {f"{corpus}.{split}": path for corpus in members for split, path in iobes(corpus).items()}
    chosen = {"group": group, "corpora": list(members)}
    return Plan(f"join/{group}", files, joint(group), chosen, source.digest("metalstm.stages.join"))


def _content(path: str | None) -> str | None:
    """The git blob id of a file of the user's own; None if there is none (the stage that reads it says so)."""
    return git_blob_id(Path(path)) if path is not None and Path(path).is_file() else None
