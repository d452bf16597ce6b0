"""A small language model over word vectors, and what a tagger reads from it: vectors of words in their sentence.

Peters, Ammar, Bhagavatula and Power 2017, 'Semi-supervised sequence tagging with bidirectional language models', with
the word vectors of the study instead of a table learned anew, at both ends of the network.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from metalstm.errors import UserError
from metalstm.nn.batch import real
from metalstm.nn.cells import recurrent
from metalstm.nn.options import ContextOptions, Kernels


def load(path: Path) -> dict[str, Tensor]:
    """The weights of a language model's `ContextualVectors`; UserError for another file or a damaged one."""
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not a language model ({error}); remove it, and it is learned anew") from None
    return weights


class ContextualVectors(nn.Module):
    """The states of two LSTMs, one for each direction, as their principal components."""

    mean: Tensor
    components: Tensor

    def __init__(self, word_size: int, options: ContextOptions, kernels: Kernels = "auto") -> None:
        """Random weights, and components that are zero until `summarise` or a file gives some."""
        super().__init__()
        states = 2 * options.hidden_size
        self.encoder = recurrent("lstm", word_size, options.hidden_size, bidirectional=True, kernels=kernels)
        self.unknown = nn.Parameter(torch.zeros(word_size))
        self.register_buffer("mean", torch.zeros(states))
        self.register_buffer("components", torch.zeros(states, options.size))

    def forward(self, vectors: Tensor, known: Tensor, lengths: Tensor) -> Tensor:
        """`[batch, time, size]` for word vectors `[batch, time, word_size]`, of which those not `known` are not read.

        What stands on padding means nothing.
        """
        features: Tensor = (self.states(vectors, known, lengths) - self.mean) @ self.components
        return features

    def states(self, vectors: Tensor, known: Tensor, lengths: Tensor) -> Tensor:
        """`[batch, time, 2 * hidden_size]`, of the direction that begins at the front first."""
        states: Tensor = self.encoder(torch.where(known.unsqueeze(2), vectors, self.unknown), lengths)
        return states

    @torch.no_grad()
    def summarise(self, states: Tensor, spread: float) -> None:
        """Take the principal components of `states [tokens, 2 * hidden_size]`, with a standard deviation of `spread`.

        One scale serves all components, so that lesser ones stay lesser (Pearson 1901). With as many values as the
        vectors of words have, both mean as much to the layer that reads them.
        """
        values = states.double()
        self.mean.copy_(values.mean(dim=0))
        variances, axes = torch.linalg.eigh(torch.cov(values.t()))
        variances, axes = (of.flip(-1)[..., : self.components.shape[1]] for of in (variances, axes))
        # The sign of an axis is anyone's choice: its largest value is positive here.
        signs = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
        self.components.copy_(axes * signs * (spread / variances.mean().sqrt()))


class LanguageModel(nn.Module):
    """Foretells every next word from those before it, and every word before from those after it.

    The score of a word is its own frozen vector times a projection of the state, plus a bias of its own. Words have
    the numbers of their vectors; then come `boundary`, before and after each sentence, and `unknown`.
    """

    vectors: Tensor

    def __init__(self, contextual: ContextualVectors, vectors: Tensor, frequencies: Tensor) -> None:
        """`vectors [words, word_size]`; `frequencies [words + 1]` are where the biases start, the boundary's last."""
        super().__init__()
        self.contextual = contextual
        self.register_buffer("vectors", vectors, persistent=False)
        self.boundary = len(vectors)
        self.unknown = len(vectors) + 1
        hidden, size = contextual.mean.numel() // 2, vectors.shape[1]
        self.projections = nn.ModuleList(nn.Linear(hidden, size) for _ in range(2))
        self.boundary_vector = nn.Parameter(torch.zeros(size))
        self.bias = nn.Parameter(frequencies.log())

    def loss(self, words: Tensor, lengths: Tensor, drawn: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood of the words after and before, each the mean over the tokens.

        words: `[batch, time]`, the boundary on padding. drawn: `[negative]` samples for all words, of
        which word w was to be expected `exp(expected[w])` times (Jean et al. 2015, 'On using very large target
        vocabulary for neural machine translation', section 3); all words once with `expected` zero for the exact one.
        """
        states = self.states(words, lengths).chunk(2, dim=2)
        after, before = (
            self._loss(side[chosen], project, target[chosen], drawn, expected)
            for side, project, (target, chosen) in zip(
                states, self.projections, self._targets(words, lengths), strict=True
            )
        )
        return after, before

    def answers(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Of how many words each of the two losses is the mean, `[2]`."""
        return torch.stack([chosen.sum() for _, chosen in self._targets(words, lengths)])

    def _targets(self, words: Tensor, lengths: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The words after and before each one, and where they are to be foretold: an unknown word is no answer."""
        around = functional.pad(words, (1, 1), value=self.boundary)
        read = real(lengths, words.shape[1])
        return [(target, read & (target != self.unknown)) for target in (around[:, 2:], around[:, :-2])]

    def states(self, words: Tensor, lengths: Tensor) -> Tensor:
        """`[batch, time, 2 * hidden_size]`."""
        return self.contextual.states(self._rows(words), words < len(self.vectors), lengths)

    def _rows(self, words: Tensor) -> Tensor:
        return functional.embedding(words.clamp(max=len(self.vectors) - 1), self.vectors)

    def _outputs(self, words: Tensor) -> Tensor:
        return torch.where((words == self.boundary)[:, None], self.boundary_vector, self._rows(words))

    def _loss(self, states: Tensor, project: nn.Module, target: Tensor, drawn: Tensor, expected: Tensor) -> Tensor:
        told: Tensor = project(states)
        right = (told * self._outputs(target)).sum(dim=1) + self.bias[target] - expected[target]
        wrong = torch.addmm(self.bias[drawn] - expected[drawn], told, self._outputs(drawn).t())
        wrong = wrong.masked_fill(target[:, None] == drawn, float("-inf"))
        return (torch.logaddexp(torch.logsumexp(wrong, dim=1), right) - right).mean()
