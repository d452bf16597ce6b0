"""How kernels are compiled: by numba, once per machine, for one thread.

Machine code is kept in `__pycache__` beside the kernels, or in the user's cache folder if that one is read-only (or
in the folder that NUMBA_CACHE_DIR names). Without any writable folder each process compiles anew.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numba
import numpy as np

CONTRACT = frozenset({"contract"})
"""Multiplications and additions may be fused; the order of operations stays as it is written."""
REORDER = frozenset({"contract", "reassoc", "nsz"})
"""Sums may be taken in another order, without which a scalar product is not vectorised."""


def compiled(function: Callable[..., Any], fastmath: frozenset[str] = CONTRACT) -> Any:
    """`function` as machine code, made for each type of its arguments when it is first called with it."""
    options: dict[str, Any] = {"fastmath": set(fastmath), "error_model": "numpy", "nogil": True}
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        return numba.njit(**options)(function)
    # numba knows a stale entry by the kernel's own file alone; the files that it imports from here count as well
    index = dispatcher._cache._cache_file
    index._source_stamp = (index._source_stamp, _SOURCES)
    return dispatcher


def announce(kernel: str, dispatchers: Iterable[Any], dtype: np.dtype[Any], seconds: int) -> None:
    """Say on stderr that `kernel` will be compiled for about so long, unless the machine code was kept."""
    if not all(_kept(dispatcher, dtype.name) for dispatcher in dispatchers):
        print(f"compiling the kernel of {kernel}, once per machine (about {seconds} s)", file=sys.stderr, flush=True)


def _kept(dispatcher: Any, dtype: str) -> bool:
    cache = getattr(dispatcher._cache, "_cache_file", None)
    return cache is not None and any(dtype in str(signature) for signature, *_ in cache._load_index())


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


_SOURCES = _digest(Path(__file__).parent)
