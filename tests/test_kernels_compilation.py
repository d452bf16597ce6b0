import importlib.util
import os
import sys
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")
from metalstm.kernels.compilation import _alone, compiled, prepare

KERNEL = "def double(values):\n    return values + values\n"
COMPILE = """
def compile(dtype):
    import numpy
    from metalstm.kernels.compilation import compiled
    compiled(double)(numpy.ones(1, dtype))
"""


def dispatcher(folder: Path, text: str = KERNEL) -> Any:
    """A kernel in a file of its own, whose machine code is kept beside it."""
    path = folder / "doubling.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return compiled(module.double)


def test_a_kernel_is_announced_until_its_machine_code_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    float64, float32 = np.dtype(np.float64), np.dtype(np.float32)
    prepare("doubling", "doubling", [dispatcher(tmp_path)], float64, 3)
    assert capsys.readouterr().err == "compiling the kernel of doubling, once per machine (about 3 s)\n"
    kernel = dispatcher(tmp_path)
    assert kernel(np.ones(2)).tolist() == [2.0, 2.0]
    assert list(tmp_path.glob("__pycache__/*.nbi"))
    prepare("doubling", "doubling", [kernel, dispatcher(tmp_path)], float64, 3)
    assert capsys.readouterr().err == ""
    prepare("doubling", "doubling", [kernel], float32, 3)
    assert "compiling the kernel of doubling" in capsys.readouterr().err


def test_a_kernel_that_another_process_compiles_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    kernel, told = dispatcher(tmp_path), ""
    waiting = Thread(target=prepare, args=("doubling", "doubling", [kernel], np.dtype(np.float64), 3))
    with _alone(kernel, "doubling"):
        waiting.start()
        while "another process is compiling the kernel of doubling" not in told:
            told += capsys.readouterr().err
            assert waiting.is_alive()
        dispatcher(tmp_path)(np.ones(2))
    waiting.join()
    assert capsys.readouterr().err == ""
    assert kernel(np.ones(2)).tolist() == [2.0, 2.0]
    assert not kernel.stats.cache_misses


def test_machine_code_for_another_processor_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    kernel = dispatcher(tmp_path)
    kernel(np.ones(2))
    monkeypatch.setattr(type(kernel.targetctx.codegen()), "magic_tuple", lambda codegen: ("another", "processor"))
    prepare("doubling", "doubling", [kernel], np.dtype(np.float64), 3)
    assert "compiling the kernel of doubling" in capsys.readouterr().err


def test_another_process_makes_the_machine_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    # Machine code of another process is loaded with the module that it is of.
    monkeypatch.setitem(sys.modules, "doubling", ModuleType("doubling"))
    kernel = dispatcher(tmp_path, KERNEL + COMPILE)
    float64 = np.dtype(np.float64)
    prepare("doubling", "doubling", [kernel], float64, 3)
    assert "compiling the kernel of doubling" in capsys.readouterr().err
    assert kernel(np.ones(2)).tolist() == [2.0, 2.0]
    assert kernel.stats.cache_hits
    assert not kernel.stats.cache_misses
