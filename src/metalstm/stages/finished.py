"""What a finished run predicted, beside the files that it is scored on, found from the folder of the run alone."""

import os
from collections.abc import Iterator
from pathlib import Path

from metalstm.corpora import columns
from metalstm.errors import UserError
from metalstm.plan.job import iobes
from metalstm.scoring.scores import Labels
from metalstm.stages import reports
from metalstm.tables import results

_STUDY = Path("../../../../../..")
"""From a run's folder, results/runs/<setting>/<scope>/<cell>/seed-<n>, to the study's."""


def predictions(folder: Path, split: str, corpus: str | None = None) -> Iterator[tuple[str, reports.Corpus, Labels]]:
    """The name, the sentences and the predicted labels of each corpus that a run is scored on, or just of `corpus`.

    Raises:
        UserError: it is not the folder of a run that was scored, or none of that corpus, or a file is not there or not
            of the sentences that it should be.
    """
    if not folder.is_dir():
        state = "a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {state}; name the folder of a run, results/runs/SETTING/SCOPE/CELL/seed-N")
    try:
        corpora = next(metrics["run"]["corpora"] for _, metrics in results.runs([folder / "metrics.json"]))
    except (StopIteration, KeyError, TypeError):
        corpora = []
    if not corpora or not (folder / "predictions").is_dir():
        raise UserError(f"{folder}: not a run on corpora of sentences, which keeps its predictions")
    if corpus is not None and corpus not in corpora:
        raise UserError(f"{folder}: not a run on {corpus}; it is one on {', '.join(corpora)}")
    # By name alone: `results` may be a link to another disk.
    study = Path(os.path.normpath(folder.absolute() / _STUDY))
    for name in [corpus] if corpus else corpora:
        files = {part: study / path for part, path in iobes(name).items()}
        predicted = folder / "predictions" / f"{name}.{split}.tsv"
        for path, made_by in [(predicted, "train"), *((file, "convert") for file in files.values())]:
            if not path.is_file():
                raise UserError(f"{path}: no such file; the stage `{made_by}` of the run's study writes it")
        own = {part: columns.read(path) for part, path in files.items()}
        yield name, own, reports.predicted(predicted, own[split], split, name)
