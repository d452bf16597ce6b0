"""Steps of torch's optimisers by kernels.

What an optimiser was told and what it remembers stay in the object of torch, as its own step would leave them: that
step is the reference, and takes over where there is no kernel. For sgd without momentum there is none, since whole
steps gain nothing by it, and rows lose (docs/benchmarks.md).
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from metalstm.nn.compiled import Array, kernels
from metalstm.training.sparse_gradients import distinct_rows

Optimizer = torch.optim.Optimizer


def kernel() -> ModuleType:
    """`metalstm.kernels.updates`, imported when it is first used."""
    from metalstm.kernels import updates

    return updates


def clip(gradients: Sequence[Tensor], limit: float) -> float | None:
    """`Optimiser.clip` of gradients without rows; None, and nothing is done, where there is no kernel for them."""
    compiled = _for_all(gradients)
    if compiled is None or not all(gradient.is_contiguous() for gradient in gradients):
        return None
    flat = [gradient.numpy().reshape(-1) for gradient in gradients]
    norm = math.sqrt(sum(map(compiled.sum_of_squares, flat)))
    if limit and limit < norm < math.inf:
        for values in flat:
            compiled.scale(values, limit / norm)
    return norm


class CompiledSteps:
    """Steps of one optimiser of torch."""

    def __init__(self, optimiser: Optimizer) -> None:
        """Moments are looked up at the first step: until then the optimiser may be given others."""
        self._optimiser = optimiser
        self._rule = _rule_of(optimiser)
        self._learned: list[_Learned] = []
        self._compiled: ModuleType | None = None

    def step(self) -> bool:
        """Whether kernels have taken the step; False, and nothing is done, where there are none for it."""
        if self._rule is None:
            return False
        if self._compiled is None or not all(learned.is_in_place() for learned in self._learned):
            of_groups = [(group, each) for group in self._optimiser.param_groups for each in group["params"]]
            self._compiled = _for_all([parameter for _, parameter in of_groups])
            if self._compiled is None:
                return False
            self._learned = [_Learned(self._optimiser, *each) for each in of_groups]
        for learned in self._learned:
            if learned.parameter.grad is not None:
                self._rule(self._compiled, learned, learned.parameter.grad)
        return True


class _Learned:
    """A parameter, and what its optimiser remembers of it, as arrays that are made once."""

    def __init__(self, optimiser: Optimizer, group: dict[str, Any], parameter: Parameter) -> None:
        self.parameter = parameter
        self.group = group
        self.weights = _flat(parameter)
        self.state: dict[str, Any] = optimiser.state.get(parameter, {})
        self.arrays = _arrays(self.state)
        self._optimiser = optimiser
        self._place = parameter.data_ptr()

    def is_in_place(self) -> bool:
        """Whether the weights still are where they were."""
        return self.parameter.data_ptr() == self._place

    def begin(self, *moments: str, **start: Any) -> None:
        """What there is before the first step: zeros for `moments`."""
        self.state = start | {name: torch.zeros_like(self.parameter) for name in moments}
        self.arrays = _arrays(self.state)
        self._optimiser.state[self.parameter] = self.state

    def after_step(self) -> float:
        """How many steps there have been, with this one."""
        steps = self.arrays["step"]
        steps[0] += 1
        total: float = steps[0].item()
        return total


def _descend(compiled: ModuleType, learned: _Learned, gradient: Tensor) -> None:
    # torch's velocity begins as the first gradient, which is what comes of zero.
    if not learned.state:
        learned.begin("momentum_buffer")
    values, velocity, group = gradient.numpy().reshape(-1), learned.arrays["momentum_buffer"], learned.group
    compiled.descend(learned.weights, values, velocity, group["lr"], group["momentum"], group["weight_decay"])


def _adam(compiled: ModuleType, learned: _Learned, gradient: Tensor) -> None:
    if not learned.state:
        learned.begin("exp_avg", "exp_avg_sq", step=torch.zeros(()))
    steps = learned.after_step()
    _adapt(compiled, learned, gradient, steps, 0.0, learned.group["lr"] / (1.0 - learned.group["betas"][0] ** steps))


def _nadam(compiled: ModuleType, learned: _Learned, gradient: Tensor) -> None:
    if not learned.state:
        learned.begin("exp_avg", "exp_avg_sq", step=torch.zeros(()), mu_product=torch.ones(()))
    steps, product, group = learned.after_step(), learned.arrays["mu_product"], learned.group
    mu, mu_next = (
        group["betas"][0] * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"])) for step in (steps, steps + 1)
    )
    product *= mu
    of_gradient = group["lr"] * (1.0 - mu) / (1.0 - product.item())
    of_mean = group["lr"] * mu_next / (1.0 - product.item() * mu_next)
    _adapt(compiled, learned, gradient, steps, of_gradient, of_mean)


def _adapt(
    compiled: ModuleType, learned: _Learned, gradient: Tensor, steps: float, of_gradient: float, of_mean: float
) -> None:
    group, arrays = learned.group, learned.arrays
    decay, is_decoupled = group["weight_decay"], group["decoupled_weight_decay"]
    compiled.adapt(
        learned.weights,
        gradient.numpy().reshape(-1),
        arrays["exp_avg"],
        arrays["exp_avg_sq"],
        *group["betas"],
        group["lr"] * decay if is_decoupled else 0.0,
        0.0 if is_decoupled else decay,
        of_gradient,
        of_mean,
        1.0 / math.sqrt(1.0 - group["betas"][1] ** steps),
        group["eps"],
    )


def _sparse_adam(compiled: ModuleType, learned: _Learned, gradient: Tensor) -> None:
    if not learned.state:
        learned.begin("exp_avg", "exp_avg_sq", step=0)
    state, group, shape = learned.state, learned.group, learned.parameter.shape
    state["step"] += 1
    old_mean, old_square = (beta ** state["step"] for beta in group["betas"])
    gradient = distinct_rows(gradient)
    compiled.adapt_rows(
        learned.weights.reshape(shape),
        gradient._indices()[0].numpy(),
        gradient._values().numpy(),
        learned.arrays["exp_avg"].reshape(shape),
        learned.arrays["exp_avg_sq"].reshape(shape),
        *group["betas"],
        group["lr"] * math.sqrt(1.0 - old_square) / (1.0 - old_mean),
        group["eps"],
    )


# An AdamW is an Adam: its groups say how weights decay.
_RULES: dict[type[Optimizer], Callable[[ModuleType, _Learned, Tensor], None]] = {
    torch.optim.SGD: _descend,
    torch.optim.Adam: _adam,
    torch.optim.NAdam: _nadam,
    torch.optim.SparseAdam: _sparse_adam,
}


def _rule_of(optimiser: Optimizer) -> Callable[[ModuleType, _Learned, Tensor], None] | None:
    has_moments = optimiser.defaults.get("momentum") != 0.0
    return next((rule for kind, rule in _RULES.items() if has_moments and isinstance(optimiser, kind)), None)


def _for_all(tensors: Sequence[Tensor]) -> ModuleType | None:
    """The kernels for numbers such as all of these."""
    if not tensors or any(other.dtype != tensors[0].dtype for other in tensors):
        return None
    return kernels(kernel, tensors[0])


def _arrays(state: dict[str, Any]) -> dict[str, Array]:
    return {name: _flat(moment) for name, moment in state.items() if isinstance(moment, Tensor)}


def _flat(tensor: Tensor) -> Array:
    """All numbers one after the other, where they stand."""
    values: Array = tensor.detach().numpy()
    return values.reshape(-1, copy=False)
