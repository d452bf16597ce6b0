import signal
import subprocess
import sys

import pytest

SWALLOWED = """
import os, signal, sys, time, weakref
from metalstm import interruption

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run where it is ignored

class Thing:
    pass

interruption.end_in_order()
thing = Thing()
watched = weakref.ref(thing, lambda _: os.kill(os.getpid(), int(sys.argv[1])))
try:
    del thing
    print("went on", flush=True)
    time.sleep(60)
finally:
    print("in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_that_python_discards_is_made_again(number: signal.Signals) -> None:
    command = [sys.executable, "-c", SWALLOWED, str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "went on\nin order\n"
    assert done.returncode == 128 + number


def test_what_is_ignored_stays_ignored() -> None:
    lines = (
        "import os, signal\nfrom metalstm import interruption\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "interruption.end_in_order()\nos.kill(os.getpid(), signal.SIGINT)\nprint('went on')"
    )
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "went on\n")
