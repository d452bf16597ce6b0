"""What a user is told of a study that can be planned, and that may not be what was meant."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from pathlib import Path

from metalstm import faults, parameters
from metalstm.corpora import catalogue
from metalstm.corpora.texts import TextFile
from metalstm.overrides import Location, trainings
from metalstm.plan import unread
from metalstm.plan.job import Plan
from metalstm.schema import Study


def of(study: Study, plans: Mapping[str, Plan], path: Path) -> Iterator[str]:
    """A line for each group that lacks a corpus, override for no run, input for no run, and own file not there yet.

    The stage that reads a file refuses to run without it; until then it may be put in its place, and a kept params.yaml
    is read where its files are not. `path` is the study's params.yaml.
    """
    for group, members in study.groups.items():
        if left_out := [member for member in members if member not in study.corpora]:
            yield f"{group}: without {', '.join(left_out)}, which `corpora` does not name"
    runs = list(trainings(study))
    idle = [number for number, override in enumerate(study.overrides) if not any(starmap(override.when.matches, runs))]
    for_nobody = unread.jobs(plans)
    idle_inputs = {place: plans[job] for place, job in _optional(study) if job in for_nobody}
    absent = [
        (place, file)
        for place, file in _files(study)
        if not Path(file).is_file() and not any(place[: len(part)] == part for part in idle_inputs)
    ]
    document = parameters.document(path) if absent or idle or idle_inputs else None

    def where(place: Location) -> str:
        line = faults.line_of(document, place)
        return f"{path}:{line}" if line else str(path)

    for number in idle:
        yield f"{where(('overrides', number))}: `overrides.{number}` is for no run of this study"
    for place, plan in idle_inputs.items():
        target = next(iter(plan.outputs.values()))
        yield (
            f"{where(place)}: no tagger of this study reads `{'.'.join(map(str, place))}`, so it is not made; "
            f"`snakemake {target}` makes it all the same"
        )
    for place, file in absent:
        key = ".".join(map(str, place))
        fault = "no file" if Path(file).exists() else "not there"
        yield f"{where(place)}: `{key}` names {file}, which is {fault}; its stage will stop at that"


def _optional(study: Study) -> Iterator[tuple[Location, str]]:
    """What params.yaml may declare for no tagger, where it stands there, and the job that makes it."""
    if study.vectors.texts:
        yield ("vectors", "texts"), "text/sentences"
    for name in study.language_models:
        yield ("language_models", name), f"language_model/{name}"
    for name in study.gazetteers:
        yield ("gazetteers", name), f"gazetteer/{name}"


def _files(study: Study) -> Iterator[tuple[Location, str]]:
    """The files on this machine that the study reads, and where params.yaml names them."""
    if study.vectors.file is not None:
        yield ("vectors", "file"), study.vectors.file
    lists: dict[Location, Sequence[TextFile]] = {("vectors", "texts"): study.vectors.texts}
    lists |= {("gazetteers", name): files for name, files in study.gazetteers.items()}
    for place, files in lists.items():
        for number, file in enumerate(files):
            if file.file is not None:
                yield (*place, number), file.file
    for name in [*study.corpora, *study.images.sets]:
        if name in study.own_corpora:
            for role, source in catalogue.sources(study.own_corpora[name]).items():
                if source.path is not None:
                    yield ("own_corpora", name, "files", role), source.path
