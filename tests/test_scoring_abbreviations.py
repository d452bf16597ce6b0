import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring.abbreviations import LONGEST, WINDOW, Definition, abbreviated, definitions
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.labels import sentence_labels

NAME, NAMED = ["ataxia", "telangiectasia", "(", "AT", ")"], ["B-D", "E-D", "O", "O", "O"]
OTHER = (["and"], ["O"])
MISSED = (["AT", "cells"], ["O", "O"])
FOUND = (["AT", "cells"], ["S-D", "O"])


def defined(text: str) -> list[tuple[str, str]]:
    """Long forms and abbreviations."""
    words = text.split()
    return [(" ".join(words[one.start : one.end]), "".join(one.short)) for one in definitions([words])]


def relabelled(*sentences: tuple[list[str], list[str]]) -> list[list[str]]:
    return abbreviated([tokens for tokens, _ in sentences], [labels for _, labels in sentences])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in ataxia telangiectasia ( AT ) ,", [("ataxia telangiectasia", "AT")]),
        ("the non - steroidal drug ( NSD )", [("non - steroidal drug", "NSD")]),
        ("heat shock transcription factor ( HSF , a protein )", [("heat shock transcription factor", "HSF")]),
        ("a high density lipoprotein [ HDL - C ]", []),
        ("high density lipoprotein cholesterol ( HDL - C )", [("high density lipoprotein cholesterol", "HDL-C")]),
        ("( AT ) at the start", []),
        ("telangiectasia ( AT )", []),
        ("a rate ( 12 ) and ( see above ) and a thing ( i )", []),
        ("a pattern ( pat )", []),
        ("AT ( AT )", []),
        ("open ( OP", []),
        (f"{'Long ' * LONGEST}word ( {'L' * LONGEST}W )", []),
        ("gout ( GT ) and lung cancer ( LC )", [("gout", "GT"), ("lung cancer", "LC")]),
    ],
)
def test_definitions(text: str, found: list[tuple[str, str]]) -> None:
    assert defined(text) == found


def test_a_definition_is_a_place() -> None:
    assert list(definitions([["no"], ["in", *NAME]])) == [Definition(1, 1, 3, ("AT",))]
    assert list(definitions([["in"] * 30 + NAME])) == [Definition(0, 30, 32, ("AT",))]


def test_an_abbreviation_is_what_its_long_form_is_from_its_definition_on_and_before() -> None:
    changed = relabelled(MISSED, (NAME, NAMED), MISSED)
    assert changed == [["S-D", "O"], ["B-D", "E-D", "O", "S-D", "O"], ["S-D", "O"]]


def test_all_of_the_long_form_is_the_name() -> None:
    for part in (["O", "S-D"], ["S-D", "O"]):
        assert relabelled((NAME, [*part, "O", "O", "O"]), MISSED, FOUND)[1:] == [MISSED[1], FOUND[1]]
    assert relabelled((["mild", *NAME], ["B-D", "I-D", "E-D", "O", "O", "O"]), MISSED)[1] == ["S-D", "O"]


def test_an_abbreviation_of_what_is_no_name_is_none() -> None:
    assert relabelled(FOUND, (NAME, ["O"] * 5), FOUND) == [["O", "O"], ["O"] * 5, ["O", "O"]]
    assert relabelled((NAME, ["B-D", "I-D", "O", "O", "O"]), FOUND)[1] == FOUND[1]
    longer = (["AT", "cells"], ["B-D", "E-D"])
    assert relabelled((NAME, ["O"] * 5), longer)[1] == longer[1]
    assert relabelled((NAME, ["S-D", "O", "O", "O", "O"]), FOUND)[1] == FOUND[1]


def test_the_latest_definition_counts() -> None:
    none = (["adenosine", "triphosphate", *NAME[2:]], ["O"] * 5)
    assert relabelled((NAME, NAMED), MISSED, none, FOUND)[1::2] == [["S-D", "O"], ["O", "O"]]


def test_one_defined_is_what_many_are_and_the_other_way_round() -> None:
    assert relabelled((NAME, NAMED), (["ATs"], ["O"]))[1] == ["S-D"]
    many = ["anti", "inflammatory", "drugs", "(", "AIDs", ")"]
    changed = relabelled((many, ["B-C", "I-C", "E-C", "O", "O", "O"]), (["AID"], ["O"]), (["AIDs"], ["O"]))
    assert changed[1:] == [["S-C"], ["S-C"]]


def test_only_sentences_within_the_window_bear_on_an_abbreviation() -> None:
    definition = (NAME, NAMED)
    assert relabelled(definition, *[OTHER] * (WINDOW - 1), MISSED)[-1] == ["S-D", "O"]
    assert relabelled(definition, *[OTHER] * WINDOW, MISSED)[-1] == ["O", "O"]
    assert relabelled(MISSED, *[OTHER] * WINDOW, definition)[0] == ["O", "O"]


@given(st.lists(st.tuples(st.sampled_from([" ".join(NAME), "AT cells", "in AT"]), st.data()), max_size=6))
def test_valid_iobes_stays_valid(drawn: list[tuple[str, st.DataObject]]) -> None:
    sentences = []
    for text, data in drawn:
        words = text.split()
        raw = data.draw(st.lists(st.sampled_from(["O", "S-A", "B-A", "E-A"]), min_size=len(words), max_size=len(words)))
        sentences.append((words, sentence_labels(strict_entities(raw), len(words))))
    for labels in relabelled(*sentences):
        assert sentence_labels(strict_entities(labels), len(labels)) == labels


def test_labels_of_other_sentences_are_refused() -> None:
    with pytest.raises(UserError, match="sentence 1"):
        abbreviated([["gout"]], [["O", "O"]])
