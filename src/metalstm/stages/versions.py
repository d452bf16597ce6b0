"""What a result was made with."""

import platform
from importlib.metadata import version

import numpy as np
import torch


def versions() -> dict[str, str]:
    """Versions of this program and of what its numbers depend on, and the kind of machine."""
    return {
        "metalstm": version("metalstm"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
