from metalstm.vectors.text import sentences

FIRST = ("Aspirin", "helps", ".")
SECOND = ("IL-2", "binds", ".")
THIRD = ("No", "change", ".")


def test_a_sentence_that_corpora_share_stands_once():
    assert sentences({"a": [FIRST, SECOND, FIRST], "b": [SECOND, THIRD]}) == [FIRST, SECOND, THIRD]


def test_the_order_in_which_corpora_are_listed_does_not_matter():
    assert sentences({"b": [THIRD], "a": [SECOND, FIRST]}) == sentences({"a": [SECOND, FIRST], "b": [THIRD]})
