"""The loss of a whole tagger and its gradient: kernel after kernel, on arrays without padding.

As functions of tensors the kernels stand apart. Between two of them torch notes the way back, a tensor becomes an
array and an array a tensor, and what one unpacks the next one packs: a fifth of a step of ten sentences. Here a batch
is packed once, and stays so up to its emission scores. `Tagger.loss` is the reference: the same random numbers are
drawn, in the same order.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from metalstm.nn import affine, compiled_crf, dropout, lookup
from metalstm.nn.batch import Batch
from metalstm.nn.cells.compiled import EVERY, Call, Packing, kernel_of
from metalstm.nn.compiled import Array, array, kernels
from metalstm.nn.dropout import Dropout

if TYPE_CHECKING:
    from metalstm.nn.tagger import Tagger

Back = Callable[[Array], Array]
"""From the gradient of what a part gives to that of what it was given."""


def add_gradients(tagger: "Tagger", batch: Batch) -> Tensor | None:
    """The mean loss of a `placed` batch with labels, whose gradient is added to the `grad` of the tagger's weights.

    None, and nothing is added, where a part has no kernel: on other devices than the CPU, for other types of numbers
    than the kernels', with attention, with cells or options that have none, and where the CRF's has no answer. Where a
    part turns out to have none, random numbers have been drawn: the masks of a second attempt are others.
    """
    if batch.labels is None or not _serves(tagger):
        return None
    # The statistics of a batch norm, which the encoder's way there adds to; other cells have no buffers.
    buffers = [*tagger.encoder.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        return _Pass(tagger, batch).run(batch.labels)
    except _NoKernelError:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
        return None


class _NoKernelError(Exception):
    """A part turns out to have none; no gradient has been added yet."""


def _serves(tagger: "Tagger") -> bool:
    table, options = tagger.words.weight, tagger.options
    if options.kernels == "off" or options.crf.valid_when_training or tagger.attention is not None:
        return False
    return all(kernels(load, table) for load in _KERNELS) and all(
        kernel_of(cells) is not None for cells, _ in tagger.encoder.reading()
    )


_KERNELS = (affine.kernel, compiled_crf.kernel, dropout.kernel, lookup.kernel)


class _Pass:
    """A batch on its way through a tagger. Arrays have a row for each token, in the order of a `Packing`.

    A part gives its result and the way back through it, on which the gradients of its weights are added.
    """

    def __init__(self, tagger: "Tagger", batch: Batch) -> None:
        self.tagger = tagger
        self.batch = batch
        self.time = batch.words.shape[1]
        self.packing = Packing.of(batch.lengths, self.time)
        self.learned = tagger.learned
        self.first = self.learned.indices(tagger.encoder.input_size)[0]
        """The first of the encoder's inputs that a gradient is wanted of: before it are frozen words."""

    def run(self, labels: Tensor) -> Tensor:
        """The mean loss, after all the way there and back."""
        features, to_tables = self._features()
        dropped, to_features = self._dropped(features, self.tagger.input_dropout, self.first)
        told, to_dropped = self._told_corpus(dropped)
        states, to_told = self._encoded(told)
        kept, to_states = self._dropped(states, self.tagger.output_dropout)
        emissions, to_kept = self._emissions(kept)
        losses, to_emissions = self._losses(emissions, labels)

        d = np.full(len(losses), 1.0 / len(losses), losses.dtype)
        for way in (to_emissions, to_kept, to_states, to_told, to_dropped, to_features):
            d = way(d)
        to_tables(d)
        return torch.from_numpy(losses).mean()

    def _features(self) -> tuple[Array, Callable[[Array], None]]:
        """What the encoder reads before dropout, `[tokens, size]`: as `Tagger.emissions` puts it together."""
        tagger, batch = self.tagger, self.batch
        rows, places = tagger.rows_of(batch)
        spelled = self._packed(batch.spelling_of)
        weight = tagger.words.weight
        tables = [array(weight) if rows is None else array(weight)[rows.numpy()]]
        at = [self._packed(places)]
        ways: list[Callable[[Array], None]] = [lambda d: _give_rows(weight, d, rows)]
        characters = tagger.characters.made(batch.spellings, batch.spelling_lengths)
        if characters is None and tagger.characters.size:
            raise _NoKernelError
        if characters is not None:
            values, to_weights = characters
            tables.append(values)
            at.append(spelled)
            ways.append(lambda d: _give(tagger.characters.weights(), to_weights(d)))
        if (shape := tagger.shape) is not None:
            tables.append(array(shape.embedding.weight))
            at.append(shape.shapes(batch.spellings, batch.spelling_lengths).numpy()[spelled])
            ways.append(lambda d: _give([shape.embedding.weight], [d]))
        known, back = lookup.looked_up(tables, at)
        learned = [rows is not None] + [True] * (len(tables) - 1)

        def to_tables(d_features: Array) -> None:
            for way, d_table in zip(ways, back(d_features, learned, self.first), strict=True):
                if d_table is not None:
                    way(d_table)

        frozen = [table.flatten(0, 1).numpy()[self.packing.tokens] for table in tagger.frozen_features(batch)]
        return np.concatenate([known, *frozen], axis=1) if frozen else known, to_tables

    def _dropped(self, values: Array, module: Dropout, first: int = 0) -> tuple[Array, Back]:
        """first: the first column that the gradient is of."""
        if not module.training or module.rate == 0.0:
            return values, lambda d: d
        drop = module.drop(self.packing.tokens, self.time, values.shape[1])
        return drop(values), lambda d: drop(d, first)

    def _told_corpus(self, features: Array) -> tuple[Array, Back]:
        """The features, and behind them the embedding of the sentence's corpus if there is one."""
        if self.tagger.corpus_embedding is None:
            return features, lambda d: d
        weight, size = self.tagger.corpus_embedding.weight, features.shape[1] - self.first
        corpora = self.batch.corpus.numpy()[self.packing.tokens // self.time]

        def back(d: Array) -> Array:
            d_weight = np.zeros(weight.shape, d.dtype)
            np.add.at(d_weight, corpora, d[:, size:])
            _give([weight], [d_weight])
            return np.ascontiguousarray(d[:, :size])

        return np.concatenate([features, array(weight)[corpora]], axis=1), back

    def _encoded(self, values: Array) -> tuple[Array, Back]:
        """The states of the last layer, `[tokens, 2 * hidden]`."""
        stack, batch = self.tagger.encoder, self.batch
        learned, first = self.learned, self.first
        like = self.tagger.words.weight.new_empty(len(batch.lengths), 0)
        ways: list[Back] = []
        for cells, module in stack.reading():
            masks = stack.state_masks(cells, like)
            read, to_values = self._dropped(values, module, first)
            kernel = kernel_of(cells)
            call = None if kernel is None else kernel.call(cells, like, batch.lengths, masks, batch.corpus)
            if call is None:
                raise _NoKernelError
            values, to_read = self._through(call, read, learned)
            ways += [to_values, to_read]
            learned, first = EVERY, 0

        def back(d: Array) -> Array:
            for way in reversed(ways):
                d = way(d)
            return d

        return values, back

    def _through(self, call: Call, x: Array, learned: slice) -> tuple[Array, Back]:
        """One layer, and the way back to the columns `learned` of x."""
        outputs, runs = call.forward(x, self.packing)

        def back(d: Array) -> Array:
            of_directions = [np.ascontiguousarray(d[:, columns]) for columns in call.columns()]
            d_x, d_weights = call.backward(of_directions, runs, learned)
            _give(call.weights, d_weights)
            return d_x

        return np.concatenate(outputs, axis=1), back

    def _emissions(self, states: Array) -> tuple[Array, Back]:
        layer = self.tagger.emission_of(self.batch)
        scores, to_states = affine.affine(states, layer)

        def back(d: Array) -> Array:
            d_states: Array
            d_states, *d_weights = to_states(d)
            _give([layer.weight, layer.bias], d_weights)
            return d_states

        return scores, back

    def _losses(self, emissions: Array, labels: Tensor) -> tuple[Array, Back]:
        """The loss of each sentence, in the order of the batch."""
        crf = self.tagger.crf_of(self.batch)
        padded = self.packing.unpack([(EVERY, emissions)], (*self.batch.words.shape, emissions.shape[1]))
        found = crf.losses(padded, labels, self.batch.lengths)
        if found is None:
            raise _NoKernelError
        losses, to_scores = found

        def back(d: Array) -> Array:
            d_padded, *d_scores = to_scores(d)
            _give([crf.transitions, crf.start, crf.end], d_scores)
            return self.packing.pack(d_padded)

        return losses, back

    def _packed(self, places: Tensor) -> Array:
        """`[tokens]` of `[batch, time]`."""
        found: Array = places.numpy().reshape(-1)[self.packing.tokens]
        return found


def _give(weights: Sequence[Tensor], gradients: Sequence[Array]) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        if weight.requires_grad:
            found = torch.from_numpy(gradient)
            weight.grad = found if weight.grad is None else weight.grad + found


def _give_rows(table: Tensor, gradient: Array, rows: Tensor | None) -> None:
    """Of a tuned table, the rows that were read."""
    assert rows is not None
    values = torch.from_numpy(gradient)
    found = torch.sparse_coo_tensor(rows[None], values, table.shape, check_invariants=False)
    table.grad = found if table.grad is None else table.grad + found
