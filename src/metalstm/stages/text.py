"""Gather the text that word vectors learn from: the corpora's train text, and texts that the user names."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from metalstm.corpora import columns, tokenise
from metalstm.corpora.splits import SPLITS
from metalstm.files import atomic, write_text
from metalstm.plan.job import Plan
from metalstm.stages import texts
from metalstm.vectors import paragraphs, text
from metalstm.vectors.heldout import LEAST_CHARACTERS, LEAST_TOKENS, HeldOut

Tokens = tuple[str, ...]


def run(plan: Plan) -> None:
    """Write the sentences, the distinct words of all corpora, and a report of what came from where.

    A paragraph of the user's texts that holds a development or test sentence of a corpus is left out. The corpora's
    own train text stays whole, even where it is held-out text of another corpus; that is counted.

    Raises:
        UserError: a text that is not there, not what it should be, or cannot be read.
    """
    paths = texts.bring(plan.parameters["texts"], "vectors.texts")
    words: dict[str, None] = {}
    train: dict[str, list[Tokens]] = {}
    held_out = HeldOut()
    for corpus in plan.parameters["corpora"]:
        for split in SPLITS:
            sentences = columns.read_tokens(Path(plan.inputs[f"{corpus}.{split}"]))
            words.update((word, None) for tokens in sentences for word in tokens)
            if split != "train":
                for tokens in sentences:
                    held_out.add(tokens, corpus)
            elif corpus in plan.parameters["learned"]:
                train[corpus] = sentences
    report: dict[str, Any] = {
        "held_out": {
            "corpora": plan.parameters["corpora"],
            "sentences": len(held_out),
            "least_tokens": LEAST_TOKENS,
            "least_characters": LEAST_CHARACTERS,
        },
        "corpora": {},
        "texts": {},
    }
    with (
        atomic(Path(plan.outputs["sentences"])) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="\n") as out,
    ):
        learned = text.distinct(train)
        for corpus, sentences in learned.items():
            counts = {"train_sentences": len(train[corpus]), **_write(out, sentences)}
            counts["held_out_elsewhere"] = sum(held_out.elsewhere(tokens, corpus) for tokens in train[corpus])
            report["corpora"][corpus] = counts
            print(f"{corpus}: {_said(counts)}", flush=True)
        known = {tokens for sentences in learned.values() for tokens in sentences}
        for path, chosen in zip(paths, plan.parameters["texts"], strict=True):
            counts = _add(out, path, held_out, known, tokenised=chosen["tokenised"])
            report["texts"][chosen["address"] or chosen["file"]] = counts
            print(f"{path}: {_said(counts)}", flush=True)
    sources = [*report["corpora"].values(), *report["texts"].values()]
    totals = {key: sum(counts[key] for counts in sources) for key in ("sentences", "tokens")}
    write_text(Path(plan.outputs["words"]), "".join(sorted(f"{word}\n" for word in words)))
    write_text(Path(plan.outputs["report"]), json.dumps(totals | report, indent=1, ensure_ascii=False) + "\n")
    print(f"{plan.outputs['sentences']}: {_said(totals)}")


def _add(out: TextIO, path: Path, held_out: HeldOut, known: Container[Tokens], *, tokenised: bool) -> dict[str, int]:
    """Write the sentences of a text, but for the paragraphs with a held-out sentence; what was read and written.

    A sentence of the corpora's train text is not written again: a rare name in it would count as one seen twice,
    and then train names would have vectors where held-out names of the same rarity have none.
    """
    counts: Counter[str] = Counter(paragraphs=0, removed=0, repeated=0, sentences=0, tokens=0)
    for paragraph in paragraphs.read(path):
        counts["paragraphs"] += 1
        if held_out.within(paragraph):
            counts["removed"] += 1
            continue
        sentences = list(_sentences(paragraph, tokenised=tokenised))
        further = [sentence for sentence in sentences if sentence not in known]
        counts["repeated"] += len(sentences) - len(further)
        counts.update(_write(out, further))
    return dict(counts)


def _sentences(paragraph: str, *, tokenised: bool) -> Iterator[Tokens]:
    if tokenised:
        yield tuple(paragraph.split())
    else:
        yield from (tuple(token.text for token in tokens) for tokens in tokenise.sentences(paragraph))


def _write(out: TextIO, sentences: Iterable[Tokens]) -> dict[str, int]:
    written = tokens = 0
    for sentence in sentences:
        if line := text.line(sentence):
            out.write(line)
            written += 1
            tokens += len(sentence)
    return {"sentences": written, "tokens": tokens}


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
