"""What the errors on the test split are, by corpus, setting and cell, as the metrics.json files of runs say.

The kinds are those of `scoring.errors`.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from metalstm.scoring.errors import GOLD_KINDS, PREDICTED_KINDS, Counts, Kind
from metalstm.tables import results
from metalstm.tables.columns import NOTHING, Column, as_markdown, number, on_terminal
from metalstm.tables.gather import places
from metalstm.tables.markdown import by_model, model_name
from metalstm.tables.results import Place, Result
from metalstm.tables.rows import NO_CELL, Absent

_OF_TWO_TYPES = ("type", "boundary_and_type")


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors of one row of the F1 table.

    Shares are in per cent, of the errors of all seeds together; None where there is nothing to share, and for the kinds
    that need two types where there is but one.
    """

    group: str
    corpus: str
    setting: str
    cell: str
    seeds: int
    f1_mean: float
    n_test_entities: int
    not_found: float
    """Gold entities that are not found, a seed."""
    unseen: float | None
    """Of those not found; so are the four kinds and what earlier text leaves unlabelled."""
    boundary: float | None
    type: float | None
    boundary_and_type: float | None
    missed: float | None
    missed_mostly_unlabelled_earlier: float | None
    missed_in_five_names: float | None
    """Of the missed."""
    not_gold: float
    """Predicted entities that are not gold, a seed."""
    predicted_boundary: float | None
    """Of those not gold; so is all that follows."""
    predicted_type: float | None
    predicted_boundary_and_type: float | None
    invented: float | None
    invented_annotated_earlier: float | None


def gather(
    metrics: Sequence[Path], *, corpora: Sequence[str], cells: Sequence[str], settings: Sequence[str]
) -> tuple[list[Errors], list[Absent]]:
    """The rows, in the order of the F1 table, and those left out, which were scored before errors were counted.

    Raises:
        UserError: a file is missing or is not what a run writes, or a run is named twice.
    """
    found = results.read(metrics)
    rows: list[Errors] = []
    left_out: list[Absent] = []
    for group, place in places(found, corpora=corpora, cells=cells, settings=settings):
        seeds = list(found[place].values())
        counts = [seed.errors for seed in seeds if seed.errors is not None]
        if len(counts) == len(seeds):
            rows.append(_row(group, place, seeds, counts))
        else:
            left_out.append((place.corpus, place.setting, place.cell))
    return rows, left_out


def page(title: str, rows: Sequence[Errors], left_out: Sequence[Absent]) -> str:
    """A Markdown page with the table, what its figures are, and which rows were left out."""
    table = [*as_markdown(rows, _columns()), ""] if rows else []
    notes = [*_notes(_columns() if rows else []), *by_model("Left out, scored before errors were counted", left_out)]
    return "\n".join([f"# {title}", "", *table, *(f"- {note}" for note in notes)]) + "\n"


def terminal(rows: Sequence[Errors], *, file: TextIO | None = None) -> None:
    """Print the table and what its figures are to `file`, by default standard output."""
    on_terminal(rows, _columns(), title="errors", section=lambda row: row.corpus, notes=_notes, file=file)


