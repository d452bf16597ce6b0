"""Where the word vectors come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from metalstm.options import Options


class VectorOptions(Options):
    """One set of word vectors for all runs of a study."""

    source: Literal["skipgram", "random", "file"] = "skipgram"
    """skipgram: trained on the train text of the corpora; file: `file` below; random: no vectors."""
    file: str | None = None
    """A file in word2vec text or binary, GloVe or fastText text format."""
    size: Annotated[int, Field(ge=1)] = 100
    """Values a vector; also the tagger's word features."""
    window: Annotated[int, Field(ge=1)] = 5
    negative: Annotated[int, Field(ge=1)] = 5
    epochs: Annotated[int, Field(ge=1)] = 5
    min_count: Annotated[int, Field(ge=1)] = 2
    seed: int = 1
    workers: Annotated[int, Field(ge=1)] = 1
    """With one worker and a seed the vectors are the same bit for bit; with more they are not."""

    @model_validator(mode="after")
    def _file_is_named(self) -> "VectorOptions":
        if (self.source == "file") != (self.file is not None):
            raise ValueError("`file` is given if, and only if, `source` is file")
        return self
