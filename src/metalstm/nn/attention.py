"""Self-attention between the recurrent encoder and the CRF."""

import math

import torch
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn.batch import real


class RelativeSelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani 2017) with relative positions and a residual connection.

    Positions enter as in Raffel 2020 (T5, section 2.1): each head adds one learned number for the distance between
    query and key to their logit. Distances beyond `max_distance` share the number of the furthest one on their side,
    which is the clipping of Shaw 2018 (section 3.2) in place of T5's logarithmic buckets.
    """

    def __init__(self, size: int, heads: int, max_distance: int) -> None:
        """Raise UserError unless the heads share the features equally."""
        super().__init__()
        if size % heads:
            raise UserError(
                f"model.attention.heads is {heads}, which does not divide the encoder's {size} features: "
                "change the heads or model.hidden_size"
            )
        self.heads = heads
        self.max_distance = max_distance
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.distance_bias = nn.Parameter(torch.zeros(heads, 2 * max_distance + 1))

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """From `inputs [batch, time, size]` to the same shape; padding is not read, and zero in the result."""
        batch, time, size = inputs.shape
        here = real(lengths, time)
        inputs = inputs.masked_fill(~here[:, :, None], 0.0)
        by_head = self.queries_keys_values(inputs).view(batch, time, 3, self.heads, size // self.heads)
        queries, keys, values = by_head.permute(2, 0, 3, 1, 4)  # each [batch, heads, time, size / heads]
        # Attention(Q, K, V) = softmax(Q K^T / sqrt(d) + bias) V
        logits = queries @ keys.transpose(-1, -2) / math.sqrt(size // self.heads) + self._bias(time)
        weights = logits.masked_fill(~here[:, None, None, :], -math.inf).softmax(dim=-1)
        attended = (weights @ values).transpose(1, 2).reshape(batch, time, size)
        outputs: Tensor = inputs + self.output(attended)
        return outputs.masked_fill(~here[:, :, None], 0.0)

    def _bias(self, time: int) -> Tensor:
        """What each head adds for query and key `[heads, time, time]`."""
        position = torch.arange(time, device=self.distance_bias.device)
        distance = (position - position[:, None]).clamp(-self.max_distance, self.max_distance)
        return self.distance_bias[:, distance + self.max_distance]
