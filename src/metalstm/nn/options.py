"""The tagger's choices, without its weights: readable before torch is imported."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from metalstm.gazetteers import MOST_LISTS
from metalstm.options import Options, Probability, Size

Kernels = Literal["auto", "off"]


class CharacterOptions(Options):
    """How the spelling of a word becomes a vector."""

    encoder: Literal["cnn", "lstm", "none"] = "cnn"
    embedding_size: Size = 30
    size: Size = 50
    """Features a word: filters of the convolution, or both directions of the LSTM together (even)."""
    width: Size = 3
    """Characters that a filter of the convolution sees; odd."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> "CharacterOptions":
        if self.encoder == "cnn" and self.width % 2 == 0:
            raise ValueError("`width` is odd, so that a filter has a middle character")
        if self.encoder == "lstm" and self.size % 2:
            raise ValueError("`size` is even, since two directions share it")
        return self


class DropoutOptions(Options):
    """Shares of values set to zero in training."""

    input: Probability = 0.5
    """On word and character features, before the first recurrent layer."""
    output: Probability = 0.5
    """On the output of each recurrent layer."""
    recurrent: Probability = 0.0
    """On the state between time steps, one mask a sentence (Gal and Ghahramani 2016)."""
    words: Probability = 0.0
    """Share of known words read as the unknown word."""
    variational: bool = False
    """One mask a sentence for `input` and `output` too, instead of one a token."""


class AttentionOptions(Options):
    """Multi-head self-attention with relative positions between encoder and CRF; no heads, no attention."""

    heads: Annotated[int, Field(ge=0)] = 0
    max_distance: Size = 16
    """Relative positions further than this share one bias."""


class CrfOptions(Options):
    """Whether label sequences that IOBES does not allow are forbidden."""

    valid_when_decoding: bool = True
    valid_when_training: bool = False


class MultitaskOptions(Options):
    """How one network of several corpora, whose sentences bear no task tags, tells them apart."""

    output: Literal["per_corpus", "shared"] = "per_corpus"
    """per_corpus: emission scores and a CRF for each corpus, over its own labels; shared: one of both for all."""
    corpus_embedding: Annotated[int, Field(ge=0)] = 10
    """Values that say which corpus it is, beside the features of every token; 0: none."""


class ContextOptions(Options):
    """The network of a language model, and how much of what it knows a tagger is told."""

    hidden_size: Size = 256
    """Units a direction."""
    size: Size = 100
    """Features of a token: the principal components of the states of both directions."""

    @model_validator(mode="after")
    def _there_are_as_many_components(self) -> "ContextOptions":
        if self.size > 2 * self.hidden_size:
            raise ValueError(f"`size` is at most {2 * self.hidden_size}, twice `hidden_size`")
        return self


class NetworkOptions(Options):
    """The network around the recurrent layers."""

    tune_words: bool = True
    """Word vectors are trained with the rest; false: they stay as they were given."""
    characters: CharacterOptions = CharacterOptions()
    word_shape: Annotated[int, Field(ge=0)] = 0
    """Values that say how a word is written: its capitals, digits and signs; 0: none."""
    hidden_size: Size = 100
    """Units a direction."""
    num_layers: Size = 1
    pooling_window: Annotated[int, Field(ge=0)] = 0
    """Sentences before and after, within the file, over which the contextual vectors of each word are averaged, as
    further features; 0: none (`metalstm.nn.pooling`)."""
    gazetteers: Annotated[list[str], Field(max_length=MOST_LISTS)] = Field(default_factory=list)
    """Lists of names: each token is told its place in a name of each (`metalstm.gazetteers`)."""
    dropout: DropoutOptions = DropoutOptions()
    attention: AttentionOptions = AttentionOptions()
    crf: CrfOptions = CrfOptions()
    kernels: Kernels = "auto"
    """auto: whole-sequence kernels on the CPU where they support the configuration; off: plain PyTorch."""

    @model_validator(mode="after")
    def _heads_share_the_features(self) -> "NetworkOptions":
        if self.attention.heads and 2 * self.hidden_size % self.attention.heads:
            raise ValueError(f"`attention.heads` divides the encoder's {2 * self.hidden_size} features equally")
        return self


class StudyNetworkOptions(NetworkOptions):
    """What a study says once for all its cells and settings."""

    multitask: MultitaskOptions = MultitaskOptions()
    """For the setting `mtm-plus` only."""
    contextual: str | None = None
    """Which of the study's language models reads every sentence first; null: none."""

    @model_validator(mode="after")
    def _the_language_model_knows_the_words(self) -> "StudyNetworkOptions":
        if self.contextual is not None and self.tune_words:
            raise ValueError(
                "`contextual` needs `tune_words: false`: a language model reads word vectors as they were learned"
            )
        return self

    @model_validator(mode="after")
    def _there_is_something_to_pool(self) -> "StudyNetworkOptions":
        if self.pooling_window and self.contextual is None:
            raise ValueError("`pooling_window` needs `contextual`: it is contextual vectors that are averaged")
        return self


class TaggerOptions(NetworkOptions):
    """Everything about one network but its vocabulary and its weights."""

    multitask: MultitaskOptions | None = None
    """None: the network learns one corpus, or several that task tags tell apart."""
    context: ContextOptions | None = None
    """A frozen language model, whose states are further features of each token."""
    cell: str = "lstm"
    cell_options: dict[str, Any] = Field(default_factory=dict)
    word_size: Size = 100

    @property
    def has_output_per_corpus(self) -> bool:
        """Whether each corpus has emission scores and a CRF of its own, over its own labels."""
        return self.multitask is not None and self.multitask.output == "per_corpus"
