"""The sentences that word vectors learn from."""

from collections.abc import Iterable, Mapping, Sequence

Tokens = Sequence[str]


def sentences(train: Mapping[str, Iterable[Tokens]], held_out: Iterable[Tokens] = ()) -> list[tuple[str, ...]]:
    """Each distinct sentence of the train text of all corpora once.

    Corpora share text: the same abstract, annotated for chemicals in one and for diseases in another, would
    count twice. The order is that of the corpora's names, then that of their files, and so does not depend
    on the order in which a study lists its corpora.

    `held_out` are sentences of development and test files. Those that also stand in some corpus's train
    text, compared on letters and digits alone and whatever their case, are left out: the vectors would
    otherwise know words of the test text that a reader of new text would not know.
    """
    forbidden = {_letters_and_digits(tokens) for tokens in held_out}
    distinct = dict.fromkeys(tuple(tokens) for corpus in sorted(train) for tokens in train[corpus])
    return [tokens for tokens in distinct if not forbidden or _letters_and_digits(tokens) not in forbidden]


def _letters_and_digits(tokens: Tokens) -> str:
    return "".join(character for token in tokens for character in token if character.isalnum()).casefold()
