from metalstm.vectors.coverage import Coverage, coverage


def test_tokens_inside_mentions_are_counted_apart():
    sentences = [
        (("No", "P53", "gout"), ("O", "S-Gene", "S-Disease")),
        (("Stiff", "person", "syndrome"), ("B-Disease", "I-Disease", "E-Disease")),
    ]
    assert coverage(sentences, {"no", "P53", "person", "stiff"}) == Coverage(6, 2, 5, 2)


def test_no_text_is_covered():
    assert coverage([], set()) == Coverage(0, 0, 0, 0)
