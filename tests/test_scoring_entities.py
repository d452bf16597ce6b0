"""The three readings of IOBES labels."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOBES, Entities

from metalstm.errors import UserError
from metalstm.scoring.entities import Entity, conll_entities, split_label, strict_entities, study_entities

LABELS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("x", "y", "cell-line"))]
any_labels = st.lists(st.sampled_from(LABELS), max_size=12)


@st.composite
def valid_labels(draw: st.DrawFn) -> list[str]:
    labels: list[str] = []
    for kind, size in draw(st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.integers(1, 4)), max_size=5)):
        if not kind:
            labels += ["O"] * size
        elif size == 1:
            labels.append(f"S-{kind}")
        else:
            labels += [f"B-{kind}", *[f"I-{kind}"] * (size - 2), f"E-{kind}"]
    return labels


def conlleval_chunks(labels: Sequence[str]) -> list[Entity]:
    """The published rules, written as two questions about each pair of neighbours."""

    def parts(label: str) -> tuple[str, str]:
        return label[0], label[2:]

    def starts(before: str, label: str) -> bool:
        (left, left_type), (here, here_type) = parts(before), parts(label)
        if here == "O":
            return False
        return here in "BS" or left in "OES" or left_type != here_type

    def ends(label: str, after: str) -> bool:
        (here, here_type), (right, right_type) = parts(label), parts(after)
        if here == "O":
            return False
        return here in "ES" or right in "OBS" or here_type != right_type

    padded = ["O", *labels, "O"]
    first = [position for position in range(len(labels)) if starts(padded[position], padded[position + 1])]
    last = [position for position in range(len(labels)) if ends(padded[position + 1], padded[position + 2])]
    return [Entity(labels[start][2:], start, end + 1) for start, end in zip(first, last, strict=True)]


def study_spans(labels: Sequence[str]) -> list[tuple[str, int, int | None]]:
    """The study's procedure as a machine with one open entity; None: written without an end."""
    spans: list[tuple[str, int, int | None]] = []
    opened: tuple[str, int] | None = None
    for position, label in enumerate(labels):
        if label[0] in "BS":
            if opened:
                spans.append((*opened, position - 1))
            opened = (label[2:], position)
            if label[0] == "S":
                spans.append((*opened, None))
                opened = None
        elif label[0] == "E":
            if opened:
                spans.append((*opened, position))
            opened = None
    return [*spans, (*opened, None)] if opened else spans


@pytest.mark.parametrize(
    ("labels", "strict", "conll", "study"),
    [
        ("S-x O B-y E-y", [("x", 0, 1), ("y", 2, 4)], [("x", 0, 1), ("y", 2, 4)], [("x", 0, 1), ("y", 2, 4)]),
        ("B-x I-x E-x", [("x", 0, 3)], [("x", 0, 3)], [("x", 0, 3)]),
        ("B-x O E-x", [], [("x", 0, 1), ("x", 2, 3)], [("x", 0, 3)]),
        ("B-x E-y", [], [("x", 0, 1), ("y", 1, 2)], [("x", 0, 2)]),
        ("I-x I-x", [], [("x", 0, 2)], []),
        ("E-x B-x", [], [("x", 0, 1), ("x", 1, 2)], [("x", 1, 2)]),
        ("B-x I-x", [], [("x", 0, 2)], [("x", 0, 1)]),
        ("B-x B-x E-x", [("x", 1, 3)], [("x", 0, 1), ("x", 1, 3)], [("x", 0, 0), ("x", 1, 3)]),
        ("B-x I-x S-x", [("x", 2, 3)], [("x", 0, 2), ("x", 2, 3)], [("x", 0, 2), ("x", 2, 3)]),
        ("", [], [], []),
    ],
)
def test_readings(labels: str, strict: list[Entity], conll: list[Entity], study: list[Entity]) -> None:
    assert strict_entities(labels.split()) == strict
    assert conll_entities(labels.split()) == conll
    assert study_entities(labels.split()) == study


@given(any_labels)
def test_strict_is_what_seqeval_finds(labels: list[str]) -> None:
    (expected,) = Entities([labels], IOBES).entities
    assert strict_entities(labels) == [Entity(found.tag, found.start, found.end) for found in expected]


@given(any_labels)
def test_conlleval_follows_the_published_rules(labels: list[str]) -> None:
    assert conll_entities(labels) == conlleval_chunks(labels)


@given(any_labels)
def test_conlleval_is_the_default_mode_of_seqeval(labels: list[str]) -> None:
    assert conll_entities(labels) == [Entity(kind, start, last + 1) for kind, start, last in get_entities(labels)]


@given(any_labels, any_labels)
def test_study_finds_and_matches_what_the_study_did(gold: list[str], predicted: list[str]) -> None:
    assert len(study_entities(gold)) == len(study_spans(gold))
    right = set(study_entities(gold)) & set(study_entities(predicted))
    assert len(right) == len(set(study_spans(gold)) & set(study_spans(predicted)))


@given(valid_labels())
def test_readings_agree_on_valid_labels(labels: list[str]) -> None:
    assert strict_entities(labels) == conll_entities(labels) == study_entities(labels)


@given(any_labels)
def test_study_finds_every_strict_entity(labels: list[str]) -> None:
    assert set(strict_entities(labels)) <= set(study_entities(labels))


def test_type_keeps_its_inner_hyphens() -> None:
    assert split_label("B-cell-line") == ("B", "cell-line")
    assert split_label("S-<NCBI-disease>") == ("S", "<NCBI-disease>")
    assert split_label("O") == ("O", "")


@pytest.mark.parametrize("label", ["", "B", "B-", "B--", "X-x", "Bx", "o", "O-x", "x-B", "-"])
def test_unknown_label(label: str) -> None:
    for entities in (strict_entities, conll_entities, study_entities):
        with pytest.raises(UserError, match="expected O, or B-, I-, E- or S- followed by a type"):
            entities(["O", label])
