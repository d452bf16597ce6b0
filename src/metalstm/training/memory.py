"""What a process takes of the machine's memory."""

import ctypes
import resource
import sys
from collections.abc import Callable
from functools import cache


def peak_mb() -> float:
    """The largest resident memory of this process so far, in MiB."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return largest / 2**20 if sys.platform == "darwin" else largest / 2**10


def release() -> None:
    """Give free memory in the middle of the heap back to the system; nothing happens where the C library cannot.

    Batches of ever other sizes leave holes between what stays. glibc keeps them: over the first epoch on a joint
    corpus they grow to as much as all that is in use.
    """
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    trim: Callable[[int], object] = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)
    return trim
