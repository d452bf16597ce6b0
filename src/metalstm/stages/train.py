"""Train one tagger, and let it tag the development and test files of its corpora."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from metalstm.corpora import columns, joint
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.gazetteers import storage as gazetteers
from metalstm.gazetteers.matching import Gazetteers
from metalstm.nn import batch, language_model, storage
from metalstm.nn.batch import Numbered
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import TaggerOptions
from metalstm.nn.tagger import Tagger, num_parameters
from metalstm.plan.job import SCORED_SPLITS, Plan
from metalstm.stages import manifest
from metalstm.stages.devel import Devel, reading, require_entities
from metalstm.stages.sentences import by_corpus
from metalstm.stages.versions import versions
from metalstm.tagging.tokens import Tagged
from metalstm.tracking import LiveRun
from metalstm.training import checkpoints, devices, weights
from metalstm.training.batches import Example, number
from metalstm.training.epochs import Outcome
from metalstm.training.history import Epoch, as_csv, best_score, tokens_per_second
from metalstm.training.loop import changing_rows, fit, fit_to_corpus
from metalstm.training.options import JointTrainingOptions, TrainingOptions
from metalstm.vectors import contextual, load

Corpora = dict[str, list[Sentence]]


@dataclass(slots=True)
class _Done:
    """What is done of a training."""

    joint: Outcome
    continued: dict[str, Outcome] = field(default_factory=dict)
    """By corpus, where training went on for it alone."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of each corpus's own weights."""
    task_labels_removed: dict[str, int] = field(default_factory=dict)
    """By file of predictions."""

    def history(self) -> list[Epoch]:
        """All epochs, numbered through."""
        rows = list(self.joint.history)
        for corpus, outcome in self.continued.items():
            rows += [_later(row, corpus, len(rows)) for row in outcome.history]
        return rows


def run(plan: Plan) -> None:
    """Train as `plan` says; write the model, its history, its cost and its predictions.

    A training that was stopped goes on after its last whole epoch.

    Raises:
        UserError: there is nothing to choose an epoch by, or nothing to train on.
    """
    torch.set_num_threads(1)
    chosen = plan.parameters
    data = {split: by_corpus(plan, split) for split in SCORED_SPLITS}
    if chosen["training"]["train_on"] == "train":
        require_entities(data["devel"])
    torch.manual_seed(chosen["seed"])
    tagger, sentences = _begin(plan, data["devel"])
    tagger.to(devices.device(chosen["training"]["device"]))
    folder = Path(plan.outputs["model.json"]).parent
    with LiveRun(plan) as tracked:
        done = _train(plan, tagger, sentences, data, tracked)
    write_text(Path(plan.outputs["history.csv"]), as_csv(done.history()))
    write_text(Path(plan.outputs["training.json"]), json.dumps(_record(plan, tagger, done), indent=1) + "\n")
    named = {name: chosen[name] for name in ("setting", "scope", "cell", "seed", "joint")}
    storage.save(tagger, folder, extra=named, continued=done.digests)
    if chosen["joint"]:
        # DVC expects the same outputs of every setting, and so a folder even where there is nothing for it.
        (folder / storage.CONTINUED).mkdir(exist_ok=True)
    checkpoints.remove(folder)


def _begin(plan: Plan, devel: Corpora) -> tuple[Tagger, Numbered]:
    """The tagger with its first weights, and what it learns from, as numbers: the text is needed no more."""
    chosen = plan.parameters
    options = TaggerOptions.model_validate(chosen["tagger"])
    splits = {"train": by_corpus(plan, "train"), "devel": devel}
    learned = [splits[split] for split in chosen["training"]["train_on"].split("+")]
    tagged = chosen["joint"] and options.multitask is None
    examples = list(_examples(learned, tagged=tagged))
    vectors = load.load(Path(plan.inputs["vectors"]))
    lists = {name: gazetteers.read(Path(plan.inputs[f"gazetteer.{name}"])) for name in options.gazetteers}
    lexicon = Lexicon.build(
        ((example.tokens, example.labels) for example in examples),
        extra_words=vectors.words,
        corpora=chosen["corpora"],
        corpus_labels=_labels(examples, chosen["corpora"]) if options.has_output_per_corpus else None,
        gazetteers=Gazetteers.together(lists),
    )
    vector_of = load.rows_of(lexicon.words, vectors)
    rows = torch.from_numpy(load.lookup(vector_of, vectors)) if vectors.words else None
    del vectors  # of which `rows` is a copy, and of that the tagger's table
    tagger = Tagger(lexicon, options, rows)
    del rows
    sentences = number(examples, lexicon)
    if tagger.context is not None:
        tags = (tag(name) for name in chosen["corpora"] for tag in (joint.opening_tag, joint.closing_tag))
        unread = map(lexicon.word_id, tags) if tagged else ()
        learned_before = language_model.load(Path(plan.inputs["language_model"]))
        tagger.context.begin(learned_before, vector_of, unread)
        shown = [example.tokens for example in _examples([devel], tagged=tagged)]
        met_often = [sentences, batch.number(lexicon, shown)] if shown else [sentences]
        for corpus in chosen["corpora"]:
            features = contextual.read(Path(plan.inputs[f"{corpus}.features"]))
            for met in met_often:
                tagger.context.recall(met, features)
        for met in met_often:
            tagger.context.remember(met, tagger.words.weight)
        tagger.context.pool(sentences, [len(file) for corpora in learned for file in corpora.values()])
    return tagger, sentences


