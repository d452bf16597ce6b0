"""How kernels are compiled: by numba, once per machine, for one thread.

Machine code is kept in `__pycache__` beside the kernels, or in the user's cache folder if that one is read-only (or
in the folder that NUMBA_CACHE_DIR names). Without any writable folder each process compiles anew.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numba
import numpy as np
from filelock import FileLock, Timeout

CONTRACT = frozenset({"contract"})
"""Multiplications and additions may be fused; the order of operations stays as it is written."""
REORDER = frozenset({"contract", "reassoc", "nsz"})
"""Sums may be taken in another order, without which a scalar product is not vectorised."""

_MAKING = "METALSTM_COMPILING"
"""Set in the environment of a process that was started to compile."""
_MAKE = "import importlib, sys, numpy; importlib.import_module(sys.argv[1]).compile(numpy.dtype(sys.argv[2]))"


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


def prepare(module: str, kernel: str, dispatchers: Sequence[Any], dtype: np.dtype[Any], seconds: int) -> None:
    """Have the machine code of `kernel` made, unless it was kept; say on stderr that this takes about so long.

    The compiler does not give back what it takes of the memory, so it runs in a process of its own, which calls
    `compile` of `module`. Where that process cannot keep or cannot make the code, this one will when it needs it. Of
    several processes that need the same kernel one has it made, and the others wait.
    """

    def is_kept() -> bool:
        return all(_kept(dispatcher, dtype.name) for dispatcher in dispatchers)

    if _MAKING in os.environ or is_kept():
        return
    keeps = all(map(_keeps, dispatchers))
    with _alone(dispatchers[0], kernel) if keeps else nullcontext():
        if is_kept():
            return
        print(f"compiling the kernel of {kernel}, once per machine (about {seconds} s)", file=sys.stderr, flush=True)
        if keeps:
            command = [sys.executable, "-P", "-c", _MAKE, module, dtype.name]
            with suppress(OSError):  # no process can be started: what the docstring says of this one
                subprocess.run(command, env=os.environ | {_MAKING: module}, capture_output=True, check=False)


@contextmanager
def _alone(dispatcher: Any, kernel: str) -> Iterator[None]:
    """While no other process of this machine has the kernel made; at once where its folder knows no locks."""
    folder = Path(dispatcher._cache.cache_path)
    lock = FileLock(folder / f"{Path(dispatcher._cache._cache_file._index_name).stem}.lock")
    with suppress(OSError, NotImplementedError):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"another process is compiling the kernel of {kernel}", file=sys.stderr, flush=True)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _keeps(dispatcher: Any) -> bool:
    return hasattr(dispatcher._cache, "_cache_file")


def _kept(dispatcher: Any, dtype: str) -> bool:
    """Whether there is machine code for arrays of this type and for this processor: several may share a folder."""
    if not _keeps(dispatcher):
        return False
    processor = dispatcher.targetctx.codegen().magic_tuple()
    index = dispatcher._cache._cache_file._load_index()
    return any(made_for == processor and f"Array({dtype}," in str(kinds) for kinds, made_for, _ in index)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


_SOURCES = _digest(Path(__file__).parent)
