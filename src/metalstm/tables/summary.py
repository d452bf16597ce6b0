"""What a table of many rows comes to: against the study, MTM against STM, cells against LSTM, and other systems."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from metalstm import published
from metalstm.tables.columns import NOTHING, number, padded
from metalstm.tables.gather import REFERENCE_CELL, REFERENCE_SETTING
from metalstm.tables.markdown import model_name
from metalstm.tables.rows import DERIVATIONS, NO_CELL, Row, base, derivation, study_setting

SURE = 0.05
"""A difference counts as one below this p value."""

Pair = tuple[Row, float, float | None]
"""A row, its difference from what it is compared with, and the p value of that."""


def lines(rows: Sequence[Row]) -> list[str]:
    """The summary as Markdown, a heading and a table for each question that the rows can answer."""
    sections = [
        ("Against the study", _study(rows)),
        ("Against the study, each model chosen on its development file", _chosen(rows)),
        ("A model for a group against one for each corpus", _groups(rows)),
        (f"Cells against {REFERENCE_CELL}", _cells(rows)),
        ("Other systems", _others(rows)),
    ]
    return [line for heading, section in sections if section for line in (f"## {heading}", "", *section, "")]


def _study(rows: Sequence[Row]) -> list[str]:
    told = [row for row in rows if row.delta is not None]
    table = [["Model", "Cell", "Rows", "At or above the study", "Mean delta", "Lowest", "Highest"]]
    for setting, cell in _places(told):
        deltas = [row.delta for row in told if (row.setting, row.cell) == (setting, cell) and row.delta is not None]
        reached = sum(round(delta, 2) >= 0 for delta in deltas)
        spread = [f"{value:+.2f}" for value in (statistics.fmean(deltas), min(deltas), max(deltas))]
        table.append([model_name(setting), cell, str(len(deltas)), str(reached), *spread])
    return [*padded(table, [False, False, *[True] * 5]), "", f"{_totals(told)}."] if told else []


def _totals(told: Sequence[Row]) -> str:
    """`STM: 3 of 4 rows; MTM: 2 of 4 rows`."""
    settings = dict.fromkeys(setting for setting, _ in _places(told))
    return "; ".join(_reached(setting, [row for row in told if row.setting == setting]) for setting in settings)


def _reached(setting: str, told: Sequence[Row]) -> str:
    reached = sum(round(row.delta or 0.0, 2) >= 0 for row in told)
    return f"{model_name(setting)}: {reached} of {len(told)} rows at or above the study"


def _chosen(rows: Sequence[Row]) -> list[str]:
    """Of each corpus and figure of the study one row; told where there is something to choose from."""
    table = [["Study", "Corpus", "Ours", "Cell", "F1", "Study F1", "Delta"]]
    totals = []
    for figure in dict.fromkeys(study_setting(row.setting) for row in rows if row.delta is not None):
        beside = [row for row in rows if study_setting(row.setting) == figure and row.delta is not None]
        own = [row for row in beside if row.devel_f1_mean is not None and row.cell != NO_CELL]
        best = [row for corpus in dict.fromkeys(row.corpus for row in own) if (row := _best_on_devel(own, corpus))]
        if len(best) < len(own):
            for row in best:
                named = [model_name(figure), row.corpus, model_name(row.setting), row.cell]
                table.append([*named, number(row.f1_mean), number(row.study_f1), number(row.delta, "+.2f")])
            totals.append(_reached(figure, best))
    note = (
        "Ours: of all rows of the corpus that stand beside this figure, votes among them, the one with the best "
        "development F1; so test plays no part in the choice. A row of one seed can be lucky there."
    )
    if not totals:
        return []
    return [*padded(table, [*[False] * 4, *[True] * 3]), "", f"{'; '.join(totals)}.", "", note]


def _best_on_devel(rows: Sequence[Row], corpus: str) -> Row | None:
    """The trained model that is best on the development file of the corpus; None where none was judged by it."""
    own = [row for row in rows if row.corpus == corpus and row.cell != NO_CELL and row.devel_f1_mean is not None]
    return max(own, key=lambda row: row.devel_f1_mean or 0.0, default=None)


def _groups(rows: Sequence[Row]) -> list[str]:
    def partner(row: Row) -> str:
        return REFERENCE_SETTING + derivation(row.setting)

    found = {(row.setting, row.corpus, row.cell): row for row in rows}
    pairs = [
        (row, _difference(row, found[partner(row), row.corpus, row.cell], row.gain), row.p_value)
        for row in rows
        if row.setting != partner(row) and (partner(row), row.corpus, row.cell) in found
    ]
    return _compared(pairs, lambda row: model_name(partner(row)))


def _cells(rows: Sequence[Row]) -> list[str]:
    found = {(row.setting, row.group, row.corpus, row.cell): row for row in rows}
    pairs = []
    for row in rows:
        lstm = found.get((row.setting, row.group, row.corpus, REFERENCE_CELL))
        if lstm is not None and row.cell not in (REFERENCE_CELL, NO_CELL):
            pairs.append((row, _difference(row, lstm, row.gain_cell), row.p_cell))
    return _compared(pairs, lambda row: REFERENCE_CELL)


def _difference(row: Row, other: Row, gain: float | None) -> float:
    """Over the seeds that both rows have, as the p value is; of all, if they have none in common."""
    return row.f1_mean - other.f1_mean if gain is None else gain


def _compared(pairs: Sequence[Pair], against: Callable[[Row], str]) -> list[str]:
    """A line for each setting and cell: how often it is at least as good, and how often that is sure."""
    table = [["Model", "Cell", "Against", "Corpora", "At or above", "Mean difference"]]
    table[0] += [f"Better, p < {SURE}", f"Worse, p < {SURE}"]
    for setting, cell in _places(row for row, _, _ in pairs):
        own = [pair for pair in pairs if (pair[0].setting, pair[0].cell) == (setting, cell)]
        differences = [(difference, p_value) for _, difference, p_value in own]
        sure = [difference for difference, p_value in differences if p_value is not None and p_value < SURE]
        tested = any(p_value is not None for _, p_value in differences)
        table.append(
            [
                model_name(setting),
                cell,
                against(own[0][0]),
                str(len(own)),
                str(sum(difference >= 0 for difference, _ in differences)),
                f"{statistics.fmean(difference for difference, _ in differences):+.2f}",
                str(sum(difference > 0 for difference in sure)) if tested else NOTHING,
                str(sum(difference < 0 for difference in sure)) if tested else NOTHING,
            ]
        )
    note = "Each p value stands for itself: of twenty differences by chance alone, one has p < 0.05."
    return [*padded(table, [False, False, False, *[True] * 5]), "", note] if pairs else []


def _others(rows: Sequence[Row]) -> list[str]:
    """Ours is the row that is best on devel, so that test plays no part in its choice, or every row if none is."""
    table = [["Corpus", "Ours", "Cell", "F1", "System", "Its F1", "Difference", "Its kind and protocol"]]
    trained = [row for row in rows if row.cell != NO_CELL]
    for corpus in dict.fromkeys(row.corpus for row in rows):
        best = _best_on_devel(rows, corpus)
        own = [best] if best else [row for row in trained if row.corpus == corpus]
        for figure in published.others(corpus):
            for row in own:
                ours = [corpus, model_name(row.setting), row.cell, f"{row.f1_mean:.2f}"]
                theirs = [figure.system, f"{figure.f1:.2f}", f"{row.f1_mean - figure.f1:+.2f}"]
                table.append([*ours, *theirs, f"{figure.setting}; {figure.protocol}"])
    note = "Ours: of all our rows of the corpus the one with the best development F1; its F1 here is that on test."
    if any(_best_on_devel(rows, row.corpus) is None for row in trained):
        note += " Where devel was learned from, so that no row has one, every row stands here."
    return [*padded(table, [*[False] * 3, True, False, True, True, False]), "", note] if len(table) > 1 else []


def _places(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Settings and cells in the order in which they come, each setting's cells together, derived settings last."""
    found = list(dict.fromkeys((row.setting, row.cell) for row in rows))
    settings = list(dict.fromkeys(base(setting) for setting, _ in found))
    kinds = ["", *DERIVATIONS]
    return sorted(found, key=lambda place: (kinds.index(derivation(place[0])), settings.index(base(place[0]))))