def _examples(learned: Sequence[Corpora], *, tagged: bool) -> Iterator[Example]:
    for corpora in learned:
        for corpus, sentences in corpora.items():
            for sentence in sentences:
                shown = joint.tag(sentence, corpus) if tagged else sentence
                yield Example(shown.tokens, shown.labels, corpus)


def _labels(examples: Iterable[Example], corpora: Sequence[str]) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.corpus].update(example.labels)
    if missing := [corpus for corpus in corpora if corpus not in labels]:
        raise UserError(
            f"{', '.join(missing)}: no sentence to train on, and so no label for an output layer of its own; "
            "leave it out of the group, or set model.multitask.output to shared"
        )
    return labels


def _train(plan: Plan, tagger: Tagger, sentences: Numbered, data: dict[str, Corpora], tracked: LiveRun) -> _Done:
    """Train and predict; for a model of `mtm-plus`, for each corpus with weights of its own."""
    chosen = plan.parameters
    folder = Path(plan.outputs["model.json"]).parent
    kind = TrainingOptions if tagger.options.multitask is None else JointTrainingOptions
    training = kind.model_validate(chosen["training"])
    identity = json.dumps(manifest.basis(plan))

    devel = Devel(data["devel"], joined=chosen["joint"])
    outcome = fit(
        tagger,
        sentences,
        training,
        seed=chosen["seed"],
        devel_score=devel.mean_f1,
        folder=folder,
        identity=identity,
        on_epoch=partial(_report, tracked, devel, None, 0),
    )
    done = _Done(outcome)
    if not isinstance(training, JointTrainingOptions):
        for corpus in chosen["corpora"]:
            done.task_labels_removed |= _predict(plan, tagger, data, corpus, devel.found(corpus, outcome.best_epoch))
        return done

    joint_weights = weights.copied(tagger, changing_rows(tagger, sentences))
    for corpus in chosen["corpora"]:
        found = devel.found(corpus, outcome.best_epoch)
        # A corpus that has no train sentences keeps the joint weights.
        if training.continued.epochs and (sentences.corpus == tagger.lexicon.corpus_id(corpus)).any():
            own = Devel({corpus: data["devel"][corpus]}, joined=chosen["joint"])
            done.continued[corpus] = fit_to_corpus(
                tagger,
                sentences,
                corpus,
                training,
                seed=chosen["seed"],
                devel_score=own.mean_f1,
                folder=folder,
                identity=identity,
                on_epoch=partial(_report, tracked, own, corpus, len(done.history())),
            )
            found = own.found(corpus, done.continued[corpus].best_epoch)
        done.digests[corpus] = storage.save_continued(tagger, joint_weights, folder, corpus)
        done.task_labels_removed |= _predict(plan, tagger, data, corpus, found)
        weights.put(joint_weights, tagger)
    return done


def _report(tracked: LiveRun, devel: Devel, corpus: str | None, before: int, row: Epoch) -> None:
    devel.judged(row)
    tracked.epoch(row if corpus is None else _later(row, corpus, before))


def _later(row: Epoch, corpus: str, before: int) -> Epoch:
    return replace(row, epoch=before + row.epoch, corpus=corpus)


def _predict(
    plan: Plan, tagger: Tagger, data: dict[str, Corpora], corpus: str, in_devel: Tagged | None
) -> dict[str, int]:
    """Write token, gold label and predicted label; return how many stray task labels were removed from each file.

    `in_devel` is what the tagger finds in the devel file, if that is known.
    """
    removed = {}
    for split, known in zip(SCORED_SPLITS, (in_devel, None), strict=True):
        sentences = data[split][corpus]
        found = known or reading(tagger.lexicon, sentences, corpus, joined=plan.parameters["joint"]).tagged(tagger)
        columns.write_predictions(Path(plan.outputs[f"{corpus}.{split}"]), sentences, found.labels)
        removed[f"{corpus}.{split}"] = found.task_labels_removed
    return removed


def _record(plan: Plan, tagger: Tagger, done: _Done) -> dict[str, object]:
    outcomes = [done.joint, *done.continued.values()]
    continued = {
        corpus: {
            "best_epoch": outcome.best_epoch,
            "joint_devel_f1": outcome.start_score,
            "devel_f1": best_score(outcome.history, outcome.start_score),
        }
        for corpus, outcome in done.continued.items()
    }
    return {
        "best_epoch": done.joint.best_epoch,
        "epochs": len(done.joint.history),
        **({"continued": continued} if continued else {}),
        "train_on": plan.parameters["training"]["train_on"],
        "wall_seconds": round(sum(outcome.wall_seconds for outcome in outcomes), 3),
        "cpu_seconds": round(sum(outcome.cpu_seconds for outcome in outcomes), 3),
        "tokens_per_second": round(tokens_per_second(done.history()), 1),
        "peak_memory_mb": round(max(outcome.peak_memory_mb for outcome in outcomes), 1),
        "parameters": num_parameters(tagger),
        "task_labels_removed": done.task_labels_removed,
        "device": next(tagger.parameters()).device.type,
        "versions": versions(),
        "plan": {"code": plan.code, **plan.parameters},
    }
