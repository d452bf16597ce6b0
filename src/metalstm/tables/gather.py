"""Many runs, one table: a row for each corpus, setting and cell, over all seeds."""

import csv
import io
import json
import statistics
from collections.abc import Sequence
from dataclasses import Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from metalstm.errors import UserError
from metalstm.tables import published

SETTINGS = ("stm", "mtm")
"""One model for one corpus, and one for a group."""


@dataclass(frozen=True, slots=True)
class Row:
    """Strict scores on the test split, in per cent, as means over seeds; None where there is nothing to say."""

    group: str
    """The group of the joint model; for a model of one corpus the group whose table it stands in."""
    corpus: str
    setting: str
    cell: str
    seeds: int
    """How many."""
    f1_mean: float
    f1_sd: float | None
    """Sample standard deviation over seeds; from two seeds on."""
    precision_mean: float
    recall_mean: float
    study_f1: float | None
    """What the study published for the corpus and setting, whatever the cell."""
    delta: float | None
    """f1_mean - study_f1."""
    p_value: float | None
    """That MTM and STM of the same corpus and cell differ by chance in the test sentences; on rows of MTM."""
    n_test_entities: int


Absent = tuple[str, str, str]
"""Corpus, setting and cell of a row that is not there."""


def gather(
    metrics: Sequence[Path], *, corpora: Sequence[str], cells: Sequence[str], group: str | None = None
) -> list[Row]:
    """The rows of a table, by corpus as in `corpora`, STM before MTM, by cell as in `cells`.

    `metrics` are metrics.json files, each with its `predictions/<corpus>.test.tsv` beside it, which the p value is
    computed from. Only joint models of `group` are taken; without it those of all groups.

    Raises:
        UserError: a file is missing or is not what a run writes, a run is named twice, or runs to be compared were
            scored on different test sentences.
    """
    results = _results(metrics)
    rows = []
    for corpus in corpora:
        joint = [scope for setting, scope, _, scored in results if setting == "mtm" and scored == corpus]
        groups = [group] if group is not None else list(dict.fromkeys(joint))
        home = groups[0] if groups else ""
        for setting, scope, shown in [("stm", corpus, home), *(("mtm", name, name) for name in groups)]:
            for cell in cells:
                if seeds := results.get((setting, scope, cell, corpus)):
                    partner = results.get(("stm", corpus, cell, corpus)) if setting == "mtm" else None
                    rows.append(_row(shown, corpus, setting, cell, list(seeds.values()), partner))
    return rows


def absent(
    rows: Sequence[Row], *, corpora: Sequence[str], cells: Sequence[str], settings: Sequence[str] = SETTINGS
) -> list[Absent]:
    """The rows that a full table would have beside `rows`."""
    there = {(row.corpus, row.setting, row.cell) for row in rows}
    full = [(corpus, setting, cell) for corpus in corpora for setting in settings for cell in cells]
    return [place for place in full if place not in there]


def as_csv(rows: Sequence[Row]) -> str:
    """The table as CSV: the fields of `Row`, four decimals, empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    for row in rows:
        values = asdict(row).values()
        writer.writerow(f"{value:.4f}" if isinstance(value, float) else value for value in values)
    return text.getvalue()


def read_csv(path: Path) -> list[Row]:
    """The rows of a table that `as_csv` wrote.

    Raises:
        UserError: there is no such file, or it is not such a table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return [Row(*(_value(field, row[field.name]) for field in fields(Row))) for row in rows]
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run the study first, or name another one") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path}: not a table with the columns {', '.join(f.name for f in fields(Row))}") from None


def _value(field: Field[Any], text: str) -> Any:
    if field.type is str:
        return text
    if text == "" and field.type not in (int, float):
        return None
    return int(text) if field.type is int else float(text)


def f1_by_corpus(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Corpus, setting and cell to f1_mean, for `dvc metrics show`; a second group's MTM is `mtm <group>`."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        settings = table.setdefault(row.corpus, {})
        taken = row.cell in settings.get(row.setting, {})
        cells = settings.setdefault(f"{row.setting} {row.group}" if taken else row.setting, {})
        cells[row.cell] = round(row.f1_mean, 2)
    return table


@dataclass(frozen=True, slots=True)
class _Result:
    """How one run did on one corpus."""

    precision: float
    recall: float
    f1: float
    support: int
    predictions: Path


def _results(metrics: Sequence[Path]) -> dict[tuple[str, str, str, str], dict[int, _Result]]:
    """By setting, scope, cell and corpus, then by seed."""
    results: dict[tuple[str, str, str, str], dict[int, _Result]] = {}
    for path in metrics:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            run, scores = content["run"], content["scores"]
            for corpus, splits in scores.items():
                strict = splits["test"]["strict"]
                seeds = results.setdefault((run["setting"], run["scope"], run["cell"], corpus), {})
                if run["seed"] in seeds:
                    raise UserError(f"{path}: seed {run['seed']} of this run was named before; name each run once")
                predictions = path.parent / "predictions" / f"{corpus}.test.tsv"
                precision, recall, f1 = (float(strict[name]) for name in ("precision", "recall", "f1"))
                seeds[run["seed"]] = _Result(precision, recall, f1, int(strict["support"]), predictions)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; score this run first") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a run's metrics ({error!r}); score this run again") from None
    return results


def _row(
    group: str, corpus: str, setting: str, cell: str, seeds: list[_Result], partner: dict[int, _Result] | None
) -> Row:
    supports = {result.support for result in [*seeds, *(partner or {}).values()]}
    if len(supports) > 1:
        raise UserError(f"{corpus}: its runs were scored on {_either(supports)} test entities; score all of them again")
    f1_mean = statistics.fmean(result.f1 for result in seeds)
    study = published.study_f1(corpus, setting)
    return Row(
        group=group,
        corpus=corpus,
        setting=setting,
        cell=cell,
        seeds=len(seeds),
        f1_mean=f1_mean,
        f1_sd=statistics.stdev(result.f1 for result in seeds) if len(seeds) > 1 else None,
        precision_mean=statistics.fmean(result.precision for result in seeds),
        recall_mean=statistics.fmean(result.recall for result in seeds),
        study_f1=study,
        delta=None if study is None else f1_mean - study,
        p_value=_p_value(seeds, list(partner.values())) if partner else None,
        n_test_entities=supports.pop(),
    )


def _either(supports: set[int]) -> str:
    return " or ".join(str(support) for support in sorted(supports))


def _p_value(first: list[_Result], second: list[_Result]) -> float:
    # numpy is imported here, and only if there is something to compare.
    import numpy as np

    from metalstm.scoring.significance import randomisation_test, sentence_counts

    systems = []
    for results in (first, second):
        counts = [sentence_counts(*_labels(result.predictions)) for result in results]
        if len({len(sentences) for sentences in counts}) > 1:
            raise UserError(f"{results[0].predictions}: another seed tagged other sentences; train these runs again")
        systems.append(np.stack(counts))
    return randomisation_test(*systems)


def _labels(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted labels, sentence by sentence, of a file with token, gold and prediction."""
    gold: list[list[str]] = [[]]
    predicted: list[list[str]] = [[]]
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; train this run again") from None
    for number, line in enumerate(lines, start=1):
        columns = line.split("\t")
        if len(columns) == 3:
            gold[-1].append(columns[1])
            predicted[-1].append(columns[2])
        elif line:
            raise UserError(f"{path}:{number}: expected token, gold and predicted label, found {len(columns)} columns")
        elif gold[-1]:
            gold.append([])
            predicted.append([])
    return list(filter(None, gold)), list(filter(None, predicted))
