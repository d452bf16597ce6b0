"""What a tagger is told of the lists of names that a token stands in."""

import torch
from torch import Tensor
from torch.nn import functional

from metalstm.gazetteers.matching import SINGLE


def size(lists: int) -> int:
    """Features of a token: of each list one for every place that a token can have in a name."""
    return lists * SINGLE


def features(places: Tensor, dtype: torch.dtype) -> Tensor:
    """One for each token's place in a name of each list and zeros elsewhere: `[batch, time, size]`.

    places: `[batch, time, lists]`, as `Gazetteers.places` numbers them; outside of all names it has zeros only.
    """
    return functional.one_hot(places.long(), SINGLE + 1)[..., 1:].flatten(2).to(dtype)
