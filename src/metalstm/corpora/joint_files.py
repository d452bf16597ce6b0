"""Joint corpora as files: folders of corpora into one folder, and apart again."""

from collections.abc import Mapping
from pathlib import Path

from metalstm.corpora import columns, joint, labels
from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError


def join(folders: Mapping[str, Path], destination: Path) -> dict[Path, list[str]]:
    """Write the joint files of corpora, each corpus in its folder; which corpora each file has.

    Nothing is written before all files have been read and found in order.

    Raises:
        UserError: no folder has a file of some split; labels that are not IOBES; as `joint.join`.
    """
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

    A `destination` that ends in .tsv takes all sentences of one file.

    Raises:
        UserError: there is no file; as `joint.split`.
    """
    files = sorted(source.glob("[!.]*.tsv")) if source.is_dir() else [source]
    if not files:
        raise UserError(f"{source}: no .tsv file in this folder")
    if destination.suffix == ".tsv" and not source.is_dir():
        stripped = [joint.strip(sentence) for sentence in columns.read(source)]
        columns.write(destination, stripped)
        return {destination: len(stripped)}
    written = {}
    for file in files:
        for corpus, sentences in joint.split(columns.read(file)).items():
            columns.write(destination / corpus / file.name, sentences)
            written[destination / corpus / file.name] = len(sentences)
    return written
