from hypothesis import given
from hypothesis import strategies as st

from metalstm.scoring.occurrences import occurrences

WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


def test_the_longest_comes_first_and_they_may_overlap() -> None:
    found = occurrences([["a", "b", "a"], [], ["b"]], {("a",), ("a", "b"), ("b", "a"), ("b",)})
    assert [(place.sentence, place.start, "".join(place.form)) for place in found] == [
        *((0, 0, "ab"), (0, 0, "a"), (0, 1, "ba"), (0, 1, "b"), (0, 2, "a")),
        (2, 0, "b"),
    ]


@given(st.lists(WORDS, max_size=4), st.sets(WORDS.map(tuple), max_size=4))
def test_every_place_is_found_once(tokens: list[list[str]], forms: set[tuple[str, ...]]) -> None:
    expected = [
        (number, start, form)
        for number, words in enumerate(tokens)
        for start in range(len(words))
        for form in forms
        if tuple(words[start : start + len(form)]) == form
    ]
    assert sorted(map(tuple, occurrences(tokens, forms))) == sorted(expected)
