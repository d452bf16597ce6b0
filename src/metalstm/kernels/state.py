"""The state h between two steps of a recurrent network, under its dropout mask."""

from typing import Any

from metalstm.kernels.compilation import compiled


@compiled
def read_state(h: Any, mask: Any, reads: Any) -> None:
    """The masked h of the step before, into the first columns of `reads [n, ..]`."""
    for r in range(reads.shape[0]):
        for j in range(mask.shape[1]):
            reads[r, j] = h[r, j] * mask[r, j]


@compiled
def state_gradient(d_outputs: Any, d_reads: Any, mask: Any, d_h: Any) -> None:
    """The gradient of a step's h: what its reader, behind the mask, and what the layer above give back."""
    for r in range(d_outputs.shape[0]):
        for j in range(d_outputs.shape[1]):
            d_h[r, j] = d_outputs[r, j] + d_reads[r, j] * mask[r, j]
