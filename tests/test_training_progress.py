import io

from rich.console import Console

from metalstm.training.history import Epoch
from metalstm.training.progress import Bar, Lines, describe, for_stream

ROW = Epoch(3, 2.3451, 81.234, 0.1, 2.0, 1.0, 30512.3)


def test_a_line_says_what_matters():
    assert describe(ROW, 15, best=True) == "epoch  3/15  loss 2.345  devel F1 81.23 *  30,512 tokens/s"
    assert describe(ROW, 15, best=False) == "epoch  3/15  loss 2.345  devel F1 81.23    30,512 tokens/s"


def test_without_a_devel_score_none_is_shown():
    row = Epoch(3, 2.3451, None, 0.1, 2.0, 1.0, 30512.3)
    assert describe(row, 3, best=True) == "epoch 3/3  loss 2.345  30,512 tokens/s"


def test_a_file_gets_one_line_an_epoch_and_the_notes():
    stream = io.StringIO()
    progress = for_stream(stream)
    assert isinstance(progress, Lines)
    progress.note("going on after epoch 2")
    progress.start(15, 100)
    progress.step(3, 1, 2.0, 100.0)
    progress.epoch(ROW, best=True)
    progress.stop()
    assert stream.getvalue() == f"going on after epoch 2\n{describe(ROW, 15, best=True)}\n"


def test_a_terminal_gets_a_bar_that_leaves_the_lines_behind():
    stream = io.StringIO()
    progress = Bar(Console(file=stream, force_terminal=True, width=120, color_system=None))
    progress.note("going on after epoch [2]")
    progress.start(15, 100)
    progress.step(3, 1, 2.0, 100.0)
    progress.epoch(ROW, best=True)
    progress.stop()
    shown = stream.getvalue()
    assert "going on after epoch [2]" in shown
    assert describe(ROW, 15, best=True) in shown
    assert "epoch 3/15" in shown
    assert "201/1500" in shown


def test_a_bar_is_for_terminals_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(for_stream(Terminal()), Bar)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(for_stream(Terminal()), Lines)
