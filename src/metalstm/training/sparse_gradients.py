"""Gradients of those rows of a table that a batch has read: each row once, and gradient descent on them alone."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter


def distinct_rows(gradient: Tensor) -> Tensor:
    """A sparse gradient `[words, size]` in which no row stands twice."""
    rows = gradient._indices()[0].tolist()
    return gradient.coalesce() if len(set(rows)) < len(rows) else gradient


class RowSGD(torch.optim.Optimizer):
    """Stochastic gradient descent on the rows that a sparse gradient names.

    Momentum is lazy, as in `torch.optim.SparseAdam`: a row's velocity decays and acts only in the steps
    whose batch reads that row, so that the cost of a step does not grow with the table.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float, momentum: float = 0.0) -> None:
        """`lr` is the learning rate of a row, `momentum` the share of its velocity that stays."""
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the rows of the present gradients; there is no closure."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None:
                    continue
                if group["momentum"] == 0.0:
                    table.add_(table.grad, alpha=-group["lr"])
                    continue
                gradient = table.grad.coalesce()
                rows = gradient.indices()[0]
                if table not in self.state:
                    self.state[table] = {"velocity": torch.zeros_like(table)}
                velocity = self.state[table]["velocity"]
                velocity[rows] = group["momentum"] * velocity[rows] + gradient.values()
                table.index_add_(0, rows, velocity[rows], alpha=-group["lr"])
