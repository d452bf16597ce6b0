"""How a process ends when a person or a scheduler asks it to: as after an error, with nothing half-written left."""

import signal
import sys
from types import FrameType

AGAIN = 5.0
"""Seconds after which a process that has not begun to end is asked once more."""


def end_in_order() -> None:
    """Let SIGINT and SIGTERM raise SystemExit of 128 and their number; an ignored one (a job behind `&`) stays so.

    Python discards an exception that is raised while a destructor or a callback of a C library runs (it writes
    `Exception ignored in`), and with it the request to end. So the exception is raised again until `ended` is called.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def ended() -> None:
    """The exception has arrived at the top: it is not raised again."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(128 + number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    sys.exit(128 + number)
