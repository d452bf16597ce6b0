"""The tagger: words and their characters, a recurrent encoder over the sentence, a CRF over the labels."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from metalstm.nn import compiled_loss, gazetteers
from metalstm.nn.affine import Affine
from metalstm.nn.attention import RelativeSelfAttention
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.cells import REGISTRY, recurrent
from metalstm.nn.characters import character_encoder
from metalstm.nn.context import SentenceContext
from metalstm.nn.crf import LinearChainCRF
from metalstm.nn.dropout import Dropout
from metalstm.nn.embeddings import category_embedding, word_embedding
from metalstm.nn.iobes import allowed_transitions
from metalstm.nn.lexicon import UNKNOWN, Lexicon
from metalstm.nn.lookup import look_up
from metalstm.nn.options import TaggerOptions
from metalstm.nn.word_shape import WordShape


class Tagger(nn.Module):
    """From sentences to label sequences: words + characters -> encoder -> (attention) -> emission scores -> CRF.

    The layers of Lample 2016 and Ma and Hovy 2016, 'Neural Architectures for Named Entity Recognition' and
    'End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF', with any cell of the registry as encoder.
    """

    weights_of: str | None = None
    """The corpus whose weights these are, of a run in which training went on for each corpus: they serve no other."""

    def __init__(self, lexicon: Lexicon, options: TaggerOptions, word_vectors: Tensor | None = None) -> None:
        """Draw the weights from torch's default generator.

        `word_vectors [words, word_size]` are where the word table starts, in the order of `lexicon.words`; a row with
        a NaN says that there is none for that word. Raises UserError for choices that do not fit one another, and
        ValueError for a lexicon with other lists of names than the options name.
        """
        super().__init__()
        if tuple(options.gazetteers) != lexicon.gazetteers.names:
            raise ValueError(f"the lexicon has the lists {lexicon.gazetteers.names}, not {options.gazetteers}")
        self.lexicon = lexicon
        self.options = options
        dropout, kernels = options.dropout, options.kernels
        self.words = word_embedding(len(lexicon.words), options.word_size, word_vectors, tuned=options.tune_words)
        self.characters = character_encoder(
            options.characters.encoder, len(lexicon.characters), options.characters, kernels
        )
        self.shape = WordShape(lexicon.characters, options.word_shape) if options.word_shape else None
        context, words = options.context, len(lexicon.words)
        window = options.pooling_window
        self.context = SentenceContext(words, options.word_size, context, kernels, window) if context else None
        frozen_size = (self.context.size if self.context else 0) + gazetteers.size(len(options.gazetteers))
        self.input_dropout = Dropout(dropout.input, variational=dropout.variational, kernels=kernels)
        corpus_size = options.multitask.corpus_embedding if options.multitask else 0
        self.corpus_embedding = category_embedding(len(lexicon.corpora), corpus_size) if corpus_size else None
        self.encoder = recurrent(
            options.cell,
            options.word_size + self.characters.size + options.word_shape + frozen_size + corpus_size,
            options.hidden_size,
            bidirectional=True,
            num_layers=options.num_layers,
            **_cell_options(lexicon, options),
        )
        self.output_dropout = Dropout(dropout.output, variational=dropout.variational, kernels=kernels)
        encoded = 2 * options.hidden_size
        heads, max_distance = options.attention.heads, options.attention.max_distance
        self.attention = RelativeSelfAttention(encoded, heads, max_distance) if heads else None
        # One output layer and one CRF, or a list of each: one of either for every corpus, over its own labels.
        self.emission: nn.Module
        self.crf: nn.Module
        if lexicon.corpus_labels:
            self.emission = nn.ModuleList(Affine(encoded, len(labels), kernels) for labels in lexicon.corpus_labels)
            self.crf = nn.ModuleList(_crf(labels, options) for labels in lexicon.corpus_labels)
        else:
            self.emission = Affine(encoded, len(lexicon.labels), kernels)
            self.crf = _crf(lexicon.labels, options)

    def placed(self, batch: Batch) -> Batch:
        """A batch on the CPU beside the weights, with what is known of its sentences: it is moved once."""
        told = batch if self.context is None or batch.contextual is not None else self.context.told(batch)
        return told.to(self.words.weight.device)

    def emissions(self, batch: Batch) -> Tensor:
        """The score of each label at each token of a `placed` batch, `[batch, time, labels]`.

        What stands on padding means nothing. Where each corpus has an output layer of its own, the labels are those of
        the batch's corpus; ValueError for sentences of several.
        """
        emission = self.emission_of(batch)
        features = torch.cat([self._features(batch), *self.frozen_features(batch)], dim=2)
        features = self.input_dropout(features)
        if self.corpus_embedding is not None:
            # After dropout: it is the same at every token, so that what is dropped here is learned nowhere else.
            corpus = batch.corpus.to(features.device, non_blocking=True)
            told = self.corpus_embedding(corpus)[:, None, :].expand(-1, features.shape[1], -1)
            features = torch.cat([features, told], dim=2)
        states = self.output_dropout(self._encoded(features, batch))
        if self.attention is not None:
            states = self.attention(states, batch.lengths)
        scores: Tensor = emission(states)
        return scores

    def frozen_features(self, batch: Batch) -> list[Tensor]:
        """What is known of each token and not learned, `[batch, time, size]`: contextual vectors, lists of names."""
        table = self.words.weight
        found = [] if self.context is None else [self.context(batch, table)]
        return [*found, gazetteers.features(batch.gazetteers, table.dtype)] if self.options.gazetteers else found

    @contextmanager
    def reading(self, sentences: Numbered) -> Iterator[None]:
        """While batches of the sentences of a file are read: what depends on the whole file is known.

        Without it a tagger with a pooling window reads no batch.
        """
        with self.context.reading(sentences, self.words.weight) if self.context else nullcontext():
            yield

    def emission_of(self, batch: Batch) -> Affine:
        """The output layer of the batch's corpus; ValueError for sentences of several that have each their own."""
        emission = self._of_corpus(self.emission, batch)
        assert isinstance(emission, Affine)
        return emission

    def crf_of(self, batch: Batch) -> LinearChainCRF:
        """The CRF over the labels of the batch's corpus; ValueError for sentences of several that have each their own.

        With `emissions` and `lexicon.labels_of` it is all that decoding takes.
        """
        crf = self._of_corpus(self.crf, batch)
        assert isinstance(crf, LinearChainCRF)
        return crf

    def loss(self, batch: Batch) -> Tensor:
        """The CRF's negative log-likelihood of the gold labels, the mean over the batch's sentences."""
        batch = self.placed(batch)
        if batch.labels is None:
            raise ValueError("a loss needs a batch with labels")
        emissions = self.emissions(batch)
        if emissions.dtype == torch.bfloat16:  # of mixed precision: the sum over all paths needs more digits
            emissions = emissions.float()
        return self.crf_of(batch).neg_log_likelihood(emissions, batch.labels, batch.lengths).mean()

    def add_gradients(self, batch: Batch, *, mixed_precision: bool = False) -> Tensor:
        """The loss of a batch, whose gradient is added to the `grad` of every weight that it depends on.

        By the kernels in one pass if that can be, else by the parts. mixed_precision: products are of bfloat16 then.
        """
        batch = self.placed(batch)
        loss = None if mixed_precision else compiled_loss.add_gradients(self, batch)
        if loss is None:
            with torch.autocast(batch.words.device.type, torch.bfloat16, enabled=mixed_precision):
                loss = self.loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    @torch.no_grad()
    def decode(self, batch: Batch) -> list[list[int]]:
        """The best label ids of each sentence, without dropout, whatever mode the tagger is in."""
        batch = self.placed(batch)
        with _evaluating(self):
            return self.crf_of(batch).decode(self.emissions(batch), batch.lengths)[0]

    def decode_labels(self, batch: Batch) -> list[list[str]]:
        """The names of what `decode` gives."""
        paths = zip(self.decode(batch), batch.corpus.tolist(), strict=True)
        return [[self.lexicon.labels_of(corpus)[label] for label in path] for path, corpus in paths]

    def row_parameters(self) -> list[nn.Parameter]:
        """Tables of which a batch gives gradients for some rows only, as sparse tensors."""
        return list(self.words.parameters()) if self.options.tune_words else []

    def dense_parameters(self) -> list[nn.Parameter]:
        """Everything else that is trained."""
        rows = {id(parameter) for parameter in self.row_parameters()}
        return [parameter for parameter in self.parameters() if parameter.requires_grad and id(parameter) not in rows]

    def _of_corpus(self, module: nn.Module, batch: Batch) -> nn.Module:
        """`module` itself, or of a list of them, one for each corpus, that of the batch's."""
        if not isinstance(module, nn.ModuleList):
            return module
        corpus = batch.corpus.tolist()
        if len(set(corpus)) > 1:
            raise ValueError("each corpus has an output layer of its own, so a batch holds sentences of one corpus")
        chosen: nn.Module = module[corpus[0]]
        return chosen

    def _features(self, batch: Batch) -> Tensor:
        """`[batch, time, word_size + characters.size + word_shape]`; a word of many places is read only once."""
        spelled = self.characters(batch.spellings, batch.spelling_lengths)
        if self.shape is not None:
            spelled = torch.cat([spelled, self.shape(batch.spellings, batch.spelling_lengths)], dim=1)
        rows, places = self.rows_of(batch)
        words = self.words.weight if rows is None else self.words(rows)
        return look_up([words, spelled], [places, batch.spelling_of], self.options.kernels)

    def _encoded(self, features: Tensor, batch: Batch) -> Tensor:
        """`[batch, time, 2 * hidden]`; a multi-task encoder is also told each sentence's corpus."""
        corpus = (batch.corpus,) if getattr(self.encoder, "takes_corpus", False) else ()
        states: Tensor = self.encoder(features, batch.lengths, *corpus, learned=self.learned)
        return states

    @property
    def learned(self) -> slice:
        """The encoder's inputs that depend on what is trained, from the first one to the last."""
        first = 0 if self.options.tune_words else self.options.word_size
        is_frozen_after = self.context is not None or bool(self.options.gazetteers)
        is_last_frozen = is_frozen_after and self.corpus_embedding is None
        last = self.options.word_size + self.characters.size + self.options.word_shape if is_last_frozen else None
        return slice(first, last)

    def rows_of(self, batch: Batch) -> tuple[Tensor | None, Tensor]:
        """Rows of the word table, and `[batch, time]` which of them a token has; of a frozen table None: all.

        In training a share of the tokens is read as the unknown word, so that it learns what to stand for.
        """
        rate, tuned = self.options.dropout.words, self.options.tune_words
        if self.training and rate > 0.0:
            dropped = torch.rand(batch.words.shape, device=batch.words.device) < rate
            words = batch.words.masked_fill(dropped & (batch.words > UNKNOWN), UNKNOWN)
        elif tuned:
            return batch.spelled_words, batch.spelling_of
        else:
            words = batch.words
        if not tuned:
            return None, words
        rows, places = torch.unique(words, return_inverse=True)
        return rows, places


def _crf(labels: Sequence[str], options: TaggerOptions) -> LinearChainCRF:
    constrained = options.crf.valid_when_decoding or options.crf.valid_when_training
    return LinearChainCRF(
        len(labels),
        allowed=allowed_transitions(labels) if constrained else None,
        valid_when_decoding=options.crf.valid_when_decoding,
        valid_when_training=options.crf.valid_when_training,
        kernels=options.kernels,
    )


def _cell_options(lexicon: Lexicon, options: TaggerOptions) -> dict[str, Any]:
    """The options given for the cell, and where they are silent what follows from the tagger's and from the corpora."""
    implied: dict[str, Any] = {
        "dropout_recurrent": options.dropout.recurrent,
        "dropout_between": options.dropout.output,
        "variational": options.dropout.variational,
        "kernels": options.kernels,
    }
    if options.cell in REGISTRY and "num_tasks" in REGISTRY[options.cell].options.model_fields:
        implied["num_tasks"] = max(1, len(lexicon.corpora))
    return implied | options.cell_options


def num_parameters(tagger: nn.Module) -> int:
    """How many numbers a model consists of, frozen ones among them."""
    return sum(parameter.numel() for parameter in tagger.parameters())


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while, then the mode from before."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
