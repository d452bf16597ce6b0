"""Write the demo's three corpora anew: `python examples/demo/generate.py [FOLDER]`, the same bytes every time."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import names
from columns import Span, four_columns, iob2, iobes, two_columns
from names import pick
from sentences import Author, Pool, read_grammar

HERE = Path(__file__).resolve().parent
SEED = 20161
SIZES = {"train": 700, "devel": 150, "test": 200}
"""Sentences."""
ODD = {("demo-drugs", "train"), ("demo-disease", "test")}
"""The splits that hold the longest token and the longest sentence."""

_DISEASES = dict.fromkeys(("disease", "eponym", "tumour"), "Disease")
POLICIES = {
    "demo-drugs": dict.fromkeys(("drug", "salt", "brand", "compound", "chemical"), "Chemical"),
    "demo-disease": _DISEASES | dict.fromkeys(("modified", "deficiency", "infection"), "Disease"),
    "demo-mixed": _DISEASES
    | {"short_disease": "Disease"}
    | dict.fromkeys(("drug", "brand", "class", "short_drug"), "Drug"),
}
"""Which kinds of name a corpus annotates, and as what."""

MAKERS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "drug": (names.drug, 600),
    "salt": (names.salt, 120),
    "brand": (names.brand, 200),
    "machine": (names.brand, 90),
    "compound": (names.compound, 300),
    "disease": (names.disease, 330),
    "modified": (names.modified, 400),
    "eponym": (names.eponym, 200),
    "tumour": (names.tumour, 60),
    "deficiency": (names.deficiency, 40),
    "infection": (names.infection, 120),
    "gene": (names.gene, 500),
    "species": (names.species, 200),
    "enzyme": (names.enzyme, 40),
    "peptide": (names.peptide, 300),
    "process": (names.process, 200),
    "surname": (names.surname, 120),
    "procedure": (names.procedure, 130),
}
"""How a name of each kind is made, and how many of them the three corpora share among themselves."""


def share_out(chance: random.Random) -> dict[str, dict[str, Pool]]:
    """The pool of every kind for every corpus; a third of what one corpus knows is known to all.

    Half of what is fresh in demo-mixed is known to demo-drugs, and half of what is fresh in demo-drugs to
    demo-mixed: a model of both has read names that a model of one has not.
    """
    pools: dict[str, dict[str, Pool]] = {corpus: {} for corpus in POLICIES}
    for kind, (make, count) in MAKERS.items():
        made = names.distinct(chance, make, count)
        size = count // 10
        tenth = [made[start : start + size] for start in range(0, size * 10, size)]
        pools["demo-drugs"][kind] = Pool(tenth[0] + tenth[1] + tenth[2], tenth[3] + tenth[4])
        pools["demo-mixed"][kind] = Pool(tenth[3] + tenth[1] + tenth[5], tenth[0] + tenth[6])
        pools["demo-disease"][kind] = Pool(tenth[7] + tenth[1] + tenth[8], tenth[9] + tenth[4])
    return pools


def write_sentences(corpus: str, author: Author) -> dict[str, list[list[Span]]]:
    """Every split of one corpus."""
    splits = {}
    for split, size in SIZES.items():
        odd = author.oddities() if (corpus, split) in ODD else []
        sentences = [author.sentence(unseen=split != "train") for _ in range(size - len(odd))]
        for sentence in odd:
            sentences.insert(int(author.chance.random() * len(sentences)), sentence)
        splits[split] = sentences
    return splits


def notes(sentences: list[list[Span]], chance: random.Random) -> list[list[list[Span]]]:
    """Clinical notes of five to eleven sentences."""
    bound = []
    while sentences:
        length = pick(chance, range(5, 12))
        bound.append(sentences[:length])
        sentences = sentences[length:]
    return bound


def files(corpus: str, splits: dict[str, list[list[Span]]], chance: random.Random) -> dict[str, str]:
    """What stands in each split's file, with the traps that real files hold for a careless reader."""
    if corpus == "demo-drugs":
        texts = {split: two_columns(sentences, iob2) for split, sentences in splits.items()}
        texts["devel"] = texts["devel"].replace("\n\n", "\n\n\n", 3)
    elif corpus == "demo-disease":
        texts = {split: two_columns(sentences, iobes) for split, sentences in splits.items()}
        texts["devel"] = texts["devel"].replace("\n", "\r\n")
    else:
        texts = {split: four_columns(notes(sentences, chance)) for split, sentences in splits.items()}
        texts["test"] = texts["test"].rstrip("\n")
    return texts


def main() -> None:
    """Write <corpus>/<split>.tsv under the folder given, or under corpora/ beside this file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpora"
    pools = share_out(random.Random(SEED))
    for place, (corpus, policy) in enumerate(POLICIES.items(), start=1):
        chance = random.Random(SEED + place)
        grammar = read_grammar(HERE / "templates" / f"{corpus}.txt")
        author = Author(grammar, policy, pools[corpus], chance, capitals=corpus != "demo-mixed")
        (folder / corpus).mkdir(parents=True, exist_ok=True)
        for split, text in files(corpus, write_sentences(corpus, author), chance).items():
            (folder / corpus / f"{split}.tsv").write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    main()
