from dataclasses import replace

from metalstm.tables.rows import Row
from metalstm.tables.summary import lines

STM = Row(
    "disease", "NCBI-disease", "stm", "lstm", 3, 85.62, 0.3, 84.0, 83.5, 85.62, 0.0, None, 960, devel_f1_mean=85.0
)
MTM = replace(STM, setting="mtm", f1_mean=83.0, study_f1=83.44, delta=-0.44, p_value=0.01, devel_f1_mean=84.0)
ROWS = [
    replace(STM, setting="dictionary", cell="-", study_f1=None, delta=None, devel_f1_mean=99.0),
    STM,
    replace(STM, cell="rnn", f1_mean=84.62, delta=-1.0, p_cell=0.2),
    MTM,
    replace(MTM, cell="rnn", f1_mean=85.0, delta=1.56, p_value=0.5, p_cell=0.001),
    replace(STM, corpus="linnaeus", f1_mean=90.0, delta=3.77, devel_f1_mean=None),
]


def cells(text: list[str], heading: str) -> list[list[str]]:
    """The lines of the table below a heading, without its own headings."""
    start = text.index(f"## {heading}")
    end = next((n for n in range(start + 1, len(text)) if text[n].startswith("## ")), len(text))
    table = [line for line in text[start:end] if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[2:]]


def test_rows_at_or_above_the_study_are_counted_by_model_and_cell() -> None:
    text = lines(ROWS)
    assert cells(text, "Against the study") == [
        ["STM", "lstm", "2", "2", "+1.89", "+0.00", "+3.77"],
        ["STM", "rnn", "1", "0", "-1.00", "-1.00", "-1.00"],
        ["MTM", "lstm", "1", "0", "-0.44", "-0.44", "-0.44"],
        ["MTM", "rnn", "1", "1", "+1.56", "+1.56", "+1.56"],
    ]
    assert "STM: 2 of 3 rows at or above the study; MTM: 1 of 2 rows at or above the study." in text


def test_models_and_cells_are_compared_pair_by_pair() -> None:
    text = lines(ROWS)
    assert cells(text, "A model for a group against one for each corpus") == [
        ["MTM", "lstm", "STM", "1", "0", "-2.62", "0", "1"],
        ["MTM", "rnn", "STM", "1", "1", "+0.38", "0", "0"],
    ]
    assert cells(text, "Cells against lstm") == [
        ["STM", "rnn", "lstm", "1", "0", "-1.00", "0", "0"],
        ["MTM", "rnn", "lstm", "1", "1", "+2.00", "1", "0"],
    ]


def test_a_difference_is_of_the_seeds_that_the_p_value_is_of() -> None:
    rows = [STM, replace(STM, cell="rnn", seeds=1, f1_mean=90.0, p_cell=0.001, gain_cell=-2.0)]
    assert cells(lines(rows), "Cells against lstm") == [["STM", "rnn", "lstm", "1", "0", "-2.00", "0", "1"]]
    rows = [STM, replace(MTM, f1_mean=90.0, gain=-2.0)]
    [line] = cells(lines(rows), "A model for a group against one for each corpus")
    assert line == ["MTM", "lstm", "STM", "1", "0", "-2.00", "0", "1"]


def test_what_is_derived_is_compared_with_its_like_and_comes_last() -> None:
    derived = [
        replace(row, setting=f"{row.setting}-{kind}", f1_mean=row.f1_mean + 1.0)
        for kind in ("vote-evidence", "vote", "evidence")
        for row in (STM, MTM)
    ]
    groups = cells(lines([*derived, *ROWS]), "A model for a group against one for each corpus")
    assert [line[:6] for line in groups] == [
        ["MTM", "lstm", "STM", "1", "0", "-2.62"],
        ["MTM", "rnn", "STM", "1", "1", "+0.38"],
        ["MTM evidence", "lstm", "STM evidence", "1", "0", "-2.62"],
        ["MTM vote", "lstm", "STM vote", "1", "0", "-2.62"],
        ["MTM vote evidence", "lstm", "STM vote evidence", "1", "0", "-2.62"],
    ]


def test_the_row_beside_other_systems_is_chosen_on_devel() -> None:
    systems = [line for line in cells(lines(ROWS), "Other systems") if line[0] == "NCBI-disease"]
    assert {tuple(line[:4]) for line in systems} == {("NCBI-disease", "STM", "lstm", "85.62")}
    by_system = {line[4]: line[5:7] for line in systems}
    assert by_system["Giorgi 2020"] == ["87.60", "-1.98"]


def test_what_cannot_be_told_has_no_heading() -> None:
    own = replace(STM, corpus="mine", study_f1=None, delta=None)
    assert lines([own]) == []
    untested = [own, replace(own, cell="rnn", f1_mean=80.0)]
    assert cells(lines(untested), "Cells against lstm") == [["STM", "rnn", "lstm", "1", "0", "-5.62", "–", "–"]]


def test_beside_each_figure_of_the_study_stands_the_row_that_is_best_on_devel() -> None:
    vote = replace(STM, setting="stm-vote", f1_mean=85.0, delta=-0.62, devel_f1_mean=86.0)
    plus = replace(MTM, setting="mtm-plus", f1_mean=90.0, delta=6.56, devel_f1_mean=83.9)
    text = lines([*ROWS, vote, plus])
    heading = "Against the study, each model chosen on its development file"
    assert cells(text, heading) == [
        ["STM", "NCBI-disease", "STM vote", "lstm", "85.00", "85.62", "-0.62"],
        ["MTM", "NCBI-disease", "MTM", "lstm", "83.00", "83.44", "-0.44"],
    ]
    assert "STM: 0 of 1 rows at or above the study; MTM: 0 of 1 rows at or above the study." in text


def test_where_there_is_one_row_nothing_is_chosen() -> None:
    assert not [line for line in lines([STM, MTM]) if "chosen" in line]


def test_where_devel_was_learned_from_nothing_is_chosen_and_every_row_stands_beside_other_systems() -> None:
    unjudged = [replace(row, devel_f1_mean=None) for row in (STM, MTM)]
    text = lines(unjudged)
    assert not [line for line in text if "chosen on its" in line or "0 of 0" in line]
    partly = lines([STM, *unjudged[1:], replace(STM, cell="rnn", devel_f1_mean=None)])
    assert not [line for line in partly if "chosen on its" in line]
    systems = {tuple(line[1:5]) for line in cells(text, "Other systems")}
    giorgi = {line for line in systems if line[3] == "Giorgi 2020"}
    assert giorgi == {("STM", "lstm", "85.62", "Giorgi 2020"), ("MTM", "lstm", "83.00", "Giorgi 2020")}
