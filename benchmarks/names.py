"""What lists of names know of the mentions that a train file has not.

    python benchmarks/names.py --study FOLDER

For the corpora of a study whose `gazetteer` and `convert` stages are done. Of the mentions of a devel file whose form
train has not: how many are just a name of any list, and of the list that has most of them; how many of that list's
names in the file are mentions; and what finding the names of all lists in the train file takes. No test file
is read.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from metalstm import parameters
from metalstm.corpora import columns
from metalstm.corpora.columns import Sentence
from metalstm.gazetteers import MOST_LISTS, storage
from metalstm.gazetteers.matching import BEGIN, END, SINGLE, Array, Gazetteers
from metalstm.plan.corpora import iobes
from metalstm.plan.job import gazetteer
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.seen import mentions

Spans = set[tuple[int, int]]
"""First token and the one after the last, counted through the file."""


def gold(sentences: Sequence[Sentence]) -> dict[tuple[int, int], tuple[str, ...]]:
    """The mentions of a file, and their forms."""
    found, first = {}, 0
    for sentence in sentences:
        for entity in strict_entities(sentence.labels):
            form = sentence.tokens[entity.start : entity.end]
            found[first + entity.start, first + entity.end] = tuple(form)
        first += len(sentence.tokens)
    return found


def spans(places: Array) -> Spans:
    """The names of one list in a file."""
    found, start = set(), 0
    for token in places.nonzero()[0].tolist():
        if places[token] in (BEGIN, SINGLE):
            start = token
        if places[token] in (END, SINGLE):
            found.add((start, token + 1))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--study", type=Path, required=True, help="the study's folder")
    os.chdir(arguments.parse_args().study)
    study = parameters.read(Path("params.yaml"))
    if not 0 < len(study.gazetteers) <= MOST_LISTS:
        raise SystemExit(f"params.yaml: `gazetteers` has {len(study.gazetteers)} lists; needed are 1 to {MOST_LISTS}")
    lists = Gazetteers.together({name: storage.read(Path(gazetteer(name)["names"])) for name in study.gazetteers})
    print(
        "| Corpus | Mentions | Unseen | In any list | The best list | Unseen in it | Its names that are mentions | s |"
    )
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |")
    for corpus in study.corpora:
        train, devel = (columns.read(Path(iobes(corpus)[split])) for split in ("train", "devel"))
        started = time.process_time()
        lists.places([sentence.tokens for sentence in train])
        seconds = time.process_time() - started
        seen = mentions([one.tokens for one in train], [one.labels for one in train])
        forms = gold(devel)
        unseen = {span for span, form in forms.items() if form not in seen}
        places = lists.places([sentence.tokens for sentence in devel])
        names = {name: spans(places[:, number]) for number, name in enumerate(lists.names)}
        best = max(names, key=lambda name: len(names[name] & unseen))
        inside = len(unseen & set().union(*names.values()))
        of_best, precise = len(names[best] & unseen), len(names[best] & forms.keys()) / max(1, len(names[best]))
        known = f"{inside / max(1, len(unseen)):.0%} | {best} | {of_best / max(1, len(unseen)):.0%} | {precise:.0%}"
        print(f"| {corpus} | {len(forms):,} | {len(unseen):,} | {known} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
