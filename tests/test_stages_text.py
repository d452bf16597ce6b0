"""The stages from the corpora to the coverage of the word vectors, on corpora of a few sentences."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from metalstm.errors import UserError
from metalstm.plan import study as planning
from metalstm.stages import run as stage
from metalstm.vectors import load

SENTENCES = {
    ("ills", "train"): ["Aspirin helps in acute gout .", "The patients of both groups had severe headache ."],
    ("ills", "devel"): ["Mumps of adults is seldom seen in our hospital ."],
    ("ills", "test"): ["No change ."],
    ("other", "train"): ["Aspirin helps in acute gout .", "Rabies kills ."],
    ("other", "devel"): ["The patients of both groups had severe headache ."],
    ("other", "test"): ["Lupus was found in every third woman of the cohort ."],
}
LEARNED = ["Aspirin helps in acute gout .", "The patients of both groups had severe headache ."]
MORE = "Nothing to see here, dr. Who. No change.\nAs is known, mumps of adults is seldom seen in our hospital!\n"
ADDRESS = "https://example.org/deep/more.txt.gz"


def study(folder: Path, **vectors: object) -> Path:
    for (corpus, split), sentences in SENTENCES.items():
        path = folder / "own" / corpus / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = {"gout": "S-Disease", "Mumps": "S-Disease", "Lupus": "S-Disease"}
        blocks = ["".join(f"{word}\t{labels.get(word, 'O')}\n" for word in s.split()) for s in sentences]
        path.write_text("\n".join(blocks), encoding="utf-8")
    names = ["ills", "other"]
    options = {"corpora": ["ills"], "size": 4, "epochs": 1, "min_count": 1, "bucket": 50}
    chosen = {
        "corpora": names,
        "groups": {},
        "settings": {"per_corpus": ["stm"], "per_group": []},
        "images": {"sets": [], "variants": {}, "seeds": [1]},
        "cells": ["lstm"],
        "seeds": [1],
        "vectors": {**options, **vectors},
        "own_corpora": {
            name: {"folder": f"own/{name}", "files": {split: f"{split}.tsv" for split in planning.SPLITS}}
            for name in names
        },
    }
    (folder / "params.yaml").write_text(json.dumps(chosen), encoding="utf-8")
    return folder


def run(*stages: str) -> dict[str, bool]:
    """Run the jobs of these stages and of those that bring the corpora; whether each had anything to do."""
    _, plans = planning.write(Path("params.yaml"))
    wanted = ("fetch", "convert", *(stages or ("text", "vectors", "coverage")))
    return {plan.job: stage.run(plan.stage, plan.path) for plan in plans.values() if plan.stage in wanted}


def sentences() -> list[str]:
    return Path("data/text/sentences.txt").read_text("utf-8").splitlines()


def report() -> dict[str, dict[str, dict[str, int]]]:
    return json.loads(Path("data/text/report.json").read_text("utf-8"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("METALSTM_MIRROR", raising=False)
    return tmp_path


def test_without_texts_the_train_text_is_learned(folder: Path) -> None:
    study(folder)
    run()
    assert sentences() == LEARNED
    assert report()["corpora"] == {
        "ills": {"train_sentences": 2, "sentences": 2, "tokens": 15, "held_out_elsewhere": 0}
    }
    assert len(load.load(Path("data/vectors/words.bin")).words) == 14


def test_a_sentence_of_white_space_alone_is_neither_learned_nor_counted(folder: Path) -> None:
    study(folder)
    with Path("own/ills/train.tsv").open("a", encoding="utf-8") as file:
        file.write("\n\u00a0\tO\n\u00a0\tO\n")
    run()
    assert sentences() == LEARNED
    assert (report()["sentences"], report()["tokens"]) == (2, 15)
    assert "" not in load.load(Path("data/vectors/words.bin")).words


def test_a_paragraph_with_a_held_out_sentence_of_any_corpus_is_removed_and_counted(folder: Path) -> None:
    (folder / "more.txt").write_text(MORE, encoding="utf-8")
    lines = ["IL-2 binds .", SENTENCES["other", "test"][0], LEARNED[0]]
    (folder / "tokenised.txt").write_text("\n".join(lines), encoding="utf-8")
    study(folder, texts=["more.txt", {"file": "tokenised.txt", "tokenised": True}])
    run("text")
    more = ["Nothing to see here , dr . Who .", "No change ."]
    assert sentences() == [*LEARNED, *more, "IL-2 binds ."]
    assert report()["texts"] == {
        "more.txt": {"paragraphs": 2, "removed": 1, "repeated": 0, "sentences": 2, "tokens": 12},
        "tokenised.txt": {"paragraphs": 3, "removed": 1, "repeated": 1, "sentences": 1, "tokens": 3},
    }
    assert report()["corpora"]["ills"]["held_out_elsewhere"] == 1
    assert (report()["sentences"], report()["tokens"]) == (5, 30)


def test_an_address_comes_from_the_mirror_and_is_verified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored = folder / "mirror" / "example.org" / "deep" / "more.txt.gz"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(gzip.compress(MORE.encode(), mtime=0))
    monkeypatch.setenv("METALSTM_MIRROR", str(folder / "mirror"))
    digest = hashlib.sha256(mirrored.read_bytes()).hexdigest()
    study(folder, texts=[{"address": ADDRESS, "sha256": digest}])
    run("text")
    assert (folder / "data/raw/text/more.txt.gz").read_bytes() == mirrored.read_bytes()
    assert report()["texts"][ADDRESS]["removed"] == 1
    study(folder, texts=[{"address": ADDRESS, "sha256": "0" * 64}])
    with pytest.raises(UserError, match=f"expected SHA-256 {'0' * 64}"):
        run("text")


def test_a_file_that_is_not_the_one_meant_is_refused(folder: Path) -> None:
    study(folder, texts=["more.txt"])
    with pytest.raises(UserError, match=r"more\.txt: no such file"):
        run("text")
    (folder / "more.txt").write_text(MORE, encoding="utf-8")
    study(folder, texts=[{"file": "more.txt", "sha256": "0" * 64}])
    with pytest.raises(UserError, match=f"expected SHA-256 {'0' * 64}"):
        run("text")
    assert not Path("data/text/sentences.txt").exists()


def test_vectors_are_learned_again_only_from_other_text(folder: Path) -> None:
    (folder / "more.txt").write_text("Mumps of adults is seldom seen in our hospital!", encoding="utf-8")
    study(folder)
    run()
    study(folder, texts=["more.txt"])
    # All of the text is held out, and so none is added.
    assert run()["text/sentences"]
    assert not any(run().values())
    (folder / "more.txt").write_text("Something else.", encoding="utf-8")
    done = run()
    assert done["text/sentences"]
    assert done["vectors/words"]


def test_text_that_stays_the_same_teaches_nothing_again(folder: Path) -> None:
    (folder / "more.txt").write_text("Mumps of adults is seldom seen in our hospital!", encoding="utf-8")
    study(folder)
    run()
    study(folder, texts=["more.txt"])
    done = run()
    assert done["text/sentences"]
    assert not done["vectors/words"]
    assert not done["coverage/words"]


def test_subwords_give_every_word_of_the_corpora_a_vector(folder: Path) -> None:
    study(folder, source="fasttext")
    run()
    words = set(load.load(Path("data/vectors/words.bin")).words)
    assert words == {word for each in SENTENCES.values() for sentence in each for word in sentence.split()}
    counted = json.loads(Path("data/vectors/report.json").read_text("utf-8"))["coverage"]
    assert all(split["without"] == 0 for splits in counted.values() for split in splits.values())


def test_tokens_inside_mentions_without_a_vector_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study(folder)
    run()
    found = json.loads(Path("data/vectors/report.json").read_text("utf-8"))
    assert found["coverage"]["ills"]["train"] == {
        "tokens": 15, "without": 0, "entity_tokens": 1, "entity_without": 0,
    }  # fmt: skip
    assert found["coverage"]["ills"]["devel"]["entity_without"] == 1
    assert found["coverage"]["other"]["test"] == {
        "tokens": 11, "without": 8, "entity_tokens": 1, "entity_without": 1,
    }  # fmt: skip
    assert "100.00" in capsys.readouterr().out


def test_words_start_at_random_where_that_is_chosen(folder: Path) -> None:
    study(folder, source="random", corpora=[])
    run()
    assert sentences() == []
    assert load.load(Path("data/vectors/words.bin")).vectors.shape == (0, 4)
