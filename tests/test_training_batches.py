import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn.lexicon import Lexicon
from metalstm.training.batches import (
    POOL,
    Example,
    Part,
    batches,
    by_corpus,
    num_batches,
    number,
    of_corpus,
    whole,
)
from metalstm.training.batches import epoch_order as order_of_parts


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def epoch_order(lengths, batch_size, generator):
    return order_of_parts(lengths, [Part(range(len(lengths)), len(lengths))], batch_size, generator)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), max_size=300), st.integers(1, 7), st.integers(0, 2**31))
def test_every_sentence_once_longest_first_and_batches_full(lengths, batch_size, seed):
    order = epoch_order(lengths, batch_size, generator(seed))
    assert sorted(row for rows in order for row in rows) == list(range(len(lengths)))
    for rows in order:
        assert [lengths[row] for row in rows] == sorted((lengths[row] for row in rows), reverse=True)
    assert sorted(map(len, order), reverse=True)[: len(lengths) // batch_size] == [batch_size] * (
        len(lengths) // batch_size
    )


def test_the_order_follows_from_the_generator_alone():
    lengths = [1 + row % 9 for row in range(200)]
    first = generator()
    one, two = epoch_order(lengths, 8, first), epoch_order(lengths, 8, first)
    second = generator()
    assert [epoch_order(lengths, 8, second), epoch_order(lengths, 8, second)] == [one, two]
    assert one != two
    assert epoch_order(lengths, 8, generator(2)) != one


def test_a_generator_put_back_gives_the_same_epoch():
    lengths = list(range(1, 60))
    order = generator()
    epoch_order(lengths, 4, order)
    state = order.get_state()
    expected = epoch_order(lengths, 4, order)
    other = torch.Generator()
    other.set_state(state)
    assert epoch_order(lengths, 4, other) == expected


def test_pools_spare_padding():
    lengths = torch.randint(1, 60, (POOL * 10 * 3,), generator=generator()).tolist()
    padded = sum(max(lengths[row] for row in rows) * len(rows) for rows in epoch_order(lengths, 10, generator()))
    assert padded < 1.08 * sum(lengths)


def test_long_batches_do_not_all_come_first():
    lengths = list(range(1, 401))
    longest = [lengths[rows[0]] for rows in epoch_order(lengths, 8, generator())]
    assert longest != sorted(longest, reverse=True)


def test_batches_hold_the_sentences_labels_and_corpora():
    examples = [
        Example(("Aspirin", "helps"), ("S-Chemical", "O"), "drugs"),
        Example(("p53",), ("S-Gene",), "genes"),
        Example(("no", "gene", "here"), ("O", "O", "O"), "genes"),
    ]
    lexicon = Lexicon.build([(row.tokens, row.labels) for row in examples], corpora=["drugs", "genes"])
    sentences = number(examples, lexicon)
    found = set()
    for batch in batches(sentences, whole(sentences), 2, generator()):
        assert batch.labels is not None
        for words, length, labels, corpus in zip(batch.words, batch.lengths, batch.labels, batch.corpus, strict=True):
            found.add(
                Example(
                    tuple(lexicon.words[word] for word in words[:length]),
                    tuple(lexicon.labels[label] for label in labels[:length]),
                    lexicon.corpora[corpus],
                )
            )
    assert found == set(examples)


def three_corpora(sizes):
    names = [f"c{place}" for place in range(len(sizes))]
    examples = [
        Example(("a",) * (1 + row % 5), ("O",) * (1 + row % 5), name)
        for name, n in zip(names, sizes, strict=True)
        for row in range(n)
    ]
    lexicon = Lexicon.build([(row.tokens, row.labels) for row in examples], corpora=names)
    return number(examples, lexicon)


def test_a_batch_is_of_one_corpus_and_an_epoch_has_every_sentence_once():
    sentences = three_corpora([40, 7, 3])
    parts = by_corpus(sentences)
    order = order_of_parts(sentences.lengths.tolist(), parts, 5, generator())
    assert len(order) == num_batches(parts, 5) == 8 + 2 + 1
    assert all(len(set(sentences.corpus[rows])) == 1 for rows in order)
    assert sorted(row for rows in order for row in rows) == list(range(50))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=5), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_balanced_shares(sizes, alpha):
    sentences = three_corpora(sizes)
    parts = by_corpus(sentences, alpha)
    assert [len(part.rows) for part in parts] == sizes
    assert abs(sum(part.drawn for part in parts) - sum(sizes)) <= len(sizes)
    total = sum(size**alpha for size in sizes)
    for part, size in zip(parts, sizes, strict=True):
        assert abs(part.drawn - sum(sizes) * size**alpha / total) <= 1
    drawn = [row for rows in order_of_parts(sentences.lengths.tolist(), parts, 7, generator()) for row in rows]
    for part, size in zip(parts, sizes, strict=True):
        times = [drawn.count(row) for row in part.rows]
        # No sentence comes once more before each has come.
        assert sum(times) == part.drawn
        assert set(times) <= {part.drawn // size, part.drawn // size + 1}


def test_the_sentences_of_one_corpus():
    sentences = three_corpora([4, 7, 3])
    assert of_corpus(sentences, 1) == [Part(list(range(4, 11)), 7)]
