"""What a person sees while a model is trained: a bar on a terminal, one line an epoch anywhere else."""

import sys
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from metalstm.training.history import TAGGING, Epoch, Terms


class Reporter(Protocol):
    """Whatever is told how a training goes."""

    def start(self, epochs: int, steps: int) -> None:
        """A training of at most `epochs` epochs of `steps` batches begins, or goes on."""

    def step(self, epoch: int, step: int, loss: float, tokens_per_second: float) -> None:
        """Batch `step` of epoch `epoch` is done, both counted from 1; `loss` is the epoch's mean so far.

        Speed is in the units of the training's terms.
        """

    def epoch(self, row: Epoch, *, best: bool) -> None:
        """An epoch is done; `best`: it is the one that would be kept."""

    def note(self, line: str) -> None:
        """Something that the person should know."""

    def stop(self) -> None:
        """The training is over, for good or ill."""


class Lines:
    """One plain line an epoch."""

    def __init__(self, stream: TextIO, terms: Terms = TAGGING) -> None:
        """Lines go to `stream`."""
        self._stream = stream
        self._terms = terms
        self._epochs = 0

    def start(self, epochs: int, steps: int) -> None:
        """Remember how many epochs there will be."""
        self._epochs = epochs

    def step(self, epoch: int, step: int, loss: float, tokens_per_second: float) -> None:
        """Say nothing: a log is read later."""

    def epoch(self, row: Epoch, *, best: bool) -> None:
        """Say how the epoch went."""
        print(describe(row, self._epochs, best=best, terms=self._terms), file=self._stream, flush=True)

    def note(self, line: str) -> None:
        """Say it."""
        print(line, file=self._stream, flush=True)

    def stop(self) -> None:
        """Nothing is left open."""


class Bar:
    """A bar over all batches of all epochs, below the lines of the epochs that are done."""

    def __init__(self, console: Console, terms: Terms = TAGGING) -> None:
        """The bar is drawn on `console`."""
        self._terms = terms
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[speed]:,.0f} " + f"{terms.units}/s"),
            TextColumn(f"devel {terms.score}" + " {task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=2,  # each takes milliseconds, in which a batch could be learned from
            transient=True,
        )
        self._epochs = 0
        self._steps = 0

    def start(self, epochs: int, steps: int) -> None:
        """Draw the bar."""
        self._epochs, self._steps = epochs, steps
        self._task = self._progress.add_task("epoch", total=epochs * steps, loss=float("nan"), speed=0.0, score="-")
        self._progress.start()

    def step(self, epoch: int, step: int, loss: float, tokens_per_second: float) -> None:
        """Move the bar."""
        self._progress.update(
            self._task,
            completed=(epoch - 1) * self._steps + step,
            description=f"epoch {epoch}/{self._epochs}",
            loss=loss,
            speed=tokens_per_second,
        )

    def epoch(self, row: Epoch, *, best: bool) -> None:
        """Leave a line above the bar, and show the devel score in it."""
        line = describe(row, self._epochs, best=best, terms=self._terms)
        self._progress.console.print(line, highlight=False, markup=False)
        if row.devel_f1 is not None:
            self._progress.update(self._task, score=f"{row.devel_f1:.2f}")

    def note(self, line: str) -> None:
        """Leave the line above the bar."""
        self._progress.console.print(line, highlight=False, markup=False)

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def describe(row: Epoch, epochs: int, *, best: bool, terms: Terms = TAGGING) -> str:
    """One line: `epoch  3/15  loss 2.345  devel F1 81.23 *  30,512 tokens/s`; the star marks the best so far."""
    devel = "" if row.devel_f1 is None else f"  devel {terms.score} {row.devel_f1:5.2f} {'*' if best else ' '}"
    width = len(str(epochs))
    return (
        f"epoch {row.epoch:{width}}/{epochs}  loss {row.loss:.3f}{devel}  {row.tokens_per_second:,.0f} {terms.units}/s"
    )


def for_stream(stream: TextIO | None = None, terms: Terms = TAGGING) -> Reporter:
    """A bar if `stream` (standard error if None) is a terminal, lines otherwise."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    drawn = console.is_terminal and not console.is_dumb_terminal
    return Bar(console, terms) if drawn else Lines(stream, terms)
