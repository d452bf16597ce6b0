"""What a process takes of the machine's memory."""

import ctypes
import resource
import sys
from collections.abc import Callable
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 2**25
_KEPT = 2**28
"""Bytes: more than a step ever takes, and a quarter of what a training may."""


def peak_mb() -> float:
    """The largest resident memory of this process so far, in MiB."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return largest / 2**20 if sys.platform == "darwin" else largest / 2**10


def keep() -> None:
    """Let the C library keep what is freed for what is asked for next, instead of giving it back at once.

    By itself glibc returns large arrays to the system in every step, which then hands them out anew, page by page and
    emptied: with batches of 32 that is a seventh of a training's time. The two thresholds are those of mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


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
