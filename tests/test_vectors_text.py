from metalstm.vectors.text import sentences

FIRST = ("Aspirin", "helps", ".")
SECOND = ("IL-2", "binds", ".")
THIRD = ("No", "change", ".")


def test_a_sentence_that_corpora_share_stands_once():
    assert sentences({"a": [FIRST, SECOND, FIRST], "b": [SECOND, THIRD]}) == [FIRST, SECOND, THIRD]


def test_the_order_in_which_corpora_are_listed_does_not_matter():
    assert sentences({"b": [THIRD], "a": [SECOND, FIRST]}) == sentences({"a": [SECOND, FIRST], "b": [THIRD]})


def test_held_out_sentences_are_found_whatever_their_tokens_case_and_signs():
    held_out = [("il", "-", "2", "Binds")]
    assert sentences({"a": [FIRST, SECOND]}, held_out) == [FIRST]


def test_nothing_held_out_leaves_out_nothing():
    signs = ("***",)
    assert sentences({"a": [signs, FIRST]}) == [signs, FIRST]


def test_lists_of_tokens_are_taken_too():
    assert sentences({"a": [["x", "y"], ["x", "y"]]}) == [("x", "y")]
