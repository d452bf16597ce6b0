"""Copies of a model's weights, of tables only the rows that training can change, and their mean over epochs.

The mean: Polyak and Juditsky 1992, 'Acceleration of Stochastic Approximation by Averaging'; over the ends of epochs as
in Izmailov et al. 2018, 'Averaging Weights Leads to Wider Optima and Better Generalization'. A mean over steps would
touch the whole table of words in each of them, or owe its rows a debt; one over epochs costs nothing a step.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


def copied(model: nn.Module, rows: Mapping[str, int]) -> Weights:
    """All tensors of the model's state; of those that `rows` names, only so many first rows."""
    state = model.state_dict()
    return {name: (value[: rows[name]] if name in rows else value).detach().clone() for name, value in state.items()}


@torch.no_grad()
def put(weights: Weights, model: nn.Module) -> None:
    """Give a model the weights that `copied` took from it or its like; further rows stay as they are."""
    for name, value in model.state_dict().items():
        saved = weights[name]
        (value[: len(saved)] if value.dim() else value).copy_(saved)


class LastEpochs:
    """The weights at the ends of the last epochs, and their mean."""

    def __init__(self, size: int, earlier: Sequence[Weights] = ()) -> None:
        """Keep those of `size` epochs; `earlier` ones are `kept` of another such object."""
        self._size = size
        self.kept = list(earlier)

    def add(self, weights: Weights) -> None:
        """The weights of one more epoch; the oldest make room."""
        self.kept = [*self.kept, weights][-self._size :]

    def mean(self) -> Weights:
        """The mean over the epochs kept; what is no float, such as a count of batches, is that of the last one."""
        return {name: self._mean(name) for name in self.kept[-1]}

    def _mean(self, name: str) -> Tensor:
        values = [weights[name] for weights in self.kept]
        if not values[-1].is_floating_point():
            return values[-1].clone()
        # Summed anew each time, oldest first: a sum that is carried along would drift.
        total = torch.zeros_like(values[-1])
        for value in values:
            total += value.to(total.device)  # those of a checkpoint are on the CPU
        return total / len(values)
