"""The plans of what is known of words: vectors, their text and coverage, language models, lists of names."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from metalstm import source
from metalstm.corpora import texts
from metalstm.files import sha256
from metalstm.nn.options import ContextOptions
from metalstm.plan.job import VECTORS, Plan, contextual, gazetteer, iobes, language_model
from metalstm.schema import Study
from metalstm.vectors import load

TEXT = {
    "sentences": "data/text/sentences.txt",
    "words": "data/text/words.txt",
    "report": "data/text/report.json",
}
COVERAGE = {"report": "data/vectors/report.json"}
DOWNLOADS = "data/raw/text"
NAMES = "data/raw/names"
_LAYERS = "metalstm.nn.cells.lstm"
"""Of a language model."""


def plans(study: Study) -> Iterator[Plan]:
    """The plan of the text, the vectors, their coverage, each language model with what it says, each list of names."""
    yield _text(study)
    yield _vectors(study)
    yield _coverage(study)
    for name in study.language_models:
        yield _language_model(study, name)
        for corpus in study.corpora:
            yield _contextual(study, name, corpus)
    for name in study.gazetteers:
        yield _gazetteer(study, name)


def _text(study: Study) -> Plan:
    learned = [corpus for corpus in study.vectors.corpora if corpus in study.corpora]
    # The held-out sentences of all corpora matter only where there is text to keep them out of, and all their words
    # only to subwords. Without either, the vectors need not wait for corpora that they do not learn from.
    everything = study.vectors.texts or _has_subwords(study)
    corpora = sorted(study.corpora if everything else learned)
    chosen = {
        "learned": sorted(learned),
        "corpora": corpora,
        "texts": [texts.planned(text, DOWNLOADS) for text in study.vectors.texts],
    }
    return Plan("text/sentences", _splits(corpora), TEXT, chosen, source.digest("metalstm.stages.text"))


def _vectors(study: Study) -> Plan:
    options = study.vectors
    files = {}
    if options.is_learned:
        files["sentences"] = TEXT["sentences"]
    if _has_subwords(study):
        files["words"] = TEXT["words"]
    chosen = options.model_dump(exclude={"corpora", "texts"}) | {"content": _content(options.file)}
    return Plan("vectors/words", files, VECTORS, chosen, source.digest("metalstm.stages.vectors"))


def _coverage(study: Study) -> Plan:
    """A job of its own, since a corpus more or less must not teach the vectors anew."""
    files = VECTORS | _splits(study.corpora)
    code = source.digest("metalstm.stages.coverage")
    return Plan("coverage/words", files, COVERAGE, {"corpora": study.corpora}, code)


def _language_model(study: Study, name: str) -> Plan:
    files = VECTORS | {role: TEXT[role] for role in ("sentences", "report")}
    code = source.digest("metalstm.stages.language_model", _LAYERS)
    chosen = {"options": study.language_models[name].model_dump()}
    return Plan(f"language_model/{name}", files, language_model(name), chosen, code)


def _contextual(study: Study, name: str, corpus: str) -> Plan:
    """Once for a corpus: every training on it, alone or in a group, reads the same."""
    read = {split: path for split, path in iobes(corpus).items() if split != "test"}
    files = read | VECTORS | {"language_model": language_model(name)["weights"]}
    chosen = {"options": study.language_models[name].model_dump(include=set(ContextOptions.model_fields))}
    code = source.digest("metalstm.stages.contextual", _LAYERS)
    return Plan(f"contextual/{name}/{corpus}", files, contextual(name, corpus), chosen, code)


def _gazetteer(study: Study, name: str) -> Plan:
    chosen = {"files": [texts.planned(file, f"{NAMES}/{name}") for file in study.gazetteers[name]]}
    return Plan(f"gazetteer/{name}", {}, gazetteer(name), chosen, source.digest("metalstm.stages.gazetteer"))


def _has_subwords(study: Study) -> bool:
    """Whether vectors of words that were not learned can be composed."""
    file = study.vectors.file
    return study.vectors.source == "fasttext" or (file is not None and load.has_subwords(Path(file)))


def _splits(corpora: Iterable[str]) -> dict[str, str]:
    return {f"{corpus}.{split}": path for corpus in corpora for split, path in iobes(corpus).items()}


def _content(path: str | None) -> str | None:
    """The SHA-256 of a file of the user's own; None if there is none (the stage that reads it says so)."""
    return sha256(Path(path)) if path is not None and Path(path).is_file() else None
