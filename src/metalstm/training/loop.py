"""The training of one tagger, from first weights to the best epoch's."""

import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn.tagger import Tagger
from metalstm.training import checkpoints
from metalstm.training.batches import Example, batches
from metalstm.training.history import Epoch, best_epoch, out_of_patience
from metalstm.training.optimisers import optimiser as build_optimiser
from metalstm.training.optimisers import rate
from metalstm.training.options import TrainingOptions
from metalstm.training.progress import Reporter, for_stream


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training cost and which epoch was kept; sums run over all resumes."""

    history: list[Epoch]
    best_epoch: int
    wall_seconds: float
    cpu_seconds: float
    tokens_per_second: float
    """Training alone, over all epochs."""
    peak_memory_mb: float
    """Largest resident memory of the process, in MiB."""


def fit(
    tagger: Tagger,
    examples: Sequence[Example],
    options: TrainingOptions,
    *,
    seed: int,
    devel_score: Callable[[Tagger], float],
    folder: Path,
    identity: str,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: Reporter | None = None,
) -> Outcome:
    """Train `tagger` in place; it ends in evaluation mode with the weights of the epoch that is kept.

    That is the first epoch with the highest `devel_score` (F1 in per cent, computed without gradients); with
    `train_on: train+devel` no score is taken, and the last epoch is kept. Sentences are ordered and dropout
    is drawn from `seed` alone: torch's default generator is seeded here.

    After every epoch `folder/checkpoint.pt` is replaced, then `on_epoch` is called. A training that was killed goes
    on from there, and on the same machine's CPU, with as many threads, it ends with the same weights and history
    bit for bit, times excepted. `identity` says what is trained, on what and how; a checkpoint of another identity
    is not used, and that is told to `progress` (by default the terminal). The caller removes the checkpoint once
    the outputs are written.

    A tagger on a graphics processor is trained there, where sums have no fixed order.
    Raises UserError when there is no sentence, when loss or gradient stop being finite, for patience without a
    development set, and for a damaged checkpoint.
    """
    if not examples:
        raise UserError("there is no sentence to train on: check the train files of the corpora")
    choosing = options.train_on == "train"
    if options.patience is not None and not choosing:
        raise UserError("training.patience needs devel F1, which train_on: train+devel does not leave; set one of them")

    progress = progress or for_stream()
    steps = math.ceil(len(examples) / options.batch_size)
    tokens = sum(len(example.tokens) for example in examples)
    device = next(tagger.parameters()).device
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    optimiser = build_optimiser(options.optimiser, tagger)
    history: list[Epoch] = []
    best: dict[str, Tensor] | None = None
    earlier_peak = 0.0

    saved = checkpoints.load(folder)
    if saved is not None and saved.identity != identity:
        progress.note(f"{folder / checkpoints.NAME} is of other data or options and is not used: epoch 1 comes first")
    elif saved is not None:
        tagger.load_state_dict(saved.model)
        optimiser.load_state_dict(saved.optimiser)
        history, best, earlier_peak = saved.history, saved.best, saved.peak_memory_mb
        checkpoints.set_random_states(saved.random_states)
        order.set_state(saved.order_state)
        progress.note(f"going on after epoch {len(history)}, from {folder / checkpoints.NAME}")

    progress.start(options.epochs, steps)
    try:
        while len(history) < options.epochs and not out_of_patience(history, options.patience):
            epoch = len(history) + 1
            optimiser.set_rate(rate(options.schedule, epoch - 1, options.epochs))
            wall, cpu = time.perf_counter(), time.process_time()

            tagger.train()
            loss_sum, sentences_done, tokens_done = 0.0, 0, 0
            for step, batch in enumerate(batches(examples, tagger.lexicon, options.batch_size, order), start=1):
                optimiser.zero_grad()
                loss = tagger.loss(batch.to(device))
                loss.backward()  # type: ignore[no-untyped-call]
                norm = optimiser.clip(options.clip_norm)
                if not (math.isfinite(loss.item()) and math.isfinite(norm)):
                    raise UserError(_diverged(epoch, step, loss.item(), norm, optimiser.learning_rate, options))
                optimiser.step()
                loss_sum += loss.item() * len(batch.lengths)
                sentences_done += len(batch.lengths)
                tokens_done += int(batch.lengths.sum())
                progress.step(epoch, step, loss_sum / sentences_done, tokens_done / (time.perf_counter() - wall))
            tokens_per_second = tokens / (time.perf_counter() - wall)

            tagger.eval()
            with torch.no_grad():
                devel_f1 = devel_score(tagger) if choosing else None
            row = Epoch(
                epoch=epoch,
                loss=loss_sum / len(examples),
                devel_f1=devel_f1,
                learning_rate=optimiser.learning_rate,
                wall_seconds=time.perf_counter() - wall,
                cpu_seconds=time.process_time() - cpu,
                tokens_per_second=tokens_per_second,
            )
            history = [*history, row]
            is_best = best_epoch(history) == epoch
            if choosing and is_best:
                best = {name: value.detach().clone() for name, value in tagger.state_dict().items()}

            checkpoints.save(
                folder,
                checkpoints.Checkpoint(
                    identity=identity,
                    model=tagger.state_dict(),
                    best=best,
                    optimiser=optimiser.state_dict(),
                    history=history,
                    random_states=checkpoints.random_states(),
                    order_state=order.get_state(),
                    peak_memory_mb=max(earlier_peak, peak_memory_mb()),
                ),
            )
            progress.epoch(row, best=is_best)
            if on_epoch is not None:
                on_epoch(row)
    finally:
        progress.stop()

    if best is not None:
        tagger.load_state_dict(best)
    tagger.eval()
    return Outcome(
        history=history,
        best_epoch=best_epoch(history),
        wall_seconds=sum(row.wall_seconds for row in history),
        cpu_seconds=sum(row.cpu_seconds for row in history),
        tokens_per_second=statistics.harmonic_mean([row.tokens_per_second for row in history]),
        peak_memory_mb=max(earlier_peak, peak_memory_mb()),
    )


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in MiB."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return largest / 2**20 if sys.platform == "darwin" else largest / 2**10


def _diverged(epoch: int, step: int, loss: float, norm: float, learning_rate: float, options: TrainingOptions) -> str:
    clip = f"lower clip_norm ({options.clip_norm:g})" if options.clip_norm else "set clip_norm (5, say)"
    return (
        f"epoch {epoch}, step {step}: the loss is {loss:g} and the norm of its gradient {norm:g}, so training cannot "
        f"go on; lower training.optimiser.learning_rate (now {learning_rate:g}) or {clip}"
    )
