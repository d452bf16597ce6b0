"""Joint corpora as files: folders of corpora into one folder, and apart again."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from metalstm import overwriting
from metalstm.corpora import columns, joint, labels
from metalstm.corpora.columns import Sentence
from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError


def named(words: Sequence[str]) -> dict[str, Path]:
    """The folder of each corpus, from words of the form NAME=DIR.

    Raises:
        UserError: a word has another form, there is no such folder, or a corpus is named twice.
    """
    folders: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not (name and equals and folder):
            raise UserError(f"{word}: expected NAME=DIR, such as NCBI-disease=data/iobes/NCBI-disease")
        if not Path(folder).is_dir():
            raise UserError(f"{folder}: no such folder")
        if name in folders:
            raise UserError(f"{name} is named twice; each NAME stands once")
        folders[name] = Path(folder)
    return folders


def join(folders: Mapping[str, Path], destination: Path) -> dict[Path, list[str]]:
    """Write the joint files of corpora, each corpus in its folder; which corpora each file has.

    Nothing is written before all files have been read and found in order.

    Raises:
        UserError: no folder has a file of some split; labels that are not IOBES; a corpus stands where its joint file
            would be written; as `joint.join`.
    """
    read = [folder / f"{split}.tsv" for folder in folders.values() for split in SPLITS]
    overwriting.require_apart(read, [destination / f"{split}.tsv" for split in SPLITS])
    joined = {}
    for split in SPLITS:
        present = {
            name: folder / f"{split}.tsv" for name, folder in folders.items() if (folder / f"{split}.tsv").is_file()
        }
        if not present:
            raise UserError(
                f"{split}.tsv: none of the folders has it; expected train.tsv, devel.tsv and test.tsv in each"
            )
        parts = {name: columns.read(path) for name, path in present.items()}
        for name, path in present.items():
            labels.require_iobes(path, parts[name])
        joined[destination / f"{split}.tsv"] = joint.join(parts), list(present)
    for path, (sentences, _) in joined.items():
        columns.write(path, sentences)
    return {path: names for path, (_, names) in joined.items()}


def split(source: Path, destination: Path) -> dict[Path, int]:
    """Take a joint file, or all of a folder, apart: `destination`/<corpus>/<file>; how many sentences each file has.

    A `destination` that ends in .tsv takes all sentences of one file. Nothing is written before all files have been
    read and taken apart.

    Raises:
        UserError: there is no file, or no sentence; a sentence does not stand between the two tags of one corpus; a
            file would be written where one is read.
    """
    files = sorted(source.glob("[!.]*.tsv")) if source.is_dir() else [source]
    if not files:
        raise UserError(f"{source}: no .tsv file in this folder")
    whole = destination.suffix == ".tsv" and not source.is_dir()
    parts: dict[Path, list[Sentence]] = {}
    for file in files:
        for corpus, sentence in _untagged(file):
            parts.setdefault(destination if whole else destination / corpus / file.name, []).append(sentence)
    if not parts:
        raise UserError(
            f"{source}: expected sentences between task tags, but found none; "
            "give a file that `metalstm join` has written, or a folder of such"
        )
    overwriting.require_apart(files, parts)
    for path, sentences in parts.items():
        columns.write(path, sentences)
    return {path: len(sentences) for path, sentences in parts.items()}


def _untagged(file: Path) -> Iterator[tuple[str, Sentence]]:
    """The sentences of a joint file without their tags, each with its corpus."""
    for number, sentence in enumerate(columns.read(file)):
        try:
            yield joint.untag(sentence)
        except UserError as error:
            raise UserError(f"{labels.place(file, number, 0)}: {error}") from None
