"""How gradients become new weights: the optimisers a user can name, clipping, and learning-rate schedules.

The table of word vectors is by far the largest parameter, and a batch reads few of its rows. Its gradient
is therefore sparse, and only the rows in it are updated. The rules are those of `torch.optim`, whose steps kernels take
on a CPU.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Parameter

from metalstm.nn.options import Kernels
from metalstm.training.compiled_updates import CompiledSteps, clip
from metalstm.training.options import OptimiserOptions, ScheduleOptions
from metalstm.training.sparse_gradients import RowSGD, distinct_rows

if TYPE_CHECKING:
    from metalstm.nn.tagger import Tagger

_Torchs = TypeVar("_Torchs", bound=torch.optim.Optimizer)


class Optimiser:
    """The optimisers of dense parameters and of rows, used as one."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer], learning_rate: float, kernels: Kernels = "auto") -> None:
        """`set_rate` takes multiples of `learning_rate`."""
        self.parts = parts
        self.kernels = kernels
        self._compiled = [CompiledSteps(part) for part in parts]
        # Without what torch wraps around a step for profilers and hooks, which takes as long as the step itself.
        self._steps = [partial(inspect.unwrap(type(part).step), part) for part in parts]
        self.base_rate = learning_rate

    def _parameters(self) -> Iterator[Parameter]:
        return (parameter for part in self.parts for group in part.param_groups for parameter in group["params"])

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        rate: float = self.parts[0].param_groups[0]["lr"]
        return rate

    def set_rate(self, multiple: float) -> None:
        """Set the learning rate to `multiple` times the one that was given at first."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = self.base_rate * multiple

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters():
            parameter.grad = None

    def clip(self, limit: float) -> float:
        """Scale all gradients together so that their joint Euclidean norm is at most `limit` (0: no limit).

        Returns the norm before scaling; gradients whose norm is not finite are left as they are. Pascanu,
        Mikolov and Bengio 2013, 'On the difficulty of training recurrent neural networks', algorithm 1.
        """
        gradients = []
        for parameter in self._parameters():
            gradient = parameter.grad
            if gradient is None:
                continue
            if gradient.is_sparse:
                # A row that is read twice stands twice in the gradient: only the sums have a norm.
                parameter.grad = gradient = distinct_rows(gradient)
                gradient = gradient._values()
            gradients.append(gradient)
        norm = None if self.kernels == "off" else clip(gradients, limit)
        return _clip(gradients, limit) if norm is None else norm

    @torch.no_grad()
    def step(self) -> None:
        """Update all parameters that have a gradient."""
        for compiled, step in zip(self._compiled, self._steps, strict=True):
            if self.kernels == "off" or not compiled.step():
                self._lay_out_gradients()
                step()

    def _lay_out_gradients(self) -> None:
        """Row after row: torch's fused steps read a gradient as if it lay so, whatever its strides (torch 2.13)."""
        for parameter in self._parameters():
            gradient = parameter.grad
            if gradient is not None and not gradient.is_sparse and not gradient.is_contiguous():
                parameter.grad = gradient.contiguous()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, besides weights and gradients."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict` of an optimiser of the same name for the same parameters."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
            for of_parameter in part.state.values():
                if "mu_product" in of_parameter:  # NAdam's is made on the CPU, to be looked at, and loaded elsewhere
                    of_parameter["mu_product"] = of_parameter["mu_product"].cpu()
        self._compiled = [CompiledSteps(part) for part in self.parts]


def _clip(gradients: list[Tensor], limit: float) -> float:
    norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
    if limit and limit < norm < math.inf:
        torch._foreach_mul_(gradients, limit / norm)
    return norm


def _uncompiled(kind: type[_Torchs]) -> type[_Torchs]:
    """`kind` without the wrappers that serve torch.compile alone: at their first call they import it, for seconds."""
    wrapped = ("add_param_group", "state_dict", "load_state_dict", "step")
    bare = {name: inspect.unwrap(getattr(kind, name)) for name in wrapped}
    return type(kind.__name__, (kind,), bare | {"step": torch.no_grad()(bare["step"])})


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one name of the registry treats dense parameters, and rows."""

    dense: Callable[[list[Parameter], OptimiserOptions], torch.optim.Optimizer]
    rows: Callable[[list[Parameter], OptimiserOptions], torch.optim.Optimizer]


def _sparse_adam(rows: list[Parameter], options: OptimiserOptions) -> torch.optim.Optimizer:
    return _uncompiled(torch.optim.SparseAdam)(rows, lr=options.learning_rate)


# `fused` is one pass over each parameter instead of one for every operation of the update rule.
_KINDS = {
    "sgd": _Kind(
        dense=lambda dense, options: _uncompiled(torch.optim.SGD)(
            dense,
            lr=options.learning_rate,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            # With momentum it takes no parameter without a gradient in the first step: the output layer of a corpus.
            fused=not options.momentum,
        ),
        rows=lambda rows, options: _uncompiled(RowSGD)(rows, lr=options.learning_rate, momentum=options.momentum),
    ),
    "adam": _Kind(
        dense=lambda dense, options: _uncompiled(torch.optim.Adam)(
            dense, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        ),
        rows=_sparse_adam,
    ),
    "adamw": _Kind(
        dense=lambda dense, options: _uncompiled(torch.optim.AdamW)(
            dense, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        ),
        rows=_sparse_adam,
    ),
    "nadam": _Kind(
        dense=lambda dense, options: _uncompiled(torch.optim.NAdam)(
            dense, lr=options.learning_rate, weight_decay=options.weight_decay
        ),
        rows=_sparse_adam,
    ),
}


def optimiser(options: OptimiserOptions, tagger: "Tagger", kernels: Kernels = "auto") -> Optimiser:
    """The optimiser that `options` name, for all parameters of `tagger`.

    sgd: Robbins and Monro 1951, with heavy-ball momentum (Polyak 1964). adam: Kingma and Ba 2015. adamw:
    Loshchilov and Hutter 2019. nadam: Dozat 2016. Rows take plain Adam (lazily) with the last three, and weight
    decay concerns dense parameters only: it would otherwise move every row in every step.
    """
    return for_parameters(options, tagger.dense_parameters(), tagger.row_parameters(), kernels)


def for_parameters(
    options: OptimiserOptions,
    dense: Sequence[Parameter],
    rows: Sequence[Parameter] = (),
    kernels: Kernels = "auto",
) -> Optimiser:
    """`optimiser` for dense parameters and, if there are any, tables with sparse gradients."""
    kind = _KINDS[options.name]
    parts = [kind.dense(list(dense), options)]
    if rows:
        parts.append(kind.rows(list(rows), options))
    return Optimiser(parts, options.learning_rate, kernels)


def rate(schedule: ScheduleOptions, epoch: int, epochs: int) -> float:
    """The learning rate of epoch `epoch` = 0, 1, ..., `epochs` - 1, as a multiple of `learning_rate`."""
    warmed_up = min(1.0, (epoch + 1) / (schedule.warmup_epochs + 1))
    return warmed_up * _share(schedule, epoch, epochs)


def _share(schedule: ScheduleOptions, epoch: int, epochs: int) -> float:
    done = epoch / (epochs - 1) if epochs > 1 else 0.0
    match schedule.name:
        case "constant":
            return 1.0
        case "inverse":
            return 1.0 / (1.0 + schedule.decay * epoch)
        case "linear":
            return schedule.floor + (1.0 - schedule.floor) * (1.0 - done)
        case "cosine":
            return schedule.floor + (1.0 - schedule.floor) * (1.0 + math.cos(math.pi * done)) / 2.0
