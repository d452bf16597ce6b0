"""Where the word vectors come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from metalstm.options import Options, Seed


class VectorOptions(Options):
    """One set of word vectors for all runs of a study."""

    source: Literal["skipgram", "fasttext", "random", "file"] = "skipgram"
    """skipgram, fasttext: learned from the study's text; file: `file` below; random: no vectors."""
    file: str | None = None
    """A file in word2vec text or binary, GloVe or fastText text, or fastText's own binary format."""
    size: Annotated[int, Field(ge=1)] = 100
    """Values a vector; also the tagger's word features."""
    window: Annotated[int, Field(ge=1)] = 5
    negative: Annotated[int, Field(ge=1)] = 5
    """Negative samples for each word that is predicted."""
    sample: Annotated[float, Field(ge=0, lt=1)] = 0.001
    """Words of a larger share of the text than this are passed over now and then; 0: never."""
    epochs: Annotated[int, Field(ge=1)] = 5
    min_count: Annotated[int, Field(ge=1)] = 2
    min_n: Annotated[int, Field(ge=1)] = 3
    """fasttext: length of the shortest subwords; a word's begin and end count as a character each."""
    max_n: Annotated[int, Field(ge=1)] = 6
    bucket: Annotated[int, Field(ge=1)] = 200_000
    """fasttext: rows that all subwords share, by their hash."""
    seed: Seed = 1
    workers: Annotated[int, Field(ge=1)] = 1
    """With one worker and a seed the vectors are the same bit for bit; with more they are not."""

    @model_validator(mode="after")
    def _file_is_named(self) -> "VectorOptions":
        if (self.source == "file") != (self.file is not None):
            raise ValueError("`file` is given if, and only if, `source` is file")
        return self

    @model_validator(mode="after")
    def _subwords_have_a_length(self) -> "VectorOptions":
        if self.min_n > self.max_n:
            raise ValueError("`min_n` is at most `max_n`")
        return self

    @property
    def is_learned(self) -> bool:
        """Whether the vectors are learned from the study's text."""
        return self.source in ("skipgram", "fasttext")