def _columns() -> list[Column[Errors]]:
    return [
        Column("Corpus", lambda row: row.corpus, is_number=False),
        Column("Group", lambda row: row.group or NOTHING, is_number=False, dropped=9),
        Column("Model", lambda row: model_name(row.setting), is_number=False),
        Column("Cell", lambda row: NOTHING if row.cell == NO_CELL else row.cell, is_number=False),
        Column("Seeds", lambda row: str(row.seeds or NOTHING), dropped=8),
        Column("F1", lambda row: number(row.f1_mean)),
        Column("Test entities", lambda row: f"{row.n_test_entities:,}", dropped=7),
        Column(
            "Not found",
            lambda row: number(row.not_found, ",.0f"),
            note="Not found: gold entities of the test split that are not predicted with their type and both ends, "
            "mean over seeds. What follows is in per cent of these, all seeds together.",
        ),
        _share("Unseen", "unseen", note="Unseen: their tokens are no mention of train or devel."),
        _share(
            "Boundary",
            "boundary",
            note="Boundary: an entity of the same type shares a token. Type: the same tokens have another type. Both: "
            "only entities of other types share a token; neither can be where all have one type. Missed: nothing "
            "shares a token.",
        ),
        _share("Type", "type", dropped=4),
        _share("Both", "boundary_and_type", dropped=4),
        _share("Missed", "missed"),
        _share(
            "Unlabelled before",
            "missed_mostly_unlabelled_earlier",
            dropped=2,
            note="Unlabelled before: missed, and these tokens stand in train and devel without a label at least as "
            "often as they are a mention there.",
        ),
        _share(
            "In five names",
            "missed_in_five_names",
            dropped=1,
            note="In five names: in per cent of the missed, how many have one of the five names that are missed most.",
        ),
        Column(
            "Not gold",
            lambda row: number(row.not_gold, ",.0f"),
            note="Not gold: predicted entities that are not annotated with their type and both ends, mean over seeds. "
            "What follows is in per cent of these, all seeds together; the kinds as above.",
        ),
        _share("Wrong boundary", "predicted_boundary"),
        _share("Wrong type", "predicted_type", dropped=5),
        _share("Wrong both", "predicted_boundary_and_type", dropped=6),
        _share("Invented", "invented", note="Invented: nothing that is annotated shares a token."),
        _share(
            "Annotated before",
            "invented_annotated_earlier",
            dropped=3,
            note="Annotated before: invented, and these tokens are a mention in train or devel.",
        ),
    ]


def _share(heading: str, field: str, *, dropped: int | None = None, note: str | None = None) -> Column[Errors]:
    return Column(heading, lambda row: number(getattr(row, field), ".0f"), dropped=dropped, note=note)


def _notes(columns: Sequence[Column[Errors]]) -> list[str]:
    return [column.note for column in columns if column.note]


def _row(group: str, place: Place, seeds: Sequence[Result], counts: Sequence[Counts]) -> Errors:
    sides = {
        side: {kind: sum(count["gold"][kind][side] for count in counts) for kind in GOLD_KINDS}
        for side in ("seen", "unseen")
    }
    gold = {kind: sides["seen"][kind] + sides["unseen"][kind] for kind in GOLD_KINDS}
    predicted = {kind: sum(count["predicted"][kind] for count in counts) for kind in PREDICTED_KINDS}
    not_found, not_gold = sum(gold.values()), sum(predicted.values())
    gold_shares, predicted_shares = (_shares(kinds, seeds) for kinds in (gold, predicted))
    return Errors(
        group=group,
        corpus=place.corpus,
        setting=place.setting,
        cell=place.cell,
        seeds=sum(seed.seeds for seed in seeds),
        f1_mean=statistics.fmean(seed.f1 for seed in seeds),
        n_test_entities=seeds[0].support,
        not_found=not_found / len(seeds),
        unseen=_per_cent(sum(sides["unseen"].values()), not_found),
        boundary=gold_shares["boundary"],
        type=gold_shares["type"],
        boundary_and_type=gold_shares["boundary_and_type"],
        missed=gold_shares["missed"],
        missed_mostly_unlabelled_earlier=_per_cent(
            sum(count["missed_mostly_unlabelled_earlier"] for count in counts), not_found
        ),
        missed_in_five_names=_per_cent(sum(count["missed_in_five_names"] for count in counts), gold["missed"]),
        not_gold=not_gold / len(seeds),
        predicted_boundary=predicted_shares["boundary"],
        predicted_type=predicted_shares["type"],
        predicted_boundary_and_type=predicted_shares["boundary_and_type"],
        invented=predicted_shares["invented"],
        invented_annotated_earlier=_per_cent(sum(count["invented_annotated_earlier"] for count in counts), not_gold),
    )


def _shares(kinds: Mapping[Kind, int], seeds: Sequence[Result]) -> dict[Kind, float | None]:
    """Of each kind; None for those that need two types where there is but one."""
    all_kinds = sum(kinds.values())
    one_type = all(seed.types < 2 for seed in seeds)
    return {kind: None if one_type and kind in _OF_TWO_TYPES else _per_cent(n, all_kinds) for kind, n in kinds.items()}


def _per_cent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None
