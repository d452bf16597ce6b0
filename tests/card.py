"""A graphics card that is none, for tests: tensors say that they are on it, and their values lie on the CPU.

`Card` refuses to compute with tensors of both, as a real one does, and counts what would make the CPU wait for it.
A process takes it on once and for all, by `install`.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
WAITS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default, aten._unique2.default)
INDEXING = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default)
MASKS = (torch.bool, torch.uint8)


class OnCard(Tensor):
    """A tensor of the card."""

    numbers: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, values: Tensor) -> "OnCard":
        """`values` on the card."""
        layout = {"strides": values.stride(), "storage_offset": values.storage_offset(), "dtype": values.dtype}
        made = Tensor._make_wrapper_subclass(cls, values.shape, **layout, device=torch.device("card:0"))
        made.numbers = values
        return made

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        raise RuntimeError(f"{operation}: there is no card")


class Card(TorchDispatchMode):
    """Carries out what is asked of tensors of the card, while it is entered."""

    def __init__(self) -> None:
        """No wait has been counted."""
        super().__init__()
        self.waits = Counter[str]()

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        named = named or {}
        tensors = [leaf for leaf in tree_leaves((arguments, named)) if isinstance(leaf, Tensor)]
        there = [tensor for tensor in tensors if isinstance(tensor, OnCard)]
        here = [tensor for tensor in tensors if not isinstance(tensor, OnCard)]
        device = torch.device(named.get("device") or "cpu").type
        inner, inner_named = tree_map_only(OnCard, lambda tensor: tensor.numbers, (arguments, named))
        if operation is aten._to_copy.default:
            return self._moved(inner[0], device if named.get("device") else tensors[0].device.type, there, inner_named)
        if operation is aten.copy_.default:
            self._count(operation, bool(there and here))
            operation(*inner, **inner_named)
            return arguments[0]
        if not there and device == "cpu":
            return operation(*arguments, **named)
        if any(tensor.dim() for tensor in here):
            raise RuntimeError(f"{operation}: a tensor of the CPU among those of the card")
        by_mask = operation in INDEXING and any(at is not None and at.dtype in MASKS for at in arguments[1])
        self._count(operation, operation in WAITS or by_mask)
        found = operation(*inner, **(inner_named | ({"device": "cpu"} if named.get("device") else {})))
        if operation is aten._local_scalar_dense.default:
            return found
        return return_and_correct_aliasing(operation, arguments, named, tree_map_only(Tensor, OnCard, found))

    def _moved(self, values: Tensor, to: str, there: list[OnCard], named: dict[str, Any]) -> Tensor:
        self._count("copy", to == "cpu" if there else to == "card" and not named.get("non_blocking"))
        kept = {name: value for name, value in named.items() if name not in ("device", "non_blocking")}
        copied = aten._to_copy.default(values, **kept)
        return OnCard(copied) if to == "card" else copied

    def _count(self, what: Any, is_wait: bool) -> None:
        self.waits.update([str(what)] * is_wait)


class Library(TorchFunctionMode):
    """What torch does on a real card without an operation of its own."""

    def __init__(self, card: Card) -> None:
        """Waits are counted by `card`."""
        super().__init__()
        self.card = card

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function is torch.lstm and isinstance(arguments[0].data, OnCard):
            return _lstm(*arguments[:3])
        if function in (Tensor.tolist, Tensor.numpy) and isinstance(arguments[0], OnCard):
            self.card.waits[function.__name__] += 1
            return function(arguments[0].numbers.detach().clone())
        return function(*arguments, **(named or {}))


def _lstm(inputs: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    (h, c), (W_x, W_h, b_x, b_h), outputs = (start[0] for start in state), weights, []
    for x in inputs.unbind(0):
        i, f, g, o = (linear(x, W_x, b_x) + linear(h, W_h, b_h)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs), h[None], c[None]


def on_card(module: torch.nn.Module) -> None:
    """Move the parameters and buffers of a module."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                moved = OnCard(parameter.detach())
                part._parameters[name] = torch.nn.Parameter(moved, requires_grad=parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = OnCard(buffer)


def install() -> None:
    """Make the card known to torch."""
    backend_registration._setup_privateuseone_for_python_backend("card")
