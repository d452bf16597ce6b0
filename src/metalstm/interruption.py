"""How a process ends when a person or a scheduler asks it to: as after an error, with nothing half-written left."""

import signal
import sys
from types import FrameType

AGAIN = 0.1
"""Seconds after which a request to end that Python discarded is made once more."""


def end_in_order() -> None:
    """Let SIGINT and SIGTERM raise SystemExit of 128 and their number; an ignored one (a job behind `&`) stays so.

    Python discards an exception that is raised while a destructor or a callback of a C library runs, and with it the
    request to end; it tells `sys.unraisablehook` of that, and then the exception is raised again.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    sys.unraisablehook = _discarded


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _discarded(what: "sys.UnraisableHookArgs") -> None:
    request = what.exc_value
    if isinstance(request, SystemExit):
        signal.signal(signal.SIGALRM, lambda *_: sys.exit(request.code))
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
    else:
        sys.__unraisablehook__(what)
