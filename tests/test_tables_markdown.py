import io
from dataclasses import replace

import pytest

from metalstm.tables.markdown import page, terminal
from metalstm.tables.rows import Row

STM = Row("disease", "NCBI-disease", "stm", "lstm", 3, 83.821, 0.314, 84.0, 83.5, 85.62, -1.799, None, 1234)
MTM = replace(STM, setting="mtm", f1_mean=84.5, study_f1=83.44, delta=1.06, p_value=0.0001)
OWN = Row("", "mine", "stm", "lstm", 1, 70.0, None, 71.0, 69.0, None, None, None, 9)


def test_the_table_is_aligned_and_has_both_figures() -> None:
    table = [line for line in page("Disease", [STM, MTM]).split("\n") if line.startswith("|")]
    assert len({len(line) for line in table}) == 1
    assert [cell.strip() for cell in table[2].split("|")[1:-1]] == [
        *("NCBI-disease", "STM", "lstm", "3", "83.82 ± 0.31", "85.62", "-1.80", "84.00", "83.50", "–", "1,234")
    ]
    assert "+1.06" in table[3]
    assert "< 0.001" in table[3]


def test_the_notes_say_how_the_protocols_differ() -> None:
    text = page("Disease", [STM, MTM, OWN], missing=[("linnaeus", "mtm", "lstm"), ("mine", "mtm", "lstm")])
    for part in ("chosen on the development split", "picked on the test split", "250 tokens", "1 to 3 seeds"):
        assert part in text
    assert "Not run: MTM lstm: linnaeus, mine." in text


def test_what_is_derived_from_a_setting_is_named_and_explained() -> None:
    text = page("Disease", [STM, replace(STM, setting="stm-evidence"), replace(MTM, setting="mtm-plus-evidence")])
    assert "STM evidence" in text
    assert "MTM-plus evidence" in text
    assert "abbreviations as their long forms are, and names that are predicted nearby" in text
    assert "Evidence:" not in page("Disease", [STM, MTM])
    assert "STM vote" in page("Disease", [replace(STM, setting="stm-vote")])
    both = page("Disease", [replace(STM, setting="stm-vote-evidence")])
    assert "STM vote evidence" in both
    assert "Evidence:" in both
    assert "Vote:" in both


def test_columns_without_a_value_are_left_out() -> None:
    text = page("Mine", [OWN])
    assert "Study" not in text
    assert "| p" not in text
    assert "Group" not in text
    assert "| Group" in page("All", [OWN, STM])
    assert page("Nothing", [], [("mine", "stm", "lstm")]) == "# Nothing\n\n- Not run: STM lstm: mine.\n"


def test_a_corpus_without_a_row_is_named_with_what_the_study_reached() -> None:
    assert "Left out: mine, which is in its group and not in `corpora`." in page("Mine", [OWN], left_out=["mine"])
    told = page("Chem", [STM], left_out=["BC4CHEMD"])
    assert "Left out: BC4CHEMD, which is in its group and not in `corpora`; study F1: STM 82.90, MTM 82.10." in told


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


FULL = [
    replace(
        row, setting=setting, cell=cell, f1_low=82.0, f1_high=86.0, p_cell=0.615, recall_unseen=59.1, devel_f1_mean=85.0
    )
    for row, setting in ((STM, "stm"), (STM, "stm-evidence"), (MTM, "mtm-plus-evidence"))
    for cell in ("lstm", "metalstm")
]


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (76, ["Study"], ["p against", "95", "Seeds", "Precision"]),
        (88, ["Study", "STM"], ["p against lstm:", "95 %:", "Seeds", "Precision"]),
        (180, ["Study", "STM", "p against lstm:", "95 %:", "Seeds", "Precision", "entities"], []),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_figure(
    width: int, shown: list[str], left_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    output = Screen()
    terminal(FULL, title="Disease", file=output)
    text = output.getvalue()
    for part in ("Disease", "NCBI-disease", "MTM-plus evidence", "83.82 ± 0.31", "85.62", "+1.06", *shown):
        assert part in text
    assert not [part for part in left_out if part in text]
    assert "…" not in text


def test_where_there_is_no_room_at_all_names_go_on_below_and_figures_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    output = Screen()
    terminal(FULL, file=output)
    for figure in ("83.82 ± 0.31", "84.50 ± 0.31", "85.62", "+1.06"):
        assert figure in output.getvalue()


def test_what_is_no_terminal_gets_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output = io.StringIO()
    terminal(FULL, title="Disease", file=output)
    lines = output.getvalue().split("\n")
    assert any("Precision" in line for line in lines)
    assert any(line.split()[-1:] == ["1,234"] for line in lines)
    assert "…" not in output.getvalue()
