"""What the metrics.json files of runs say for a table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from metalstm.errors import UserError
from metalstm.scoring import errors, record
from metalstm.tables.rows import EVIDENCE


class Place(NamedTuple):
    """What a row is about; `scope` is the corpus or the group that the model is for."""

    setting: str
    scope: str
    cell: str
    corpus: str


@dataclass(frozen=True, slots=True)
class Result:
    """How one run did on the test split of one corpus, in per cent."""

    precision: float
    recall: float
    f1: float
    support: int
    seeds: int
    """How many took part: 1 but for votes, and for what has no seed."""
    counts: str | None
    """As `scoring.record` reads it; older files have none."""
    recall_unseen: float | None
    devel_f1: float | None
    types: int
    """How many types of entities there are, in gold or prediction."""
    errors: errors.Counts | None
    """Older files have none."""


Results = dict[Place, dict[int, Result]]
"""By place, then by seed; what has no single seed stands under 0."""


def unreadable(path: Path, why: object) -> UserError:
    """What to tell the user of a file that is not what a run writes."""
    return UserError(f"{path}: not a run's metrics ({why!r}); score this run again")


def runs(metrics: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The runs in some metrics.json files: each holds one, or a list of them.

    Raises:
        UserError: a file is missing, or is not JSON of an object a run.
    """
    for path in metrics:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; score this run first") from None
        except ValueError as error:
            raise unreadable(path, error) from None
        for run in content if isinstance(content, list) else [content]:
            if not isinstance(run, dict):
                raise unreadable(path, run)
            yield path, run


def read(metrics: Sequence[Path]) -> Results:
    """The results in some metrics.json files.

    Raises:
        UserError: a file is missing or is not what a run writes, or a run is named twice.
    """
    results: Results = {}
    for path, content in runs(metrics):
        try:
            run = content["run"]
            seed = int(run.get("seed", 0))
            for ending, corpus, splits in _scores(content):
                seeds = results.setdefault(Place(run["setting"] + ending, run["scope"], run["cell"], corpus), {})
                if seed in seeds:
                    raise UserError(f"{path}: seed {seed} of this run was named before; name each run once")
                seeds[seed] = _result(content, splits, len(run.get("seeds", [seed])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise unreadable(path, error) from None
    return results


def _scores(content: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The end of the setting, the corpus and the scores of its splits.

    Older files say nothing of evidence; and where devel was learned from it cannot tell whether evidence is used.
    """
    yield from (("", corpus, splits) for corpus, splits in content["scores"].items())
    for corpus, made in content.get("evidence", {}).items():
        if made["chosen_by"] == "params" or not learned_from_devel(content):
            yield EVIDENCE, corpus, made["scores"]


def _result(content: dict[str, Any], splits: dict[str, Any], seeds: int) -> Result:
    test = splits["test"]
    strict, unseen = test["strict"], test.get("unseen", {"support": 0})
    _require_whole(test.get("sentence_counts"), test.get("errors"))
    return Result(
        precision=float(strict["precision"]),
        recall=float(strict["recall"]),
        f1=float(strict["f1"]),
        support=int(strict["support"]),
        seeds=seeds,
        counts=test.get("sentence_counts"),
        recall_unseen=float(unseen["recall"]) if unseen["support"] else None,
        types=len(strict["by_type"]),
        errors=test.get("errors"),
        devel_f1=None
        if learned_from_devel(content) or "devel" not in splits
        else float(splits["devel"]["strict"]["f1"]),
    )


def _require_whole(counts: str | None, wrong: errors.Counts | None) -> None:
    """Refuse here, where the file is known, what a row could not be made of."""
    if counts is not None:
        try:
            record.read(counts)
        except UserError as error:
            raise ValueError(str(error)) from None
    if wrong is not None and not (
        wrong["gold"].keys() >= set(errors.GOLD_KINDS) and wrong["predicted"].keys() >= set(errors.PREDICTED_KINDS)
    ):
        raise ValueError("kinds of errors are missing")


def learned_from_devel(content: dict[str, Any]) -> bool:
    """Whether a run, as `runs` gives it, learned from devel files, so that its devel scores say nothing."""
    return "devel" in content.get("train_on", "train")
