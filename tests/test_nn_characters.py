"""Character encoders."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn.characters import ENCODERS, CharacterCNN, CharacterLSTM, character_encoder
from metalstm.nn.options import CharacterOptions

OPTIONS = CharacterOptions(embedding_size=4, size=6, width=5)
SPELLINGS = torch.tensor([[5, 3, 2, 7, 4, 2, 6], [3, 2, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0]])
LENGTHS = torch.tensor([7, 2, 1])


@pytest.mark.parametrize("name", ENCODERS)
def test_a_word_alone_gets_the_same_features_as_among_longer_ones(name: str) -> None:
    torch.manual_seed(0)
    encoder = character_encoder(name, 8, OPTIONS).double()
    together = encoder(SPELLINGS, LENGTHS)
    assert together.shape == (3, encoder.size)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(SPELLINGS[row : row + 1, :length], LENGTHS[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=1e-12)


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_padding_is_never_read(name: str) -> None:
    torch.manual_seed(0)
    encoder = character_encoder(name, 8, OPTIONS)
    garbage = torch.where(torch.arange(7) < LENGTHS[:, None], SPELLINGS, 7)
    assert torch.equal(encoder(SPELLINGS, LENGTHS), encoder(garbage, LENGTHS))
    encoder(garbage, LENGTHS).sum().backward()
    gradient = encoder.get_parameter("embedding.weight").grad
    assert gradient is not None
    assert not gradient[0].any()
    assert torch.isfinite(gradient).all()


def test_convolution_is_the_maximum_over_windows() -> None:
    torch.manual_seed(0)
    encoder = CharacterCNN(8, OPTIONS)
    expected = torch.stack([_slow_convolution(encoder, word[:n]) for word, n in zip(SPELLINGS, LENGTHS, strict=True)])
    assert torch.allclose(encoder(SPELLINGS, LENGTHS), expected, atol=1e-6)


def _slow_convolution(encoder: CharacterCNN, word: Tensor) -> Tensor:
    """Filter by filter and window by window: `[size]`."""
    side = OPTIONS.width // 2
    padded = torch.cat([torch.zeros(side, 4), encoder.embedding(word), torch.zeros(side, 4)])
    weight, bias = encoder.convolution.weight, encoder.convolution.bias
    assert bias is not None
    windows = [padded[m : m + OPTIONS.width] for m in range(len(word))]
    return torch.stack([(torch.einsum("fcw,wc->f", weight, window) + bias) for window in windows]).amax(dim=0)


def test_lstm_gives_the_last_state_of_each_direction() -> None:
    torch.manual_seed(0)
    encoder = CharacterLSTM(8, OPTIONS)
    features = encoder(SPELLINGS, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        outputs = encoder.lstm(encoder.embedding(SPELLINGS[row : row + 1, :length]), LENGTHS[row : row + 1])
        assert torch.allclose(features[row], torch.cat([outputs[0, -1, :3], outputs[0, 0, 3:]]), atol=1e-6)


def test_wrong_choices_are_the_users_mistake() -> None:
    with pytest.raises(ValidationError, match="`width` is odd"):
        CharacterOptions(width=4)
    with pytest.raises(ValidationError, match="`size` is even"):
        CharacterOptions(encoder="lstm", size=5)
    with pytest.raises(UserError, match=r"'gru'.*cnn, lstm, none"):
        character_encoder("gru", 8, OPTIONS)


def test_every_parameter_learns() -> None:
    for name in ("cnn", "lstm"):
        encoder: nn.Module = character_encoder(name, 8, OPTIONS)
        encoder(SPELLINGS, LENGTHS).square().sum().backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())
