from pathlib import Path

import pytest

from metalstm import source


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.py").write_text("from metalstm.b import f\n\nx = f(1)\n", encoding="utf-8")
    (tmp_path / "b.py").write_text('"""Doc."""\n\n\ndef f(x):\n    """Doc."""\n    return x\n', encoding="utf-8")
    (tmp_path / "c.py").write_text("y = 1\n", encoding="utf-8")
    monkeypatch.setattr(source, "ROOT", tmp_path)
    forget()
    return tmp_path


def forget() -> None:
    for cached in (source._tree, source._imports, source._module_digest):
        cached.cache_clear()


def digest_after(package: Path, name: str, old: str, new: str) -> str:
    path = package / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    forget()
    return source.digest("metalstm.a")


def test_code_that_is_imported_counts(package: Path) -> None:
    before = source.digest("metalstm.a")
    assert digest_after(package, "b.py", "return x", "return x + 1") != before


def test_comments_and_docstrings_do_not_count(package: Path) -> None:
    before = source.digest("metalstm.a")
    assert digest_after(package, "b.py", '"""Doc."""', '"""Another."""  # why') == before


def test_code_that_is_not_reached_does_not_count(package: Path) -> None:
    before = source.digest("metalstm.a")
    assert digest_after(package, "c.py", "y = 1", "y = 2") == before


@pytest.mark.parametrize("cell", ["elman", "hyper", "lstm", "normalised"])
def test_a_cell_reaches_its_kernel(cell: str) -> None:
    forget()
    reached = source._closure([f"metalstm.nn.cells.{cell}"])
    assert f"metalstm.kernels.{cell}" in reached
    assert ("metalstm.kernels.hyper_steps" in reached) == (cell == "hyper")


def test_the_training_stage_reaches_the_cells_own_module_and_no_other_cell() -> None:
    forget()
    lstm = source._closure(["metalstm.stages.train", "metalstm.nn.cells.lstm"])
    shared = {"cell", "compiled", "directions", "options", "stack", "starts"}
    assert {module for module in lstm if module.startswith("metalstm.nn.cells.")} == {
        f"metalstm.nn.cells.{name}" for name in shared | {"lstm"}
    }
    assert "metalstm.nn.crf" in lstm
    rnn = source._closure(["metalstm.stages.train", "metalstm.nn.cells.elman"])
    assert "metalstm.nn.cells.lstm" not in rnn
    assert not [module for module in lstm if module.startswith("metalstm.tracking")]


def test_how_text_is_read_and_how_a_training_is_shown_retrain_nothing() -> None:
    forget()
    reached = source._closure(["metalstm.stages.train", "metalstm.nn.cells.lstm"])
    assert "metalstm.tagging.tokens" in reached
    assert not reached & {
        "metalstm.corpora.tokenise",
        *(f"metalstm.tagging.{name}" for name in ("documents", "inference", "spelling", "tag")),
        "metalstm.training.progress",
    }


def test_word_vectors_depend_on_nothing_that_fetches_corpora() -> None:
    assert "metalstm.corpora.fetch" not in source._closure(["metalstm.stages.vectors"])
