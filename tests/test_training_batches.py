import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn.lexicon import Lexicon
from metalstm.training.batches import POOL, Example, batches, epoch_order, number


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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
    found = set()
    for batch in batches(number(examples, lexicon), 2, generator()):
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
