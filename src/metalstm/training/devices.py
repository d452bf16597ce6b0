"""Where a training runs."""

import torch

from metalstm.errors import UserError


def device(name: str) -> torch.device:
    """The device that `TrainingOptions.device` names: `auto` is a graphics processor if there is one.

    Raises UserError if `cuda` is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError(
            "training.device: this machine has no graphics processor that this torch can use; "
            "set it to cpu or auto, or install a torch built for CUDA"
        )
    return torch.device("cuda" if name != "cpu" and available else "cpu")
