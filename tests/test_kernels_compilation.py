import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")
from metalstm.kernels.compilation import announce, compiled


def dispatcher(folder: Path) -> Any:
    """A kernel in a file of its own, whose machine code is kept beside it."""
    path = folder / "doubling.py"
    path.write_text("def double(values):\n    return values + values\n", encoding="utf-8")
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
    announce("doubling", [dispatcher(tmp_path)], float64, 3)
    assert capsys.readouterr().err == "compiling the kernel of doubling, once per machine (about 3 s)\n"
    kernel = dispatcher(tmp_path)
    assert kernel(np.ones(2)).tolist() == [2.0, 2.0]
    assert list(tmp_path.glob("__pycache__/*.nbi"))
    announce("doubling", [kernel, dispatcher(tmp_path)], float64, 3)
    assert capsys.readouterr().err == ""
    announce("doubling", [kernel], float32, 3)
    assert "compiling the kernel of doubling" in capsys.readouterr().err
