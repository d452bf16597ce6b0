"""The look-ups of the character CNN and of the character LSTM against convolution and loop, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metalstm.nn.batch import real
from metalstm.nn.characters import CharacterEncoder, character_encoder
from metalstm.nn.compiled import kernels
from metalstm.nn.compiled_characters import convolution_kernel, lstm_kernel
from metalstm.nn.options import CharacterOptions

ALPHABET = 30


def encoder(way: str, width: int = 3, size: int = 7, name: str = "cnn") -> CharacterEncoder:
    torch.manual_seed(0)
    options = CharacterOptions(embedding_size=4, size=size, width=width)
    return character_encoder(name, ALPHABET, options, way).double()


def words(lengths: list[int], seed: int) -> tuple[Tensor, Tensor]:
    """Spellings with characters on padding too, which nobody should read."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, ALPHABET, (len(lengths), max(lengths)), generator=generator), torch.tensor(lengths)


def features_and_gradients(model: CharacterEncoder, spellings: Tensor, lengths: Tensor) -> list[Tensor]:
    model.zero_grad()
    features = model(spellings, lengths)
    weights = torch.randn(features.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (features * weights.to(features.dtype)).sum().backward()
    return [features.detach(), *(parameter.grad for parameter in model.parameters())]


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=60),
    st.sampled_from([1, 3, 5, 9]),
    st.integers(1, 20),
    st.integers(0, 10**6),
)
def test_equal_to_the_convolution(lengths, width, size, seed):
    batch = words(lengths, seed)
    fast, plain = encoder("auto", width, size), encoder("off", width, size)
    for one, other in zip(features_and_gradients(fast, *batch), features_and_gradients(plain, *batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(1, 40), st.integers(0, 10**6))
def test_equal_to_the_lstm(lengths, half, seed):
    batch = words(lengths, seed)
    fast, plain = (encoder(way, size=2 * half, name="lstm") for way in ("auto", "off"))
    for one, other in zip(features_and_gradients(fast, *batch), features_and_gradients(plain, *batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_long_words_and_many(name):
    batch = words([64, 1, 500] + [1 + n % 20 for n in range(100)], 2)
    fast, plain = (features_and_gradients(encoder(way, size=6, name=name), *batch) for way in ("auto", "off"))
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_padding_gets_no_gradient(name):
    spellings, lengths = words([5, 2, 1], 0)
    spellings = spellings.masked_fill(~real(lengths, 5), 0)
    gradient = features_and_gradients(encoder("auto", size=6, name=name), spellings, lengths)[1]
    assert not gradient[0].any()


@pytest.mark.parametrize("way", ["auto", "off"])
@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_weights_that_change_before_the_gradient_are_noticed(name, way):
    model = encoder(way, size=6, name=name)
    features = model(*words([5, 2, 1], 0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    with pytest.raises(RuntimeError, match="inplace"):
        features.sum().backward()


def test_nan_is_not_overlooked():
    model = encoder("auto")
    with torch.no_grad():
        model.embedding.weight[9] = torch.nan
    spellings = torch.tensor([[9, 3, 4], [3, 4, 5], [3, 9, 5], [3, 4, 9]])
    unclear = model(spellings, torch.full((4,), 3)).isnan().all(dim=1)
    assert unclear.tolist() == [True, False, True, True]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", [convolution_kernel, lstm_kernel])
def test_there_is_a_kernel(kernel, dtype):
    assert kernels(kernel, torch.zeros(1, dtype=dtype)) is not None


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_single_precision(name):
    batch = words([5, 9, 1, 30], 3)
    found = features_and_gradients(encoder("auto", size=6, name=name).float(), *batch)
    assert {value.dtype for value in found} == {torch.float32}
    for one, other in zip(found, features_and_gradients(encoder("off", size=6, name=name), *batch), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)
