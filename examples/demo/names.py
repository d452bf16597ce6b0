"""Names that nobody has printed before, spelled as pharmacists, pathologists and taxonomists would spell them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def _read_morphemes() -> dict[str, list[str]]:
    lines = Path(__file__).with_name("morphemes.txt").read_text(encoding="utf-8").strip().split("\n")
    pairs = (line.split(": ") for line in lines if not line.startswith("#"))
    return {name: [part.replace("_", " ") for part in parts.split()] for name, parts in pairs}


MORPHEMES = _read_morphemes()


def pick(chance: random.Random, items: Sequence[Item]) -> Item:
    """One of `items`, all as likely.

    Only `random()` is called: of all the methods it alone is promised to give the same numbers in every
    version of Python, and the corpora are to be the same bytes everywhere.
    """
    return items[int(chance.random() * len(items))]


def part(chance: random.Random, *kinds: str) -> str:
    """A morpheme of each kind, one behind the other; of two equal vowels that meet, one goes."""
    name = ""
    for kind in kinds:
        morpheme = pick(chance, MORPHEMES[kind])
        name += morpheme[1:] if name[-1:] == morpheme[0] and morpheme[0] in "aeiou" else morpheme
    return name


def distinct(chance: random.Random, make: Callable[[random.Random], str], count: int) -> list[str]:
    """`count` different names, in the order in which they came up."""
    names: dict[str, None] = {}
    while len(names) < count:
        names.setdefault(make(chance))
    return list(names)


def drug(chance: random.Random) -> str:
    """A non-proprietary name: the stem at its end tells the class (dalorapril, tebimycin)."""
    start = part(chance, *pick(chance, [("drug_onset", "drug_middle"), ("drug_onset", "drug_middle", "drug_middle")]))
    stem = pick(chance, MORPHEMES["stem"])
    return start.rstrip("aeiou") + stem if stem[0] in "aeiou" else start + stem


def class_of(name: str) -> str:
    """The class that the stem of a drug tells of."""
    word = name.split()[0]
    return next(kind for stem, kind in zip(MORPHEMES["stem"], MORPHEMES["class"], strict=False) if word.endswith(stem))


def salt(chance: random.Random) -> str:
    """A drug with its salt, two tokens."""
    return f"{drug(chance)} {part(chance, 'salt')}"


def brand(chance: random.Random) -> str:
    """A trade name. Machines and software are christened alike, so that only context tells them apart."""
    return part(chance, *pick(chance, [("brand_onset", "brand_end"), ("brand_onset", "brand_middle", "brand_end")]))


def compound(chance: random.Random) -> str:
    """A systematic name, split at its hyphens as the corpora do (4 - chloroindole)."""
    place = pick(chance, ["2", "3", "4", "5", "1 , 2", "2 , 4", "N", "O"])
    return f"{place} - {'di' if ',' in place else ''}{part(chance, 'chemical_group', 'chemical_parent')}"


def disease(chance: random.Random) -> str:
    """One word: a site and what ails it, or a finding in the blood (nephritis, hyperlactemia)."""
    if chance.random() < 0.15:
        return part(chance, "blood_finding") + pick(chance, ["emia", "emia", "uria"])
    return part(chance, "site", "ailment")


def modified(chance: random.Random) -> str:
    """A disease with the adjectives in front of it (acute bilateral keratitis)."""
    more = pick(chance, ["", "", "", "bilateral ", "diffuse ", "drug - induced ", "early - onset "])
    return f"{part(chance, 'course')} {more}{disease(chance)}"


def eponym(chance: random.Random) -> str:
    """A disease that bears its discoverers' names (Kerberg ' s disease, Dorholm - Sandner syndrome)."""
    if chance.random() < 0.5:
        return f"{surname(chance)} ' s {part(chance, 'eponym')}"
    return f"{surname(chance)} - {surname(chance)} syndrome"


def tumour(chance: random.Random) -> str:
    """A cancer of some organ, named before or after it (cancer of the lung, colon carcinoma)."""
    kind, organ = part(chance, "tumour"), part(chance, "organ")
    return pick(chance, [f"{kind} of the {organ}", f"{organ} {kind}"])


def deficiency(chance: random.Random) -> str:
    """The want of an enzyme (lactosidase deficiency)."""
    return f"{enzyme(chance)} deficiency"


def infection(chance: random.Random) -> str:
    """A disease with a species inside its name; the species alone is none."""
    return f"{species(chance)} infection"


def procedure(chance: random.Random) -> str:
    """Surgery or imaging of the sites that diseases are named after: no entity anywhere (gastroscopy)."""
    return part(chance, "site", "procedure")


def process(chance: random.Random) -> str:
    """What a tissue does, or how it is measured, with an ending like a disease's: no entity anywhere (osteogenesis)."""
    return part(chance, "site", "process")


def peptide(chance: random.Random) -> str:
    """A hormone or another protein with an ending much like a drug's: no entity anywhere (saroferrin)."""
    return part(chance, "drug_onset", "drug_middle", "peptide_end")


def enzyme(chance: random.Random) -> str:
    """An enzyme, which is no entity anywhere (galactokinase)."""
    return part(chance, "enzyme_onset", "enzyme_end")


def gene(chance: random.Random) -> str:
    """Capitals and mostly digits, close to how the abbreviations of drugs and diseases look."""
    if chance.random() < 0.15:
        return f"p{int(10 + chance.random() * 80)}"
    letters = "".join(pick(chance, "ABCDEFGHIKLMNPRSTVX") for _ in range(pick(chance, [2, 3, 4])))
    return letters + (str(1 + int(chance.random() * 19)) if chance.random() < 0.7 or len(letters) == 2 else "")


def species(chance: random.Random) -> str:
    """A Latin binomial, its genus often shortened to the initial (Halobacter tenuis, H . tenuis)."""
    genus = part(chance, "genus_onset", "genus_end")
    return f"{pick(chance, [genus, genus[0] + ' .'])} {part(chance, 'epithet')}"


def surname(chance: random.Random) -> str:
    """A person."""
    return part(chance, "surname_onset", "surname_end")


def abbreviation(name: str) -> str:
    """Some three capitals: the initials of the words of a name, with consonants of the longest if words are few."""
    words = [word for word in name.split() if word.isalpha() and word not in {"of", "the", "s"}]
    longest = max(words, key=len)
    skeleton = longest[0] + "".join(letter for letter in longest[1:] if letter not in "aeiou")
    wanted = max(1, 4 - len(words))
    return "".join(skeleton[:wanted] if word == longest else word[0] for word in words).upper()
