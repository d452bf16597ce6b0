"""What a result was made with."""

import platform
from importlib.metadata import version

import torch

_LIBRARIES = ("metalstm", "numpy", "numba", "gensim", "seqeval")


def versions() -> dict[str, str]:
    """Versions of this program and of what its numbers depend on, and the kind of machine."""
    return {
        **{library: version(library) for library in _LIBRARIES},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
