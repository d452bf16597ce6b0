"""Which label may follow which in the IOBES scheme (Ratinov and Roth 2009 call it BILOU)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metalstm.errors import UserError


def allowed_transitions(labels: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """What IOBES allows: transitions `[from, to]`, first labels `[labels]`, last labels `[labels]`, all bool.

    An entity of several tokens is B-x I-x ... E-x, one of a single token S-x, everything else O. Raises UserError for
    a label that is none of these.
    """
    positions, types = zip(*map(_parse, labels), strict=True)
    opens = torch.tensor([position in "OBS" for position in positions])
    closes = torch.tensor([position in "OES" for position in positions])
    same_type = torch.tensor([[source == target for target in types] for source in types])
    between_entities = closes[:, None] & opens
    within_entity = ~closes[:, None] & ~opens & same_type
    return between_entities | within_entity, opens, closes


def _parse(label: str) -> tuple[str, str]:
    position, hyphen, entity_type = label.partition("-")
    if label == "O" or (position in ("B", "I", "E", "S") and hyphen and entity_type):
        return position, entity_type
    raise UserError(
        f"label {label!r} is not IOBES (O, B-type, I-type, E-type, S-type): convert the labels, "
        "or switch off model.crf.valid_when_decoding and model.crf.valid_when_training"
    )
