"""What a process takes of the machine's memory."""

import subprocess
import sys

import pytest

from metalstm import memory

STEPS = """
import resource, sys
import numpy as np
from metalstm import memory
if sys.argv[1] == "keep":
    memory.keep()
before = 0
for step in range(60):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(130_000) for _ in range(40)]  # of 1 MB each
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="thresholds of glibc")
def test_what_is_kept_is_not_asked_for_again():
    faults = {
        way: int(subprocess.run([sys.executable, "-c", STEPS, way], capture_output=True, check=True).stdout)
        for way in ("keep", "return")
    }
    assert faults["keep"] < 100 < faults["return"]


def test_the_peak_holds_what_was_taken():
    before = memory.peak_mb()
    taken = bytearray(b"x" * (int(before) + 64) * 2**20)
    assert memory.peak_mb() >= len(taken) / 2**20
