import pytest

from metalstm import published


@pytest.mark.parametrize(
    ("corpus", "setting", "f1"),
    [
        ("NCBI-disease", "stm", 85.62),
        ("BC5CDR-chem", "mtm", 87.32),
        ("NCBI-disease", "other", None),
        ("mine", "stm", None),
    ],
)
def test_the_studys_figures(corpus: str, setting: str, f1: float | None) -> None:
    assert published.study_f1(corpus, setting) == f1


def test_every_corpus_of_a_group_has_both_settings() -> None:
    joint = [figure for figure in published.figures() if (figure.system, figure.setting) == (published.STUDY, "MTM")]
    corpora = {figure.corpus for figure in joint}
    assert len(corpora) == len(joint) == 20
    assert all(published.study_f1(corpus, setting) for corpus in corpora for setting in ("stm", "mtm"))


def test_other_systems_are_told_from_the_study() -> None:
    others = published.others("NCBI-disease")
    assert "PubMedBERT" in {figure.system for figure in others}
    assert published.STUDY not in {figure.system for figure in others}
    assert all(figure.protocol for figure in published.figures())
