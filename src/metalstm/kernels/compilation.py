"""How kernels become machine code: by numba, once for a machine, and kept on disk.

A kernel is a function of numpy arrays and numbers. It is named after its reference in `nn`, computes the same, and
knows neither torch nor `nn`. Without numba there are no kernels, and `AVAILABLE` tells `nn` to compute without them.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

try:
    import numba
    from numba.core import event
except ImportError:  # a platform that numba does not know yet
    AVAILABLE = False
else:
    AVAILABLE = True

Function = TypeVar("Function", bound=Callable[..., Any])

REORDERED = {"reassoc", "contract", "arcp", "nsz", "afn"}
"""What the compiler may assume of sums and products so that they run in vector registers. It may not assume that
there is neither NaN nor infinity: a training that diverges has to be noticed."""


def compiled(function: Function) -> Function:
    """`function` as machine code, compiled at its first call for each combination of argument types.

    Code is kept beside the sources, or where that is not writable in a folder for temporary files; NUMBA_CACHE_DIR
    names another place. Without numba the function stays as it is.
    """
    if not AVAILABLE:
        return function
    given = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = given or str(_folder())
    try:
        jitted: Function = numba.njit(cache=True, fastmath=REORDERED, error_model="numpy", nogil=True)(function)
    finally:
        numba.config.CACHE_DIR = given
    return jitted


def _folder() -> Path:
    """A folder for the code of these very sources: numba by itself would not see that a function called has changed."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    beside = Path(__file__).parent / "__pycache__" / version
    return beside if _writable(beside) else Path(tempfile.gettempdir()) / "metalstm-kernels" / version


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


if AVAILABLE:

    class _Announcement(event.Listener):  # type: ignore[misc]
        """One line on standard error before the first compilation of a process, so that nobody wonders at the wait."""

        made = False

        def on_start(self, event: Any) -> None:
            """Say it, if the function is one of ours."""
            if not self.made and event.data["dispatcher"].py_func.__module__.startswith(__package__ or ""):
                print("compiling kernels for this machine: once, some seconds each", file=sys.stderr, flush=True)
                self.made = True

        def on_end(self, event: Any) -> None:
            """Say nothing more."""

    event.register("numba:compile", _Announcement())
