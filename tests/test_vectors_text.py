from gensim.models.word2vec import LineSentence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metalstm.vectors.text import distinct, line

FIRST = ("Aspirin", "helps", ".")
SECOND = ("IL-2", "binds", ".")
THIRD = ("No", "change", ".")

tokens = st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=6)


def test_a_sentence_that_corpora_share_stands_once():
    assert distinct({"a": [FIRST, SECOND, FIRST], "b": [SECOND, THIRD]}) == {"a": [FIRST, SECOND], "b": [THIRD]}


def test_the_order_in_which_corpora_are_listed_does_not_matter():
    turned = distinct({"b": [THIRD], "a": [SECOND, FIRST]})
    assert list(turned.items()) == [("a", [SECOND, FIRST]), ("b", [THIRD])]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sentences=st.lists(st.lists(tokens, min_size=1, max_size=5), max_size=5))
def test_gensim_reads_sentences_as_they_were_written_each_time(tmp_path, sentences):
    path = tmp_path / "sentences.txt"
    path.write_text("".join(map(line, sentences)), encoding="utf-8", newline="\n")
    stream = LineSentence(str(path))
    assert list(stream) == list(stream) == sentences


def test_a_token_with_white_space_in_it_comes_apart():
    assert line(("in vitro", "a\u2028b")) == "in vitro a b\n"


def test_a_sentence_of_white_space_alone_has_no_line():
    assert line(("\u00a0", "\u2028")) == ""


def test_gensim_reads_all_of_a_very_long_sentence_in_pieces(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text(line(["a"] * 10_001), encoding="utf-8")
    assert [len(sentence) for sentence in LineSentence(str(path))] == [10_000, 1]
