"""Several corpora in one: each sentence between two task tags that say which corpus it is from.

The tags of He et al. 2017, 'Effective Neural Solution for Multi-Criteria Word Segmentation': a sentence of the corpus
NCBI-disease becomes `<NCBI-disease>`, its tokens, `</NCBI-disease>`, where both tags have the label `S-NCBI-disease`.
Tags are found by their position, first and last, and by their text; never by a label, which a model may have
predicted, nor inside a sentence, where the same text is a token like any other.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

from metalstm.corpora.columns import Sentence
from metalstm.corpora.schemes import OUTSIDE
from metalstm.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def opening_tag(corpus: str) -> str:
    """The token before a sentence of a corpus.

    Raises:
        UserError: the corpus has a name that tags, labels and folders cannot carry.
    """
    _require_name(corpus)
    return f"<{corpus}>"


def closing_tag(corpus: str) -> str:
    """The token after a sentence of a corpus; raises as `opening_tag` does."""
    _require_name(corpus)
    return f"</{corpus}>"


def task_label(corpus: str) -> str:
    """The IOBES label of both tags of a corpus; raises as `opening_tag` does."""
    _require_name(corpus)
    return f"S-{corpus}"


def tag(sentence: Sentence, corpus: str) -> Sentence:
    """Put a sentence between the tags of its corpus; raises as `opening_tag` does."""
    label = task_label(corpus)
    return Sentence(
        (opening_tag(corpus), *sentence.tokens, closing_tag(corpus)),
        (label, *sentence.labels, label),
    )


def join(corpora: Mapping[str, Sequence[Sentence]]) -> list[Sentence]:
    """Tag the sentences of all corpora, one corpus after the other in the given order; raises as `require_names`."""
    require_names(corpora, chain.from_iterable(corpora.values()))
    return [tag(sentence, corpus) for corpus, sentences in corpora.items() for sentence in sentences]


def require_names(corpora: Iterable[str], sentences: Iterable[Sentence]) -> None:
    """Accept names of corpora that can stand beside the labels of these sentences, nothing else.

    Raises:
        UserError: as `opening_tag`; or a corpus bears the name of an entity type, so that its task label could not be
            told from an entity.
    """
    types = {label.partition("-")[2] for sentence in sentences for label in sentence.labels}
    for corpus in corpora:
        _require_name(corpus)
        if corpus in types:
            raise UserError(f"corpus {corpus!r}: expected a name that is no entity type; rename it")


def split(sentences: Iterable[Sentence]) -> dict[str, list[Sentence]]:
    """Undo `join`: the sentences of each corpus without tags, corpora in the order of their first sentence.

    Raises:
        UserError: a sentence does not stand between the two tags of one corpus.
    """
    corpora: dict[str, list[Sentence]] = {}
    for number, sentence in enumerate(sentences, start=1):
        try:
            corpus, stripped = untag(sentence)
        except UserError as error:
            raise UserError(f"sentence {number}: {error}") from None
        corpora.setdefault(corpus, []).append(stripped)
    return corpora


def untag(sentence: Sentence) -> tuple[str, Sentence]:
    """Undo `tag`: the corpus of a joint sentence, and the sentence without its two tags; raises as `split` does."""
    tokens = sentence.tokens
    corpus = tokens[0].removeprefix("<").removesuffix(">") if tokens else ""
    if len(tokens) < 3 or (tokens[0], tokens[-1]) != (f"<{corpus}>", f"</{corpus}>") or not _is_name(corpus):
        ends = f"{tokens[0]!r} ... {tokens[-1]!r}" if tokens else "nothing"
        raise UserError(
            f"expected tokens between the task tags <corpus> and </corpus>, but found {ends}; "
            "only joined corpora can be split"
        )
    return corpus, Sentence(tokens[1:-1], sentence.labels[1:-1])


def clean_prediction(labels: Sequence[str], corpora: Collection[str]) -> tuple[list[str], int]:
    """Turn task labels that were predicted inside a sentence, its tags stripped, into O.

    Returns:
        The labels, and how many of them were task labels.
    """
    task_labels = {task_label(corpus) for corpus in corpora}
    cleaned = [OUTSIDE if label in task_labels else label for label in labels]
    return cleaned, sum(label in task_labels for label in labels)


def _is_name(corpus: str) -> bool:
    return _NAME.fullmatch(corpus) is not None


def _require_name(corpus: str) -> None:
    if not _is_name(corpus):
        raise UserError(
            f"corpus {corpus!r}: expected a name of letters, digits, dots, hyphens and underscores that starts with a "
            "letter or digit; rename it"
        )
