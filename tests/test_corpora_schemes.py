import subprocess
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import metalstm.corpora
from metalstm.corpora.schemes import (
    SCHEMES,
    Scheme,
    Span,
    convert,
    detect,
    encode,
    faults,
    repair,
    require_scheme,
    spans,
    split_label,
)
from metalstm.errors import UserError

TYPES = ("x", "y", "Gene-or_product")


@st.composite
def annotations(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Entities without overlap, many of them side by side, and the length of their sentence."""
    entities, position = [], 0
    for gap, length, kind in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(TYPES)), max_size=8)
    ):
        entities.append(Span(kind, position + gap, position + gap + length))
        position += gap + length
    return entities, position + draw(st.integers(0, 2))


# Any labels at all, valid in a scheme or not.
label_lists = st.lists(
    st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from("BIES"), st.sampled_from(TYPES))), max_size=12
)


def written(entities: list[Span], length: int, scheme: Scheme) -> list[str]:
    """The definitions of the schemes, token by token."""
    labels = []
    for token in range(length):
        entity = next((entity for entity in entities if entity.start <= token < entity.end), None)
        if entity is None:
            labels.append("O")
            continue
        first, last = token == entity.start, token == entity.end - 1
        follows = any(other.end == entity.start and other.type == entity.type for other in entities)
        prefix = {
            "iob1": "B" if first and follows else "I",
            "iob2": "B" if first else "I",
            "iobes": "S" if first and last else "B" if first else "E" if last else "I",
        }[scheme]
        labels.append(f"{prefix}-{entity.type}")
    return labels


def conlleval(labels: list[str]) -> list[Span]:
    """The chunks of conlleval, by its own two tables of where a chunk ends and where it starts."""
    found, start = [], None
    before, before_type = "O", ""
    for position, label in enumerate([*labels, "O"]):
        tag, _, kind = label.partition("-")
        ends = before in "ES" or (before in "BI" and tag in "BSO") or (before != "O" and before_type != kind)
        starts = tag in "BS" or (before in "ESO" and tag in "EI") or (tag != "O" and before_type != kind)
        if ends and start is not None:
            found.append(Span(before_type, start, position))
            start = None
        if starts:
            start = position
        before, before_type = tag, kind
    return found


@given(annotations(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_valid_sequences_convert_exactly_in_every_direction(
    annotation: tuple[list[Span], int], source: Scheme, target: Scheme
) -> None:
    entities, length = annotation
    labels = written(entities, length, source)
    assert encode(entities, length, source) == labels
    assert spans(labels) == entities
    assert convert(labels, source, target) == written(entities, length, target)
    assert convert(convert(labels, source, target), target, source) == labels
    assert repair(labels, source) == labels
    assert faults(labels, source) == []


@given(label_lists)
def test_any_sequence_is_read_as_conlleval_reads_it(labels: list[str]) -> None:
    assert spans(labels) == conlleval(labels)


@given(label_lists, st.sampled_from(SCHEMES))
def test_repair_keeps_entities_and_faults_are_what_it_changes(labels: list[str], scheme: Scheme) -> None:
    repaired = repair(labels, scheme)
    assert spans(repaired) == spans(labels)
    assert repair(repaired, scheme) == repaired
    assert [label.partition("-")[2] for label in repaired] == [label.partition("-")[2] for label in labels]
    changed = [position for position in range(len(labels)) if repaired[position] != labels[position]]
    assert [fault.position for fault in faults(labels, scheme)] == changed


@pytest.mark.parametrize(
    ("scheme", "broken", "repaired", "entities"),
    [
        ("iob1", "B-x I-x", "I-x I-x", 1),
        ("iob1", "I-x S-x", "I-x B-x", 2),
        ("iob1", "I-x B-y", "I-x I-y", 2),
        ("iob2", "O I-x I-x", "O B-x I-x", 1),
        ("iob2", "B-x I-y", "B-x B-y", 2),
        ("iob2", "B-x E-x", "B-x I-x", 1),
        ("iob2", "S-x O", "B-x O", 1),
        ("iobes", "B-x O", "S-x O", 1),
        ("iobes", "B-x I-x O", "B-x E-x O", 1),
        ("iobes", "B-x B-x E-x", "S-x B-x E-x", 2),
        ("iobes", "E-x I-x", "S-x S-x", 2),
        ("iobes", "I-x I-x", "B-x E-x", 1),
        ("iobes", "B-x E-y", "S-x S-y", 2),
        ("iobes", "S-x E-x", "S-x S-x", 2),
    ],
)
def test_repairs_written_down(scheme: Scheme, broken: str, repaired: str, entities: int) -> None:
    assert repair(broken.split(), scheme) == repaired.split()
    assert convert(broken.split(), scheme, scheme) == repaired.split()
    assert len(spans(broken.split())) == entities


def test_type_starts_after_the_first_hyphen() -> None:
    assert split_label("B-Gene-or_product") == ("B", "Gene-or_product")
    assert split_label("S-BC5CDR-chem") == ("S", "BC5CDR-chem")
    assert split_label("O") == ("O", "")
    assert convert(["B-Gene-or_product", "I-Gene-or_product", "B-Gene-of"], "iob2", "iobes") == [
        "B-Gene-or_product",
        "E-Gene-or_product",
        "S-Gene-of",
    ]


@pytest.mark.parametrize("label", ["U-x", "B", "B-", "-x", "", "o", "O-x", "b-x", "B_x", "BI-x"])
def test_label_without_a_reading_is_named(label: str) -> None:
    for call in (lambda: convert([label], "iob2", "iobes"), lambda: repair([label], "iobes"), lambda: spans([label])):
        with pytest.raises(UserError, match=f"found {label!r}"):
            call()
    (fault,) = faults(["O", label], "iob2")
    assert (fault.position, fault.label) == (1, label)
    assert "B-, I-, E- and S-" in fault.message


def test_entity_beside_an_unread_label_is_not_judged() -> None:
    assert [fault.position for fault in faults(["B-x", "U-x", "E-x", "O", "E-x"], "iobes")] == [1, 4]


def test_fault_says_what_was_expected() -> None:
    (fault,) = faults(["O", "I-Gene"], "iob2")
    assert (fault.position, fault.label) == (1, "I-Gene")
    assert fault.message == "expected B-Gene instead of I-Gene: in IOB2 an entity starts with B-"


def test_every_kind_of_fault_has_words() -> None:
    labels = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in "xy")]
    for sequence in product(labels, repeat=3):
        for scheme in SCHEMES:
            for fault in faults(sequence, scheme):
                assert fault.message.startswith(f"expected {repair(sequence, scheme)[fault.position]} instead of ")
                assert scheme.upper() in fault.message


@given(annotations(), st.sampled_from(SCHEMES))
def test_a_sequence_with_an_entity_fits_one_scheme_only(annotation: tuple[list[Span], int], scheme: Scheme) -> None:
    labels = written(*annotation, scheme)
    fitting = [other for other in SCHEMES if not faults(labels, other)]
    assert fitting == ([scheme] if annotation[0] else list(SCHEMES))
    assert detect([["O", "O"], labels]) == (scheme if annotation[0] else "iob2")


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([], "iob2"),
        ([["O"], []], "iob2"),
        ([["I-x", "O"], ["I-x", "I-x"], ["B-x", "O"]], "iob1"),
        ([["B-x", "I-x"], ["B-x", "O"], ["S-x"]], "iob2"),
        ([["B-x", "E-x"], ["S-x"], ["B-x", "I-x"]], "iobes"),
        ([["B-x"], ["S-x"]], "iobes"),
        ([["B-x"], ["I-x"]], "iob2"),
        ([["B-x"], ["U-x"]], "iob2"),
    ],
    ids=["nothing", "all O", "mostly IOB1", "mostly IOB2", "mostly IOBES", "tie with S", "tie without", "unread label"],
)
def test_detection(sequences: list[list[str]], scheme: Scheme) -> None:
    assert detect(sequences) == scheme


def test_unknown_scheme_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="iob1, iob2, iobes, but found 'bilou'"):
        require_scheme("bilou")
    for source, target in (("bilou", "iob2"), ("iob2", "bilou")):
        with pytest.raises(UserError, match="'bilou'"):
            convert(["O"], source, target)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="'bilou'"):
        faults(["O"], "bilou")  # type: ignore[arg-type]


def test_the_room_offers_convert_and_stays_light() -> None:
    assert metalstm.corpora.convert is convert
    heavy = "{'torch', 'numpy', 'pandas', 'scipy', 'mlflow', 'gensim', 'seqeval'}"
    program = f"import sys, metalstm.corpora; sys.exit(bool({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", program], check=True)
