"""Epoch after epoch: what all trainings have in common, whatever they learn from."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metalstm import memory
from metalstm.errors import UserError
from metalstm.training import checkpoints
from metalstm.training.history import Epoch, best_epoch, out_of_patience, tokens_per_second
from metalstm.training.optimisers import Optimiser, rate
from metalstm.training.options import LoopOptions
from metalstm.training.progress import Reporter
from metalstm.training.weights import LastEpochs, Weights, copied, put


class Step(NamedTuple):
    """What the model makes of a batch, before it learns from it."""

    loss: Tensor
    """Mean over the examples of the batch; its gradient has been added to the weights' `grad`."""
    examples: int
    units: int
    """What speed is counted in: tokens or images."""


STEPS_A_RELEASE = 100
"""Memory is given back to the system after so many steps: it takes milliseconds, and a hundred steps take a second."""

Lesson = Callable[[torch.Generator], Iterable[Step]]
"""One epoch: its batches in an order drawn from the generator, the gradient of each computed when it is asked for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training cost and which epoch was kept; sums run over all resumes."""

    history: list[Epoch]
    best_epoch: int
    """0: the weights that it began with."""
    start_score: float | None
    """The score of these weights, where they took part in the choice."""
    wall_seconds: float
    cpu_seconds: float
    tokens_per_second: float
    """Training alone, over all epochs; images, where those are learned from."""
    peak_memory_mb: float
    """Largest resident memory of the process, in MiB."""


def train(
    model: nn.Module,
    optimiser: Optimiser,
    options: LoopOptions,
    lesson: Lesson,
    *,
    steps: int,
    seed: int,
    devel_score: Callable[[], float] | None,
    folder: Path,
    identity: str,
    progress: Reporter,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint: str = checkpoints.NAME,
    may_keep_start: bool = False,
    changing_rows: Mapping[str, int] | None = None,
) -> Outcome:
    """Train `model` in place; it ends in evaluation mode with the weights of the epoch that is kept.

    That is the first epoch with the highest `devel_score` (in per cent, computed without gradients), or the last one
    where there is no score. With `options.averaging` it is the mean over the last epochs that is scored and kept. With
    `may_keep_start` the weights as they are given take part in the choice, as epoch 0. `lesson` has `steps` batches.
    Their order and dropout are drawn from `seed` alone: torch's default generator is seeded here. `changing_rows` says
    of how many first rows of a table batches read any, by its name in the model's state: of the others, which stay as
    they are, no copy is made and none is written.

    After every epoch `folder/checkpoint` is replaced, then `on_epoch` is called. A training that was killed goes
    on from there, and on the same machine's CPU, with as many threads, it ends with the same weights and history
    bit for bit, times excepted. `identity` says what is trained, on what and how; a checkpoint of another identity
    is not used, and that is told to `progress`. The caller removes the checkpoint once the outputs are written.

    Raises UserError when loss or gradient stop being finite, and for a damaged checkpoint.
    """
    memory.keep()
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    history: list[Epoch] = []
    best: Weights | None = None
    start_score: float | None = None
    rows = changing_rows or {}
    average = LastEpochs(options.averaging.last_epochs) if options.averaging else None
    earlier_peak = 0.0

    saved = checkpoints.load(folder, checkpoint)
    if saved is not None and saved.identity != identity:
        progress.note(f"{folder / checkpoint} is of other data or options and is not used: epoch 1 comes first")
    elif saved is not None:
        put(saved.model, model)
        optimiser.load_state_dict(saved.optimiser)
        history, best, start_score = saved.history, saved.best, saved.start_score
        earlier_peak = saved.peak_memory_mb
        if options.averaging:
            average = LastEpochs(options.averaging.last_epochs, saved.last_epochs)
        checkpoints.set_random_states(saved.random_states)
        order.set_state(saved.order_state)
        progress.note(f"going on after epoch {len(history)}, from {folder / checkpoint}")
    if may_keep_start and devel_score is not None and not history:
        model.eval()
        with torch.no_grad():
            start_score = devel_score()
        best = copied(model, rows)

    progress.start(options.epochs, steps)
    try:
        while len(history) < options.epochs and not out_of_patience(history, options.patience):
            epoch = len(history) + 1
            optimiser.set_rate(rate(options.schedule, epoch - 1, options.epochs))
            wall, cpu = time.perf_counter(), time.process_time()

            model.train()
            loss_sum, examples_done, units_done = 0.0, 0, 0
            optimiser.zero_grad()
            for number, step in enumerate(lesson(order), start=1):
                norm = optimiser.clip(options.clip_norm)
                loss = step.loss.item()
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise UserError(_diverged(epoch, number, loss, norm, optimiser.learning_rate, options))
                optimiser.step()
                optimiser.zero_grad()
                if number % STEPS_A_RELEASE == 0:
                    memory.release()
                loss_sum += loss * step.examples
                examples_done += step.examples
                units_done += step.units
                progress.step(epoch, number, loss_sum / examples_done, units_done / (time.perf_counter() - wall))
            units_per_second = units_done / (time.perf_counter() - wall)

            model.eval()
            reached = judged = copied(model, rows)
            if average is not None:
                average.add(reached)
                judged = average.mean()
                put(judged, model)
            with torch.no_grad():
                score = None if devel_score is None else devel_score()
            memory.release()
            row = Epoch(
                epoch=epoch,
                loss=loss_sum / examples_done,
                devel_f1=score,
                learning_rate=optimiser.learning_rate,
                wall_seconds=time.perf_counter() - wall,
                cpu_seconds=time.process_time() - cpu,
                tokens_per_second=units_per_second,
                tokens=units_done,
            )
            history = [*history, row]
            is_best = best_epoch(history, start_score) == epoch
            if score is not None and is_best:
                best = judged
            if average is not None:
                put(reached, model)

            checkpoints.save(
                folder,
                checkpoints.Checkpoint(
                    identity=identity,
                    model=reached,
                    best=best,
                    start_score=start_score,
                    last_epochs=average.kept if average else [],
                    optimiser=optimiser.state_dict(),
                    history=history,
                    random_states=checkpoints.random_states(),
                    order_state=order.get_state(),
                    peak_memory_mb=max(earlier_peak, memory.peak_mb()),
                ),
                checkpoint,
            )
            progress.epoch(row, best=is_best)
            if on_epoch is not None:
                on_epoch(row)
    finally:
        progress.stop()

    if best is not None:
        put(best, model)
    elif average is not None:
        put(average.mean(), model)
    model.eval()
    return Outcome(
        history=history,
        best_epoch=best_epoch(history, start_score),
        start_score=start_score,
        wall_seconds=sum(row.wall_seconds for row in history),
        cpu_seconds=sum(row.cpu_seconds for row in history),
        tokens_per_second=tokens_per_second(history),
        peak_memory_mb=max(earlier_peak, memory.peak_mb()),
    )


def _diverged(epoch: int, step: int, loss: float, norm: float, learning_rate: float, options: LoopOptions) -> str:
    clip = f"lower clip_norm ({options.clip_norm:g})" if options.clip_norm else "set clip_norm (5, say)"
    return (
        f"epoch {epoch}, step {step}: the loss is {loss:g} and the norm of its gradient {norm:g}, so training cannot "
        f"go on; lower optimiser.learning_rate (now {learning_rate:g}) or {clip}"
    )
