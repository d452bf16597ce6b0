"""Many runs, one table: a row for each corpus, setting and cell, over all seeds."""

import statistics
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from metalstm import published
from metalstm.errors import UserError
from metalstm.scoring import record
from metalstm.scoring.significance import Counts, bootstrap_interval, randomisation_test
from metalstm.tables import results
from metalstm.tables.results import Place, Result, Results
from metalstm.tables.rows import DERIVATIONS, DICTIONARY, NO_CELL, Absent, Row, derivation, study_setting

SETTINGS = ("stm", "mtm")
"""One model for one corpus, and one for a group: those of the study."""
REFERENCE_SETTING = "stm"
REFERENCE_CELL = "lstm"


def gather(
    metrics: Sequence[Path],
    *,
    corpora: Sequence[str],
    cells: Sequence[str],
    settings: Sequence[str] = SETTINGS,
    group: str | None = None,
) -> list[Row]:
    """The rows of a table, by corpus as in `corpora`, by setting as in `settings`, by cell as in `cells`.

    What a dictionary finds comes before the settings, what is derived from a setting after it; settings and cells
    that are not named come last. Nothing is read but `metrics`, metrics.json files. Of the models of groups only
    those of `group` are taken; without it those of all groups.

    Raises:
        UserError: a file is missing or is not what a run writes, a run is named twice, or runs to be compared were
            scored on different test sentences.
    """
    found = results.read(metrics)
    order = places(found, corpora=corpora, cells=cells, settings=settings, group=group)
    return [_row(shown, place, found) for shown, place in order]


def places(
    found: Collection[Place],
    *,
    corpora: Sequence[str],
    cells: Sequence[str],
    settings: Sequence[str],
    group: str | None = None,
) -> Iterator[tuple[str, Place]]:
    """The places in the order that `gather` says, each after the group that it is shown in."""
    cell_order = _order([NO_CELL, *cells], [place.cell for place in found])
    named = [DICTIONARY, *(variant for setting in settings for variant in _with_derived(setting))]
    setting_order = _order(named, [place.setting for place in found])
    for corpus in corpora:
        joint = [place.scope for place in found if place.corpus == corpus != place.scope]
        groups = [group] if group is not None else list(dict.fromkeys(joint))
        for setting in setting_order:
            for scope in [corpus, *(name for name in groups if name != corpus)]:
                shown = scope if scope != corpus else groups[0] if groups else ""
                for cell in cell_order:
                    place = Place(setting, scope, cell, corpus)
                    if place in found:
                        yield shown, place


def _with_derived(setting: str) -> list[str]:
    return [setting, *(setting + ending for ending in DERIVATIONS)]


def _order(first: Sequence[str], others: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*first, *sorted(others)]))


def absent(
    rows: Sequence[Row], *, corpora: Sequence[str], cells: Sequence[str], settings: Sequence[str] = SETTINGS
) -> list[Absent]:
    """The rows that a full table would have beside `rows`."""
    there = {(row.corpus, row.setting, row.cell) for row in rows}
    full = [(corpus, setting, cell) for corpus in corpora for setting in settings for cell in cells]
    return [place for place in full if place not in there]


def f1_by_corpus(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Corpus, setting and cell to f1_mean, for `dvc metrics show`; a second group's MTM is `mtm <group>`."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        settings = table.setdefault(row.corpus, {})
        taken = row.cell in settings.get(row.setting, {})
        cells = settings.setdefault(f"{row.setting} {row.group}" if taken else row.setting, {})
        cells[row.cell] = round(row.f1_mean, 2)
    return table


def _row(group: str, place: Place, found: Results) -> Row:
    corpus, setting = place.corpus, place.setting
    by_seed = found[place]
    seeds = list(by_seed.values())
    single = Place(REFERENCE_SETTING + derivation(setting), corpus, place.cell, corpus)
    partner = found.get(single) if single.setting != setting else None
    lstm = found.get(place._replace(cell=REFERENCE_CELL)) if place.cell != REFERENCE_CELL else None
    supports = {result.support for results in (by_seed, partner, lstm) for result in (results or {}).values()}
    if len(supports) > 1:
        raise UserError(f"{corpus}: its runs were scored on {_either(supports)} test entities; score all of them again")
    f1_mean = statistics.fmean(result.f1 for result in seeds)
    study = published.study_f1(corpus, study_setting(setting))
    low, high = _interval(seeds)
    return Row(
        group=group,
        corpus=corpus,
        setting=setting,
        cell=place.cell,
        seeds=sum(result.seeds for result in seeds),
        f1_mean=f1_mean,
        f1_sd=statistics.stdev(result.f1 for result in seeds) if len(seeds) > 1 else None,
        precision_mean=statistics.fmean(result.precision for result in seeds),
        recall_mean=statistics.fmean(result.recall for result in seeds),
        study_f1=study,
        delta=None if study is None else f1_mean - study,
        p_value=_p_value(by_seed, partner),
        n_test_entities=supports.pop(),
        f1_low=low,
        f1_high=high,
        p_cell=_p_value(by_seed, lstm),
        recall_unseen=_mean([result.recall_unseen for result in seeds]),
        devel_f1_mean=_mean([result.devel_f1 for result in seeds]),
        gain=_gain(by_seed, partner),
        gain_cell=_gain(by_seed, lstm),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _either(supports: set[int]) -> str:
    return " or ".join(str(support) for support in sorted(supports))


def _interval(seeds: Sequence[Result]) -> tuple[float, float] | tuple[None, None]:
    counts = _counts(seeds)
    return (None, None) if counts is None else bootstrap_interval(counts)


def _matched(first: dict[int, Result], second: dict[int, Result] | None) -> list[tuple[Result, Result]]:
    """The results of each seed that both have."""
    return [(first[seed], second[seed]) for seed in sorted(first.keys() & second.keys())] if second else []


def _gain(first: dict[int, Result], second: dict[int, Result] | None) -> float | None:
    pairs = _matched(first, second)
    return statistics.fmean(own.f1 - other.f1 for own, other in pairs) if pairs else None


def _p_value(first: dict[int, Result], second: dict[int, Result] | None) -> float | None:
    """Of the seeds that both have; None where there are none, or where their counts were not kept."""
    systems = [_counts(results) for results in zip(*_matched(first, second), strict=True)]
    if len(systems) < 2 or systems[0] is None or systems[1] is None:
        return None
    return randomisation_test(systems[0], systems[1])


def _counts(seeds: Sequence[Result]) -> Counts | None:
    """`[seeds, sentences, 3]`; None where a seed's were not kept, or where there is nothing to count."""
    counts = [record.read(result.counts) for result in seeds if result.counts is not None]
    if not counts or len(counts) < len(seeds) or not len(counts[0]):
        return None
    if len({len(sentences) for sentences in counts}) > 1:
        raise UserError("the seeds of a row were scored on test files of different lengths; score all of them again")
    return np.stack(counts)
