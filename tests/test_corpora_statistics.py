from pathlib import Path

import pytest

from metalstm.corpora.columns import DOCUMENT_START, Sentence, read
from metalstm.corpora.schemes import convert, detect, faults
from metalstm.corpora.statistics import Statistics, statistics
from metalstm.errors import UserError

CONLL = "CoNLL-2003 English"
CONLL_FILES = {"train": "eng.train", "devel": "eng.testa", "test": "eng.testb"}


@pytest.mark.parametrize(
    ("first", "second"),
    [(("B-x", "I-x", "O", "B-y-z"), ("B-x",)), (("B-x", "E-x", "O", "S-y-z"), ("S-x",))],
    ids=["IOB2", "IOBES"],
)
def test_counts(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    corpus = [Sentence(("t",) * len(labels), labels) for labels in (first, second, ("O", "O"), ("O",))]
    assert statistics(corpus) == Statistics(
        sentences=4,
        tokens=8,
        entities=3,
        entities_by_type={"x": 2, "y-z": 1},
        sentences_without_entity=2,
        one_token_sentences=2,
        longest_sentence=4,
    )


def test_nothing_to_count() -> None:
    assert statistics([]) == Statistics(0, 0, 0, {}, 0, 0, 0)


def test_label_without_a_reading() -> None:
    with pytest.raises(UserError, match="'U-x'"):
        statistics([Sentence(("a",), ("U-x",))])


def counted_upstream(mirror: Path) -> dict[tuple[str, str], dict[str, str]]:
    header, *lines = (mirror / "STATISTICS.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    return {(row["corpus"], row["split"]): row for row in rows}


def as_statistics(row: dict[str, str]) -> Statistics:
    by_type = dict(pair.split("=") for pair in row["entities_by_type"].split())
    return Statistics(
        sentences=int(row["sentences"]),
        tokens=int(row["tokens"]),
        entities=int(row["entities"]),
        entities_by_type={kind: int(count) for kind, count in by_type.items()},
        sentences_without_entity=int(row["sentences_without_entity"]),
        one_token_sentences=int(row["one_token_sentences"]),
        longest_sentence=int(row["longest_sentence"]),
    )


def test_upstream_corpora_hold_what_was_counted_in_them(mirror: Path) -> None:
    """Entities are counted in our IOBES, made from the upstream IOB2.

    Upstream has IOBES files too, and the column `iobes_version` says that they agree ('exact'). They are not in the
    mirror. Rows of the split 'all' are the sums of their corpus's three splits.
    """
    (data,) = mirror.glob("raw.githubusercontent.com/cambridgeltl/MTL-Bioinformatics-2016/*/data")
    rows = {key: row for key, row in counted_upstream(mirror).items() if key[0] != CONLL}
    assert len(rows) == 4 * 21
    counted: dict[str, list[Statistics]] = {}
    for (corpus, split), row in rows.items():
        if split == "all":
            ours = total(counted[corpus])
        else:
            sentences = read(data / f"{corpus}-IOB" / f"{split}.tsv")
            assert not any(faults(sentence.labels, "iob2") for sentence in sentences)
            iobes = [Sentence(item.tokens, tuple(convert(item.labels, "iob2", "iobes"))) for item in sentences]
            ours = statistics(iobes)
            counted.setdefault(corpus, []).append(ours)
            assert (row["tag_scheme"], row["tag_breaches"], row["iobes_version"]) == ("IOB2", "0", "exact")
        assert ours == as_statistics(row), (corpus, split)


def total(parts: list[Statistics]) -> Statistics:
    kinds = sorted({kind for part in parts for kind in part.entities_by_type})
    return Statistics(
        sentences=sum(part.sentences for part in parts),
        tokens=sum(part.tokens for part in parts),
        entities=sum(part.entities for part in parts),
        entities_by_type={kind: sum(part.entities_by_type.get(kind, 0) for part in parts) for kind in kinds},
        sentences_without_entity=sum(part.sentences_without_entity for part in parts),
        one_token_sentences=sum(part.one_token_sentences for part in parts),
        longest_sentence=max(part.longest_sentence for part in parts),
    )


@pytest.mark.parametrize("split", ["train", "devel", "test"])
def test_conll_2003_holds_what_was_counted_in_it(mirror: Path, split: str) -> None:
    """Its rows leave the -DOCSTART- lines out of sentences and tokens, as `read` does, and count them by themselves."""
    (path,) = mirror.glob(f"raw.githubusercontent.com/synalp/NER/*/corpus/CoNLL-2003/{CONLL_FILES[split]}")
    row = counted_upstream(mirror)[CONLL, split]
    sentences = read(path, separator=None)
    iobes = [Sentence(item.tokens, tuple(convert(item.labels, "iob1", "iobes"))) for item in sentences]
    assert statistics(iobes) == as_statistics(row)
    assert path.read_text(encoding="utf-8").count(DOCUMENT_START) == int(row["docstart_lines"])
    assert detect(item.labels for item in sentences) == "iob1"
    assert sum(len(faults(item.labels, "iob1")) for item in sentences) == int(row["tag_breaches"].split()[0])
