"""The kernels of machines without AVX-512, compiled on one that has it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metalstm.kernels import lanes

AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}
TESTED = ["elementwise", "layernorm", "scales", "normalised"]


@pytest.mark.skipif(not lanes.WIDE, reason="no AVX-512 here: all other tests of kernels are of the narrow ones")
def test_narrow_registers_give_the_same(tmp_path: Path) -> None:
    here = Path(__file__).parent
    environment = os.environ | AVX2 | {"NUMBA_CACHE_DIR": str(tmp_path)}
    told = [sys.executable, "-c", "from metalstm.kernels import lanes; assert lanes.REGISTER == 32"]
    subprocess.run(told, env=environment, check=True)
    tests = [str(here / f"test_kernels_{name}.py") for name in TESTED]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:warnings", *tests]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
