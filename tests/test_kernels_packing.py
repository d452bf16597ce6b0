"""Ragged batches without their padding, and back."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn.cells.compiled import Packing


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=128), st.integers(0, 3), st.integers(1, 9))
def test_step_after_step_longest_first_and_back(lengths, more, size):
    time = max(max(lengths), 1) + more
    padded = np.arange(1.0, len(lengths) * time * size + 1).reshape(len(lengths), time, size)
    order = sorted(range(len(lengths)), key=lambda sentence: -lengths[sentence])
    places = [(sentence, step) for step in range(time) for sentence in order if step < lengths[sentence]]
    packing = Packing.of(torch.tensor(lengths), time)
    assert packing.counts.tolist() == [sum(length > step for length in lengths) for step in range(max(lengths))]
    columns = slice(size // 2, size)
    packed = packing.pack(padded, columns)
    assert packed[: len(places)].tolist() == [padded[place][columns].tolist() for place in places]
    assert not packed[len(places) :].any()
    back = packing.unpack([(columns, packed)], padded.shape)
    expected = np.zeros_like(padded)
    for place in places:
        expected[place][columns] = padded[place][columns]
    assert np.array_equal(back, expected)
